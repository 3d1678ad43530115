/* SPDX-License-Identifier: MIT */
/* Sending on UDP sockets. Packets to this machine go straight to the socket that gets them. Source:
 * udp(7), ip(7), RFC 768. */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/prot/udp.h>
#include <lwip/stats.h>

#include "kernel/base/string.h"
#include "net/iface.h"
#include "net/loopback.h"
#include "net/multicast.h"
#include "net/offload.h"
#include "net/udp.h"

#define LENGTH_MAX 0xffffU
#define QUOTED4_MAX (576UL - 2 * IP_HLEN - UDP_HLEN - 8) /* of an ICMP message: as Linux */
#define QUOTED6_MAX (1280UL - 2 * IP6_HLEN - UDP_HLEN - 8)
#define LENGTH4_MAX (LENGTH_MAX - UDP_HLEN - IP_HLEN)
#define LENGTH6_MAX (LENGTH_MAX - UDP_HLEN)
#define LENGTH6_SENT_MAX (LENGTH_MAX - UDP_HLEN - IP6_HLEN) /* lwIP's longest */

void udp_refused_locked(const struct udp_key *k, const void *data, size_t len)
{
    bool v6 = IP_IS_V6_VAL(*k->to);
    struct udp_key back = {k->to, k->from, k->to_port, k->from_port, k->device};
    struct dgram_error e = {
        .what = {.ee_errno = ECONNREFUSED,
                 .ee_origin = v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP,
                 .ee_type = v6 ? ICMPV6_DEST_UNREACH : ICMP_DEST_UNREACH,
                 .ee_code = v6 ? ICMPV6_PORT_UNREACH : ICMP_PORT_UNREACH},
        .offender = *k->to,
        .to = {.ip = *k->to, .port = k->to_port},
        .len = min(len, v6 ? QUOTED6_MAX : QUOTED4_MAX),
    };
    lock_assert_held(&net_core);
    struct dgram_socket *t = udptable_find_locked(&back);
    if (t != NULL) {
        dgram_fail_locked(t, &e, data, true);
    }
}

/* A UDP header in front of p. */
static err_t add_header(const struct dgram_socket *t, struct pbuf *p, const struct datagram *d,
                        const struct netif *n)
{
    if (pbuf_add_header(p, UDP_HLEN) != 0) {
        return ERR_BUF;
    }
    struct udp_hdr *h = p->payload;
    h->src = lwip_htons(d->from.port);
    h->dest = lwip_htons(d->to.port);
    h->len = lwip_htons(p->tot_len);
    h->chksum = 0;
    bool v6 = IP_IS_V6_VAL(d->to.ip);
    if ((n->chksum_flags & NETIF_CHECKSUM_GEN_UDP) != 0 &&
        (v6 || !socket_flag(&t->s, SO_NO_CHECK))) {
        u16_t sum = ip_chksum_pseudo(p, IP_PROTO_UDP, p->tot_len, &d->from.ip, &d->to.ip);
        h->chksum = sum != 0 ? sum : 0xffff;
    }
    return ERR_OK;
}

static int output(struct dgram_socket *t, struct datagram *d, struct netif *n, bool whole)
    NEEDS(net_core)
{
    struct pbuf *p = datagram_pbuf(d);
    p->flags |= whole ? OFFLOAD_WHOLE : 0;
    err_t err = add_header(t, p, d, n);
    dgram_get(t);
    __atomic_fetch_add(&t->sent, d->len + DGRAM_CHARGE, __ATOMIC_RELAXED);
    d->owner = t;
    if (err == ERR_OK) {
        err = ip_output_if_src(p, &d->from.ip, &d->to.ip, d->ttl, d->tos, IP_PROTO_UDP, n);
    }
    (void)pbuf_free(p);
    if (err == ERR_MEM || err == ERR_BUF) { /* lost, as on the wire */
        return inet_value(&t->inet, INET_RECVERR) != 0 ? -ENOBUFS : 0;
    }
    return err == ERR_OK ? 0 : inetaddr_errno(err);
}

/* To sockets of this machine. d's reference stays the caller's. */
static void deliver(struct datagram *d, bool many) NEEDS(net_core)
{
    struct udp_key k = {&d->from.ip, &d->to.ip, d->from.port, d->to.port, d->device};
    if (many) {
        udptable_deliver_many_locked(&k, d);
        return;
    }
    struct dgram_socket *t = udptable_find_locked(&k);
    if (t == NULL) {
        MIB2_STATS_INC(mib2.udpnoports);
        udp_refused_locked(&k, d->data, d->len);
        return;
    }
    __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
    MIB2_STATS_INC(mib2.udpindatagrams);
    dgram_receive_locked(t, d);
}

/* Who has joined the group here gets it, too. */
static bool comes_back(const struct dgram_socket *t, const struct datagram *d,
                       const struct inet_route *r) NEEDS(net_core)
{
    if (r->broadcast) {
        return true;
    }
    bool v6 = IP_IS_V6_VAL(d->to.ip);
    bool loop = inet_value(&t->inet, v6 ? INET6_MULTICAST_LOOP : INET_MULTICAST_LOOP) != 0;
    return (loop || r->local) && multicast_joined_locked(&d->to.ip, d->device);
}

static int check_length(struct dgram_socket *t, const struct dgram_plan *p,
                        const struct datagram *d, const struct inet_route *r) NEEDS(net_core)
{
    bool v6 = IP_IS_V6_VAL(d->to.ip);
    size_t most = !v6 ? LENGTH4_MAX : r->local ? LENGTH6_MAX : LENGTH6_SENT_MAX;
    if (d->len > most) {
        return -EMSGSIZE;
    }
    size_t header = UDP_HLEN + (v6 ? IP6_HLEN : IP_HLEN);
    return p->whole && !r->local ? dgram_check_whole_locked(t, d, d->len + header, r->out) : 0;
}

static int find_route(struct dgram_socket *t, const struct dgram_plan *p, struct inet_route *r)
    NEEDS(net_core)
{
    const ip_addr_t *from = &p->from;
    if (ip_addr_isany(from)) {
        from = &t->local.ip;
        if (ip_addr_ismulticast(from) || inetroute_is_broadcast_locked(from)) {
            from = NULL;
        }
    } else if (!inetaddr_is_local(from) && inet_value(&t->inet, INET_TRANSPARENT) == 0) {
        return -ENETUNREACH;
    }
    int err = inetroute_find_locked(&p->to.ip, from, p->device, r);
    if (err == 0 && r->broadcast && !socket_flag(&t->s, SO_BROADCAST)) {
        return -EACCES;
    }
    return err;
}

static int send_locked(struct dgram_socket *t, const struct dgram_plan *p, struct datagram *d)
    NEEDS(net_core)
{
    struct inet_route r;
    int err = udp_autobind_locked(t);
    err = err != 0 ? err : find_route(t, p, &r);
    if (err != 0) {
        return err;
    }
    d->from = (struct inet_address){.ip = r.from, .port = t->local.port};
    d->to = p->to;
    if (IP_IS_V6_VAL(d->to.ip) && ip6_addr_has_scope(ip_2_ip6(&d->to.ip), IP6_UNKNOWN)) {
        ip6_addr_set_zone(ip_2_ip6(&d->to.ip), netif_get_index(r.out));
    }
    d->ttl = (uint8_t)p->ttl;
    d->tos = (uint8_t)p->tos;
    d->device = (uint8_t)iface_index(r.out);
    err = check_length(t, p, d, &r);
    if (err != 0) {
        return err;
    }
    MIB2_STATS_INC(mib2.udpoutdatagrams);
    bool many = r.broadcast || r.multicast;
    if (r.local) {
        iface_count_out(r.out, d->len + UDP_HLEN + IP_HLEN);
        iface_count_in(r.out, d->len + UDP_HLEN + IP_HLEN);
    }
    if (many ? comes_back(t, d, &r) : r.local) {
        deliver(d, many);
    }
    return r.local || (many && p->ttl == 0) ? 0 : output(t, d, r.out, p->whole);
}

static int send_datagram(struct dgram_socket *t, const struct dgram_plan *p, struct datagram *d)
{
    net_lock();
    int err = send_locked(t, p, d);
    net_unlock();
    datagram_put(d);
    dgram_sent(t);
    return err;
}

/* The next len bytes of m, as one packet. */
static int send_part(struct dgram_socket *t, struct message *m, const struct dgram_plan *p,
                     size_t len)
{
    struct datagram *d = datagram_create(len);
    if (d == NULL) {
        return -ENOBUFS;
    }
    if (len != 0 && iov_copy_from(m->it, d->data, len) != (long)len) {
        datagram_put(d);
        return -EFAULT;
    }
    return send_datagram(t, p, d);
}

static long send_now(struct dgram_socket *t, struct message *m, const struct dgram_plan *p)
{
    size_t n = iov_left(m->it);
    long err = dgram_await_room(t, m->flags);
    if (p->segment == 0 || p->segment >= n) {
        err = err != 0 ? err : send_part(t, m, p, n);
        return err != 0 ? err : (long)n;
    }
    while (err == 0 && iov_left(m->it) != 0) {
        err = send_part(t, m, p, min(iov_left(m->it), (size_t)p->segment));
    }
    return err != 0 ? err : (long)n;
}

static int send_corked(struct dgram_socket *t) NEEDS(t->corking)
{
    struct datagram *d = t->corked;
    struct dgram_plan p = t->corked_plan;
    d->len = (uint32_t)t->corked_bytes;
    t->corked = NULL;
    t->corked_bytes = 0;
    return send_datagram(t, &p, d);
}

int udp_uncork(struct dgram_socket *t)
{
    mutex_lock(&t->corking);
    int err = t->corked != NULL ? send_corked(t) : 0;
    mutex_unlock(&t->corking);
    return err;
}

/* As Linux, a socket has a port once it has tried. */
static int plan(struct dgram_socket *t, const struct message *m, struct dgram_plan *p)
{
    if (__atomic_load_n(&t->local.port, __ATOMIC_RELAXED) == 0) {
        net_lock();
        int err = udp_autobind_locked(t);
        net_unlock();
        if (err != 0) {
            return err;
        }
    }
    int err = dgram_plan(t, m, p);
    return err == 0 && p->named && p->to.port == 0 ? -EINVAL : err;
}

/* Put m's bytes to those that wait, and send all unless more shall come. */
static long cork(struct dgram_socket *t, struct message *m, bool more) NEEDS(t->corking)
{
    size_t n = iov_left(m->it);
    if (t->corked == NULL) {
        int err = plan(t, m, &t->corked_plan);
        if (err != 0) {
            return err;
        }
        t->corked = datagram_create(LENGTH_MAX);
        if (t->corked == NULL) {
            return -ENOBUFS;
        }
    }
    if (n > LENGTH4_MAX - t->corked_bytes) {
        return -EMSGSIZE;
    }
    if (n != 0 && iov_copy_from(m->it, t->corked->data + t->corked_bytes, n) != (long)n) {
        return -EFAULT;
    }
    t->corked_bytes += n;
    int err = more ? 0 : send_corked(t);
    return err != 0 ? err : (long)n;
}

long udp_op_send(struct socket *s, struct message *m)
{
    struct dgram_socket *t = dgram_socket(s);
    struct dgram_plan p;
    if (iov_left(m->it) > LENGTH_MAX) {
        return -EMSGSIZE;
    }
    if ((m->flags & MSG_OOB) != 0 && s->family == AF_INET) {
        return -EOPNOTSUPP;
    }
    bool more = (m->flags & MSG_MORE) != 0 || __atomic_load_n(&t->cork, __ATOMIC_RELAXED);
    if (more || __atomic_load_n(&t->corked, __ATOMIC_RELAXED) != NULL) {
        mutex_lock(&t->corking);
        long n = cork(t, m, more);
        mutex_unlock(&t->corking);
        return n;
    }
    int err = plan(t, m, &p);
    return err != 0 ? err : send_now(t, m, &p);
}
