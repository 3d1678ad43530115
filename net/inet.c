/* SPDX-License-Identifier: MIT */
/* The families AF_INET and AF_INET6. Source: ip(7), ipv6(7). */
#include "net/inet.h"

#include <asm/errno.h>
#include <linux/in.h>
#include <linux/in6.h>

#include "net/net.h"
#include "net/raw.h"
#include "net/tcp.h"
#include "net/udp.h"

static int create(int family, int type, int protocol, struct socket **out)
{
    net_need_device();
    switch (type) {
    case SOCK_STREAM: return tcp_create(family, protocol, out);
    case SOCK_DGRAM:
        return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6
                   ? ping_create(family, protocol, out)
                   : udp_create(family, protocol, out);
    case SOCK_RAW: return raw_create(family, protocol, out);
    default: return -ESOCKTNOSUPPORT;
    }
}

static int create4(int type, int protocol, struct socket **out)
{
    return create(AF_INET, type, protocol, out);
}

static int create6(int type, int protocol, struct socket **out)
{
    return create(AF_INET6, type, protocol, out);
}

const struct socket_family inet_family = {.family = AF_INET, .create = create4};
const struct socket_family inet6_family = {.family = AF_INET6, .create = create6};
