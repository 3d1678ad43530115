/* SPDX-License-Identifier: MIT */
/* Raw sockets: packets of any protocol, with or without an IP header of the program's; and ping
 * sockets, which send ICMP echoes under an identifier of their own. Source: raw(7), icmp(7),
 * RFC 792, RFC 4443. */
#include "net/raw.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/raw.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "net/inetroute.h"
#include "net/multicast.h"
#include "net/offload.h"
#include "net/rawtable.h"

#define LENGTH_MAX 0xffffU
#define ECHO_LEN 8
#define SUM_AT 2 /* of ICMP's checksum */
#define ID_AT 4
#define IDS 0x10000U

static const struct socket_ops raw_ops;

static int create(int family, int type, int protocol, struct socket **out)
{
    struct dgram_socket *t = dgram_create(&raw_ops, family, type, protocol);
    if (t == NULL) {
        return -ENOBUFS;
    }
    t->leave = rawtable_remove_locked;
    t->local.port = type == SOCK_RAW ? (uint16_t)protocol : 0; /* as Linux tells it */
    if (type == SOCK_RAW && protocol == IPPROTO_ICMPV6) {
        t->checksum_at = SUM_AT;
    }
    if (type == SOCK_RAW && protocol == IPPROTO_RAW) {
        t->inet.value[INET_HDRINCL] = 1;
    }
    net_lock();
    int err = rawtable_add_locked(t);
    net_unlock();
    if (err != 0) {
        dgram_put(t);
        return err;
    }
    *out = &t->s;
    return 0;
}

int raw_create(int family, int protocol, struct socket **out)
{
    if (protocol <= 0 || protocol > IPPROTO_RAW) {
        return protocol == 0 ? -EPROTONOSUPPORT : -EINVAL;
    }
    return process_capable(CAP_NET_RAW) ? create(family, SOCK_RAW, protocol, out) : -EPERM;
}

int ping_create(int family, int protocol, struct socket **out)
{
    if (protocol != (family == AF_INET6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
        return -EPROTONOSUPPORT;
    }
    return create(family, SOCK_DGRAM, protocol, out);
}

/* A ping socket gets an identifier: id, or any if 0. */
static int take_id(struct dgram_socket *t, uint16_t id) NEEDS(net_core)
{
    if (id != 0) {
        if (rawtable_has_echo_locked(t->s.family, id)) {
            return -EADDRINUSE;
        }
        t->local.port = id;
        return 0;
    }
    unsigned start = net_random32();
    for (unsigned i = 0; i < IDS && t->local.port == 0; i++) {
        id = (uint16_t)(start + i);
        if (id != 0 && !rawtable_has_echo_locked(t->s.family, id)) {
            t->local.port = id;
        }
    }
    return t->local.port != 0 ? 0 : -EAGAIN;
}

static int bind_locked(struct dgram_socket *t, const struct inet_address *a) NEEDS(net_core)
{
    bool ping = t->s.type == SOCK_DGRAM;
    if (t->connected || (ping && t->local.port != 0)) {
        return -EINVAL;
    }
    int err = inetopt_check_address_locked(&t->s, &t->inet, a);
    err = err == 0 && ping ? take_id(t, a->port) : err;
    if (err == 0) {
        t->local.ip = a->ip;
        t->local.scope = a->scope;
        t->keeps_address = !ip_addr_isany(&a->ip);
    }
    return err;
}

static int raw_op_bind(struct socket *s, const void *addr, size_t len)
{
    struct inet_address a;
    int err = inetaddr_parse(s->family, addr, len, &a);
    if (err == 0) {
        net_lock();
        err = bind_locked(dgram_socket(s), &a);
        net_unlock();
    }
    return err;
}

static int raw_op_connect(struct socket *s, const void *addr, size_t len, bool nonblock)
{
    struct dgram_socket *t = dgram_socket(s);
    struct inet_address a;
    uint16_t family;
    (void)nonblock;
    if (len < sizeof(family)) {
        return -EINVAL;
    }
    memcpy(&family, addr, sizeof(family));
    net_lock();
    int err = 0;
    if (family == AF_UNSPEC) {
        dgram_forget_peer_locked(t);
    } else {
        err = inetaddr_parse(s->family, addr, len, &a);
        err = err == 0 && s->type == SOCK_DGRAM && t->local.port == 0 ? take_id(t, 0) : err;
        err = err != 0 ? err : dgram_connect_locked(t, &a);
    }
    net_unlock();
    return err;
}

/* The checksum of d, at bytes into its data. */
static void put_sum(struct datagram *d, const struct pbuf *p, int at, int protocol)
{
    uint16_t sum = 0;
    if (at < 0 || (size_t)at + sizeof(sum) > d->len) {
        return;
    }
    memcpy(d->data + at, &sum, sizeof(sum));
    struct pbuf *whole = (struct pbuf *)(uintptr_t)p;
    sum = IP_IS_V6_VAL(d->to.ip)
              ? ip_chksum_pseudo(whole, (u8_t)protocol, whole->tot_len, &d->from.ip, &d->to.ip)
              : inet_chksum_pbuf(whole);
    memcpy(d->data + at, &sum, sizeof(sum));
}

/* The program's IP header, with what it leaves to us. */
static int complete_header(struct datagram *d)
{
    struct ip_hdr *h = (void *)d->data;
    if (d->len < IP_HLEN || IPH_V(h) != 4 || IPH_HL_BYTES(h) > d->len) {
        return -EINVAL;
    }
    IPH_LEN_SET(h, lwip_htons((u16_t)d->len));
    if (h->src.addr == 0) {
        h->src.addr = ip4_addr_get_u32(ip_2_ip4(&d->from.ip));
    }
    if (IPH_ID(h) == 0) {
        IPH_ID_SET(h, (u16_t)net_random32());
    }
    IPH_CHKSUM_SET(h, 0);
    IPH_CHKSUM_SET(h, inet_chksum(h, (u16_t)IPH_HL_BYTES(h)));
    return 0;
}

static int output(struct dgram_socket *t, const struct dgram_plan *plan, struct datagram *d,
                  struct netif *n) NEEDS(net_core)
{
    bool v6 = IP_IS_V6_VAL(d->to.ip);
    bool own_header = t->s.type == SOCK_RAW && !v6 && inet_value(&t->inet, INET_HDRINCL) != 0;
    if (own_header) {
        int err = d->len > n->mtu ? -EMSGSIZE : complete_header(d);
        if (err != 0) {
            return err;
        }
    }
    struct pbuf *p = datagram_pbuf(d);
    p->flags |= plan->whole && !own_header ? OFFLOAD_WHOLE : 0;
    dgram_get(t);
    __atomic_fetch_add(&t->sent, d->len + DGRAM_CHARGE, __ATOMIC_RELAXED);
    d->owner = t;
    err_t e;
    if (own_header) {
        e = ip4_output_if(p, ip_2_ip4(&d->from.ip), LWIP_IP_HDRINCL, 0, 0, 0, n);
    } else {
        if (t->s.type == SOCK_DGRAM || v6) {
            put_sum(d, p, t->s.type == SOCK_DGRAM ? SUM_AT : t->checksum_at, t->s.protocol);
        }
        e = ip_output_if_src(p, &d->from.ip, &d->to.ip, (u8_t)plan->ttl, (u8_t)plan->tos,
                             (u8_t)t->s.protocol, n);
    }
    (void)pbuf_free(p);
    return e == ERR_OK || e == ERR_MEM ? 0 : inetaddr_errno(e);
}

static int send_locked(struct dgram_socket *t, const struct dgram_plan *plan, struct datagram *d)
    NEEDS(net_core)
{
    struct inet_route r;
    int err = t->s.type == SOCK_DGRAM && t->local.port == 0 ? take_id(t, 0) : 0;
    const ip_addr_t *from = ip_addr_isany(&plan->from) ? &t->local.ip : &plan->from;
    err = err != 0 ? err : inetroute_find_locked(&plan->to.ip, from, plan->device, &r);
    if (err != 0) {
        return err;
    }
    if (r.broadcast && !socket_flag(&t->s, SO_BROADCAST)) {
        return -EACCES;
    }
    d->from.ip = r.from;
    d->to = plan->to;
    if (IP_IS_V6_VAL(d->to.ip) && ip6_addr_has_scope(ip_2_ip6(&d->to.ip), IP6_UNKNOWN)) {
        ip6_addr_set_zone(ip_2_ip6(&d->to.ip), netif_get_index(r.out));
    }
    size_t header = IP_IS_V6_VAL(d->to.ip) ? IP6_HLEN : IP_HLEN;
    if (plan->whole && !r.local) {
        err = dgram_check_whole_locked(t, d, d->len + header, r.out);
    }
    if (err != 0) {
        return err;
    }
    if (t->s.type == SOCK_DGRAM) {
        uint16_t id = lwip_htons(t->local.port);
        memcpy(d->data + ID_AT, &id, sizeof(id));
    }
    return output(t, plan, d, r.out);
}

/* Ping sockets send nothing but echo requests. */
static int check(const struct dgram_socket *t, const struct datagram *d)
{
    if (t->s.type == SOCK_RAW) {
        return 0;
    }
    uint8_t type = t->s.family == AF_INET6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO;
    bool echo = d->len >= ECHO_LEN && (uint8_t)d->data[0] == type && d->data[1] == 0;
    return echo ? 0 : -EINVAL;
}

static long raw_op_send(struct socket *s, struct message *m)
{
    struct dgram_socket *t = dgram_socket(s);
    struct dgram_plan plan;
    size_t n = iov_left(m->it);
    bool v6 = s->family == AF_INET6;
    if (n > LENGTH_MAX - (v6 ? IP6_HLEN : IP_HLEN)) {
        return -EMSGSIZE;
    }
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    long err = dgram_plan(t, m, &plan);
    err = err != 0 ? err : dgram_await_room(t, m->flags);
    if (err != 0) {
        return err;
    }
    struct datagram *d = datagram_create(n);
    if (d == NULL) {
        return -ENOBUFS;
    }
    if (n != 0 && iov_copy_from(m->it, d->data, n) != (long)n) {
        err = -EFAULT;
    }
    err = err != 0 ? err : check(t, d);
    if (err == 0) {
        net_lock();
        err = send_locked(t, &plan, d);
        net_unlock();
    }
    datagram_put(d);
    return err != 0 ? err : (long)n;
}

static const struct socket_ops raw_ops = {
    .bind = raw_op_bind,
    .connect = raw_op_connect,
    .send = raw_op_send,
    DGRAM_OPS,
};
