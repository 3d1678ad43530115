/* SPDX-License-Identifier: MIT */
/* Receiving on datagram sockets: packets, queued errors, and what control messages tell of them.
 * Locks: socket.lock over the queues. Source: recv(2), ip(7), ipv6(7), RFC 3542. */
#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>
#include <asm/sockios.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/udp.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/uaccess.h"
#include "net/dgram.h"
#include "net/iface.h"

#define NSEC_PER_USEC 1000UL
#define OFFENDER_MAX sizeof(struct sockaddr_in6)

static bool asked(const struct dgram_socket *t, enum inet_value at)
{
    return inet_value(&t->inet, at) != 0;
}

static void put_info4(struct message *m, const struct datagram *d)
{
    struct in_pktinfo info = {.ipi_ifindex = d->device};
    info.ipi_addr.s_addr = info.ipi_spec_dst.s_addr = ip4_addr_get_u32(ip_2_ip4(&d->to.ip));
    if (ip_addr_ismulticast(&d->to.ip) || ~info.ipi_addr.s_addr == 0) {
        net_lock();
        const struct netif *n = netif_get_by_index(d->device);
        info.ipi_spec_dst.s_addr = n != NULL ? ip4_addr_get_u32(netif_ip4_addr(n)) : 0;
        net_unlock();
    }
    message_put(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
}

static void put_control4(struct dgram_socket *t, struct message *m, const struct datagram *d)
{
    int ttl = d->ttl;
    uint8_t tos = d->tos;
    if (asked(t, INET_PKTINFO)) {
        put_info4(m, d);
    }
    if (asked(t, INET_RECVTTL)) {
        message_put(m, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
    }
    if (asked(t, INET_RECVTOS)) {
        message_put(m, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
    }
    if (asked(t, INET_RECVORIGDST)) {
        char to[SOCKET_ADDRESS_MAX];
        size_t len;
        inetaddr_store(AF_INET, &d->to.ip, d->to.port, to, &len);
        message_put(m, IPPROTO_IP, IP_RECVORIGDSTADDR, to, len);
    }
}

static void put_info6(struct dgram_socket *t, struct message *m, const struct datagram *d)
{
    struct sockaddr_in6 to;
    struct in6_pktinfo info = {.ipi6_ifindex = d->device};
    size_t len;
    inetaddr_store(AF_INET6, &d->to.ip, d->to.port, &to, &len);
    info.ipi6_addr = to.sin6_addr;
    if (asked(t, INET6_RECVPKTINFO)) {
        message_put(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
    }
    if (asked(t, INET6_OLDPKTINFO)) {
        message_put(m, IPPROTO_IPV6, IPV6_2292PKTINFO, &info, sizeof(info));
    }
}

static void put_control6(struct dgram_socket *t, struct message *m, const struct datagram *d)
{
    int hops = d->ttl;
    int tclass = d->tos;
    if (IP_IS_V4_VAL(d->to.ip)) {
        put_info6(t, m, d);
        put_control4(t, m, d);
        return;
    }
    put_info6(t, m, d);
    if (asked(t, INET6_RECVHOPLIMIT)) {
        message_put(m, IPPROTO_IPV6, IPV6_HOPLIMIT, &hops, sizeof(hops));
    }
    if (asked(t, INET6_RECVTCLASS)) {
        message_put(m, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
    }
    if (asked(t, INET6_OLDHOPLIMIT)) {
        message_put(m, IPPROTO_IPV6, IPV6_2292HOPLIMIT, &hops, sizeof(hops));
    }
    if (asked(t, INET6_RECVORIGDST)) {
        char to[SOCKET_ADDRESS_MAX];
        size_t len;
        inetaddr_store(AF_INET6, &d->to.ip, d->to.port, to, &len);
        message_put(m, IPPROTO_IPV6, IPV6_RECVORIGDSTADDR, to, len);
    }
}

static void put_control(struct dgram_socket *t, struct message *m, const struct datagram *d)
{
    socket_put_time(&t->s, m, d->wall_ns);
    uint32_t drops = __atomic_load_n(&t->drops, __ATOMIC_RELAXED);
    if (socket_flag(&t->s, SO_RXQ_OVFL) && drops != 0) {
        message_put(m, SOL_SOCKET, SO_RXQ_OVFL, &drops, sizeof(drops));
    }
    if (t->s.family == AF_INET6) {
        put_control6(t, m, d);
    } else {
        put_control4(t, m, d);
    }
}

/* The next packet, off its queue unless peek, with a reference; NULL: none. */
static struct datagram *take(struct dgram_socket *t, bool peek)
{
    spin_lock(&t->s.lock);
    struct datagram *d = NULL;
    if (!list_empty(&t->queue)) {
        d = list_entry(t->queue.next, struct datagram, link);
        if (peek) {
            __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
        } else {
            list_remove(&d->link);
            t->queued -= d->len + DGRAM_CHARGE;
        }
    }
    spin_unlock(&t->s.lock);
    return d;
}

static bool may_receive(struct dgram_socket *t)
{
    spin_lock(&t->s.lock);
    bool may = !list_empty(&t->queue) || t->s.error != 0;
    spin_unlock(&t->s.lock);
    return may || dgram_shut(t, SHUT_RD);
}

/* Wait for a packet; NULL with 0: the end. */
static long await(struct dgram_socket *t, unsigned flags, struct datagram **out)
{
    uint64_t deadline = socket_deadline(&t->s, false);
    for (;;) {
        int error = socket_take_error(&t->s);
        *out = error == 0 ? take(t, (flags & MSG_PEEK) != 0) : NULL;
        if (error != 0 || *out != NULL) {
            return -error;
        }
        if ((flags & MSG_DONTWAIT) != 0) {
            return -EAGAIN;
        }
        if (dgram_shut(t, SHUT_RD)) {
            return 0;
        }
        int err = wait_until(&t->s.changed, may_receive(t), deadline);
        if (err != 0) {
            return socket_wait_error(err, deadline);
        }
    }
}

/* Bytes into m; a negative errno if not all could be written. */
static long copy_out(struct message *m, const char *data, size_t len)
{
    size_t want = min(len, iov_left(m->it));
    long n = want != 0 ? iov_copy_to(m->it, data, want) : 0;
    m->out_flags |= want < len ? MSG_TRUNC : 0;
    return n < 0 || (size_t)n < want ? -EFAULT : n;
}

static void put_name(const struct dgram_socket *t, struct message *m, const struct inet_address *a)
{
    if (m->addr != NULL) {
        inetaddr_store(t->s.family, &a->ip, a->port, m->addr, &m->addrlen);
    }
}

/* struct sock_extended_err and who said it. */
static void put_error(struct dgram_socket *t, struct message *m, const struct dgram_error *e)
{
    struct {
        struct sock_extended_err what;
        char offender[OFFENDER_MAX];
    } value = {.what = e->what};
    bool v6 = t->s.family == AF_INET6;
    size_t len = v6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    if (e->what.ee_origin != SO_EE_ORIGIN_LOCAL) {
        inetaddr_store(t->s.family, &e->offender, 0, value.offender, &len);
    }
    message_put(m, v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_RECVERR : IP_RECVERR, &value,
                sizeof(value.what) + len);
}

/* MSG_ERRQUEUE. SO_ERROR is what the next of them says. */
static long receive_error(struct dgram_socket *t, struct message *m)
{
    spin_lock(&t->s.lock);
    struct list *node = list_pop(&t->errors);
    struct dgram_error *e = node != NULL ? list_entry(node, struct dgram_error, link) : NULL;
    if (e != NULL) {
        t->error_bytes -= e->len + DGRAM_CHARGE;
        bool more = !list_empty(&t->errors);
        t->s.error =
            more ? (int)list_entry(t->errors.next, struct dgram_error, link)->what.ee_errno : 0;
    }
    spin_unlock(&t->s.lock);
    if (e == NULL) {
        return -EAGAIN;
    }
    long n = copy_out(m, e->data, e->len);
    if (n >= 0) {
        put_name(t, m, &e->to);
        put_error(t, m, e);
        m->out_flags |= MSG_ERRQUEUE;
    }
    heap_free(e);
    return n;
}

long dgram_op_recv(struct socket *s, struct message *m)
{
    struct dgram_socket *t = dgram_socket(s);
    struct datagram *d;
    if ((m->flags & MSG_ERRQUEUE) != 0) {
        return receive_error(t, m);
    }
    if ((m->flags & MSG_OOB) != 0 && s->type == SOCK_RAW) {
        return -EOPNOTSUPP;
    }
    long n = await(t, m->flags, &d);
    if (n < 0 || d == NULL) {
        return n;
    }
    n = copy_out(m, d->data, d->len);
    if (n >= 0) {
        put_name(t, m, &d->from);
        put_control(t, m, d);
        __atomic_store_n(&t->stamp_ns, d->wall_ns, __ATOMIC_RELAXED);
        n = (m->flags & MSG_TRUNC) != 0 ? (long)d->len : n;
    }
    datagram_put(d);
    return n;
}

long dgram_op_ioctl(struct socket *s, unsigned cmd, uint64_t arg)
{
    uint64_t ns = __atomic_load_n(&dgram_socket(s)->stamp_ns, __ATOMIC_RELAXED);
    struct __kernel_old_timeval tv = {(long)(ns / NSEC_PER_SEC),
                                      (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
    struct __kernel_timespec ts = {(long)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};
    if (cmd != SIOCGSTAMP_OLD && cmd != SIOCGSTAMPNS_OLD) {
        return -ENOTTY;
    }
    if (ns == 0) {
        return -ENOENT;
    }
    return cmd == SIOCGSTAMP_OLD ? uaccess_write(uptr(void, arg), &tv, sizeof(tv))
                                 : uaccess_write(uptr(void, arg), &ts, sizeof(ts));
}
