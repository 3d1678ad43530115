/* SPDX-License-Identifier: MIT */
/* What a call that sends on a datagram socket asks for: address, control messages, options. Source:
 * send(2), ip(7), ipv6(7), RFC 3542. */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "kernel/base/string.h"
#include "net/dgram.h"
#include "net/inetroute.h"
#include "net/multicast.h"

#define BYTE_MAX 255

static int take_int(const struct control_item *c, int least, int *out)
{
    int number;
    if (c->len != sizeof(number)) {
        return -EINVAL;
    }
    memcpy(&number, c->data, sizeof(number));
    if (number < least || number > BYTE_MAX) {
        return -EINVAL;
    }
    *out = number;
    return 0;
}

static int take_info4(const struct control_item *c, struct dgram_plan *p)
{
    struct in_pktinfo info;
    if (c->len != sizeof(info)) {
        return -EINVAL;
    }
    memcpy(&info, c->data, sizeof(info));
    p->device = info.ipi_ifindex != 0 ? (unsigned)info.ipi_ifindex : p->device;
    ip_addr_set_ip4_u32(&p->from, info.ipi_spec_dst.s_addr);
    return 0;
}

static int take_info6(const struct control_item *c, struct dgram_plan *p)
{
    struct in6_pktinfo info;
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6};
    struct inet_address a;
    if (c->len != sizeof(info)) {
        return -EINVAL;
    }
    memcpy(&info, c->data, sizeof(info));
    sin6.sin6_addr = info.ipi6_addr;
    sin6.sin6_scope_id = (uint32_t)info.ipi6_ifindex;
    int err = inetaddr_parse(AF_INET6, &sin6, sizeof(sin6), &a);
    p->device = info.ipi6_ifindex != 0 ? (unsigned)info.ipi6_ifindex : p->device;
    p->from = a.ip;
    return err;
}

static int take4(const struct control_item *c, struct dgram_plan *p)
{
    switch (c->type) {
    case IP_PKTINFO: return take_info4(c, p);
    case IP_TTL: return take_int(c, 1, &p->ttl);
    case IP_TOS:
        if (c->len == 1) {
            p->tos = *(const uint8_t *)c->data;
            return 0;
        }
        return take_int(c, 0, &p->tos);
    case IP_PROTOCOL:
    case IP_RETOPTS: return 0;
    default: return -EINVAL;
    }
}

static int take6(const struct control_item *c, struct dgram_plan *p)
{
    int number = 0;
    int err = 0;
    switch (c->type) {
    case IPV6_PKTINFO:
    case IPV6_2292PKTINFO: return take_info6(c, p);
    case IPV6_HOPLIMIT:
    case IPV6_2292HOPLIMIT: return take_int(c, -1, &p->ttl);
    case IPV6_TCLASS: return take_int(c, -1, &p->tos);
    case IPV6_DONTFRAG:
        err = take_int(c, 0, &number);
        p->whole = p->whole || number != 0;
        return err;
    case IPV6_FLOWINFO: return 0;
    default: return -EINVAL;
    }
}

/* Of SOL_SOCKET; none of them has a meaning here. */
static bool is_general(int type)
{
    return type == SO_MARK || type == SO_TIMESTAMPING_OLD || type == SCM_TXTIME ||
           type == SO_PRIORITY || type == SCM_RIGHTS || type == SCM_CREDENTIALS;
}

static int take_control(const struct dgram_socket *t, const struct control_item *c,
                        struct dgram_plan *p)
{
    if (c->level == IPPROTO_IP && t->s.family == AF_INET) {
        return take4(c, p);
    }
    if (c->level == IPPROTO_IPV6 && t->s.family == AF_INET6) {
        return take6(c, p);
    }
    if (c->level == SOL_SOCKET) {
        return is_general(c->type) ? 0 : -EINVAL;
    }
    if (c->level == IPPROTO_UDP && c->type == UDP_SEGMENT && t->s.protocol == IPPROTO_UDP) {
        uint16_t segment;
        if (c->len != sizeof(segment)) {
            return -EINVAL;
        }
        memcpy(&segment, c->data, sizeof(segment));
        p->segment = segment;
    }
    return 0;
}

/* An AF_INET6 socket may be given addresses of AF_INET, too, and AF_UNSPEC for its peer. */
static int take_address(struct dgram_socket *t, const struct message *m, struct dgram_plan *p)
{
    uint16_t family = AF_UNSPEC;
    bool v6 = t->s.family == AF_INET6;
    if (m->addrlen >= sizeof(family)) {
        memcpy(&family, m->addr, sizeof(family));
    }
    if (v6 && family == AF_UNSPEC && m->addrlen >= sizeof(family)) {
        return -EDESTADDRREQ; /* as if none were given */
    }
    bool v4 = !v6 || (family == AF_INET && t->s.type != SOCK_RAW);
    int err = inetaddr_parse(v4 ? AF_INET : AF_INET6, m->addr, m->addrlen, &p->to);
    if (!v6 && err == -EAFNOSUPPORT && family == AF_UNSPEC) {
        struct sockaddr_in sin;
        memcpy(&sin, m->addr, sizeof(sin));
        sin.sin_family = AF_INET;
        err = inetaddr_parse(AF_INET, &sin, sizeof(sin), &p->to);
    }
    if (err == -EAFNOSUPPORT && v6 && t->s.type == SOCK_DGRAM) {
        err = -EINVAL;
    }
    if (err == 0 && v6 && IP_IS_V4_VAL(p->to.ip) && inet_value(&t->inet, INET6_V6ONLY) != 0) {
        err = -ENETUNREACH;
    }
    return err;
}

static int take_peer(struct dgram_socket *t, struct dgram_plan *p)
{
    net_lock();
    bool connected = t->connected;
    p->to = t->peer;
    net_unlock();
    return connected ? 0 : -EDESTADDRREQ;
}

static void complete(const struct dgram_socket *t, struct dgram_plan *p)
{
    const struct inet_options *o = &t->inet;
    bool v6 = !IP_IS_V4_VAL(p->to.ip);
    bool many = ip_addr_ismulticast(&p->to.ip);
    if (p->ttl < 0) {
        p->ttl = (int)inetopt_ttl(o, v6, many);
    }
    if (p->tos < 0) {
        p->tos = inet_value(o, v6 ? INET6_TCLASS : INET_TOS);
    }
    if (p->device == 0) {
        p->device = __atomic_load_n(&o->device, __ATOMIC_RELAXED);
    }
    if (p->device == 0 && many) {
        p->device = multicast_device(o, &p->to.ip);
    }
    if (p->device == 0 && v6) {
        p->device = p->to.scope;
    }
    int discover = inet_value(o, v6 ? INET6_MTU_DISCOVER : INET_MTU_DISCOVER);
    p->whole = p->whole || discover == IP_PMTUDISC_DO || discover == IP_PMTUDISC_PROBE ||
               (v6 && inet_value(o, INET6_DONTFRAG) != 0);
}

int dgram_plan(struct dgram_socket *t, const struct message *m, struct dgram_plan *p)
{
    struct control_item c = {.next = 0};
    memset(p, 0, sizeof(*p));
    p->ttl = p->tos = -1;
    p->segment = __atomic_load_n(&t->segment, __ATOMIC_RELAXED);
    int err = m->addr != NULL ? take_address(t, m, p) : -EDESTADDRREQ;
    p->named = err == 0;
    if (err == -EDESTADDRREQ) {
        err = take_peer(t, p);
    }
    int more = 1;
    while (err == 0 && (more = message_next(m, &c)) > 0) {
        err = take_control(t, &c, p);
    }
    err = err != 0 ? err : min(more, 0);
    if (err == 0) {
        inetroute_home(&p->to.ip, t->s.family == AF_INET6);
        complete(t, p);
    }
    return err;
}
