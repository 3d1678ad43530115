/* SPDX-License-Identifier: MIT */
/* Options of datagram sockets beyond those that are numbers. Source: udp(7), raw(7), ip(7),
 * ipv6(7). */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/udp.h>

#include "kernel/base/string.h"
#include "net/inetroute.h"
#include "net/multicast.h"
#include "net/udp.h"

#define SOL_RAW 255
#define SEGMENT_MAX 0xffff
#define CHECKSUM_AT_MAX 0xfff

/* IP_MTU, IPV6_MTU: of the way to the peer. */
static int get_mtu(struct dgram_socket *t, void *value, size_t *len)
{
    net_lock();
    int mtu =
        t->connected ? inetroute_mtu_locked(&t->peer.ip, &t->local.ip, t->inet.device) : -ENOTCONN;
    net_unlock();
    return mtu < 0 ? mtu : socket_put_int(value, len, mtu);
}

static int get_udp(struct dgram_socket *t, int option, void *value, size_t *len)
{
    switch (option) {
    case UDP_CORK: return socket_put_int(value, len, t->cork);
    case UDP_SEGMENT: return socket_put_int(value, len, t->segment);
    case UDP_ENCAP:
    case UDP_GRO:
    case UDP_NO_CHECK6_TX:
    case UDP_NO_CHECK6_RX: return socket_put_int(value, len, 0);
    default: return -ENOPROTOOPT;
    }
}

static bool is_filter(const struct dgram_socket *t, int level, int option)
{
    return t->s.type == SOCK_RAW &&
           ((t->s.protocol == IPPROTO_ICMP && level == SOL_RAW && option == ICMP_FILTER) ||
            (t->s.protocol == IPPROTO_ICMPV6 && level == IPPROTO_ICMPV6 &&
             option == ICMPV6_FILTER));
}

static bool is_checksum_at(const struct dgram_socket *t, int level, int option)
{
    return t->s.family == AF_INET6 && t->s.type == SOCK_RAW && option == IPV6_CHECKSUM &&
           (level == IPPROTO_IPV6 || level == SOL_RAW);
}

static size_t filter_len(const struct dgram_socket *t)
{
    return t->s.protocol == IPPROTO_ICMP ? sizeof(struct icmp_filter) : sizeof(t->filter);
}

int dgram_op_get_option(struct socket *s, int level, int option, void *value, size_t *len)
{
    struct dgram_socket *t = dgram_socket(s);
    if (is_filter(t, level, option)) {
        return socket_put_value(value, len, t->filter, filter_len(t));
    }
    if (level == IPPROTO_UDP && s->protocol == IPPROTO_UDP) {
        return get_udp(t, option, value, len);
    }
    bool v6 = s->family == AF_INET6;
    if (is_checksum_at(t, level, option)) {
        return socket_put_int(value, len, t->checksum_at);
    }
    if ((level == IPPROTO_IP && option == IP_MTU) ||
        (level == IPPROTO_IPV6 && v6 && option == IPV6_MTU)) {
        return get_mtu(t, value, len);
    }
    if (level == IPPROTO_IP && option == IP_OPTIONS && !v6) {
        *len = 0;
        return 0;
    }
    int err = multicast_get(&t->inet, level, option, value, len);
    return err != -ENOPROTOOPT ? err : inetopt_get(s, &t->inet, level, option, value, len);
}

static int set_udp(struct dgram_socket *t, int option, int number)
{
    switch (option) {
    case UDP_CORK:
        __atomic_store_n(&t->cork, number != 0, __ATOMIC_RELAXED);
        return number == 0 ? udp_uncork(t) : 0;
    case UDP_SEGMENT:
        if (number < 0 || number > SEGMENT_MAX) {
            return -EINVAL;
        }
        __atomic_store_n(&t->segment, (uint16_t)number, __ATOMIC_RELAXED);
        return 0;
    case UDP_NO_CHECK6_TX:
    case UDP_NO_CHECK6_RX: return number == 0 ? 0 : -ENOPROTOOPT;
    default: return -ENOPROTOOPT;
    }
}

/* Shorter ones change the beginning. */
static int set_filter(struct dgram_socket *t, const void *value, size_t len)
{
    memcpy(t->filter, value, min(len, filter_len(t)));
    return 0;
}

static int set_checksum_at(struct dgram_socket *t, int level, int number)
{
    if ((t->s.protocol == IPPROTO_ICMPV6 && level == IPPROTO_IPV6) || number > CHECKSUM_AT_MAX) {
        return -EINVAL; /* ICMPv6's is always ours to compute */
    }
    if (number > 0 && (number & 1) != 0) {
        return -EINVAL;
    }
    t->checksum_at = number < 0 ? -1 : number;
    return 0;
}

int dgram_op_set_option(struct socket *s, int level, int option, const void *value, size_t len)
{
    struct dgram_socket *t = dgram_socket(s);
    int number = 0;
    bool whole = len >= sizeof(number);
    if (whole) {
        memcpy(&number, value, sizeof(number));
    }
    if (is_filter(t, level, option)) {
        return set_filter(t, value, len);
    }
    if (level == IPPROTO_UDP && s->protocol == IPPROTO_UDP) {
        return whole ? set_udp(t, option, number) : -EINVAL;
    }
    if (is_checksum_at(t, level, option)) {
        return whole ? set_checksum_at(t, level, number) : -EINVAL;
    }
    if (level == IPPROTO_IP && option == IP_OPTIONS && s->family == AF_INET) {
        return len == 0 ? 0 : -EINVAL;
    }
    int err = multicast_set(t, level, option, value, len);
    err = err != -ENOPROTOOPT ? err : inetopt_set(s, &t->inet, level, option, value, len);
    if (err == 0 && inet_value(&t->inet, INET_RECVERR) == 0 &&
        inet_value(&t->inet, INET6_RECVERR) == 0) {
        dgram_drop_errors(t);
    }
    return err;
}
