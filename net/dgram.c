/* SPDX-License-Identifier: MIT */
/* Datagram sockets of the Internet families: packets, queues, readiness, names. Locks: net_core
 * over names, then socket.lock over queues. Source: udp(7), raw(7), ip(7), poll(2). */
#include "net/dgram.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/siginfo.h>
#include <asm/socket.h>
#include <linux/in.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "net/counters.h"
#include "net/multicast.h"
#include "net/pathmtu.h"
#include "platform/clock.h"

#define HEADROOM ((size_t)LWIP_MEM_ALIGN_SIZE(PBUF_TRANSPORT))
#define CAN_READ (POLLIN | POLLRDNORM)
#define CAN_WRITE (POLLOUT | POLLWRNORM | POLLWRBAND)

static void free_pbuf(struct pbuf *p)
{
    datagram_put(container_of(p, struct datagram, custom.pbuf));
}

struct datagram *datagram_create(size_t len)
{
    struct datagram *d = heap_alloc(sizeof(*d) + HEADROOM + len);
    if (d != NULL) {
        memset(d, 0, sizeof(*d));
        d->refs = 1;
        d->len = (uint32_t)len;
        d->data = (char *)(d + 1) + HEADROOM;
        d->custom.custom_free_function = free_pbuf;
    }
    return d;
}

struct datagram *datagram_copy(const struct datagram *d)
{
    struct datagram *copy = datagram_create(d->len);
    if (copy != NULL) {
        copy->from = d->from;
        copy->to = d->to;
        copy->device = d->device;
        copy->ttl = d->ttl;
        copy->tos = d->tos;
        memcpy(copy->data, d->data, d->len);
    }
    return copy;
}

struct pbuf *datagram_pbuf(struct datagram *d)
{
    __atomic_fetch_add(&d->refs, 1, __ATOMIC_RELAXED);
    return pbuf_alloced_custom(PBUF_RAW, (u16_t)d->len, PBUF_RAM, &d->custom, d->data,
                               (u16_t)d->len); /* headers go in front of data */
}

void datagram_put(struct datagram *d)
{
    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    struct dgram_socket *t = d->owner;
    size_t charge = d->len + DGRAM_CHARGE;
    heap_free(d);
    if (t != NULL) {
        __atomic_sub_fetch(&t->sent, charge, __ATOMIC_RELEASE);
        dgram_sent(t);
        dgram_put(t);
    }
}

bool dgram_writable(const struct dgram_socket *t)
{
    return __atomic_load_n(&t->sent, __ATOMIC_ACQUIRE) < t->s.options.send_buffer;
}

void dgram_sent(struct dgram_socket *t)
{
    if (dgram_writable(t)) {
        (void)wait_wake_events(&t->s.changed, WAIT_ALL, CAN_WRITE);
    }
}

struct dgram_socket *dgram_create(const struct socket_ops *ops, int family, int type, int protocol)
{
    struct dgram_socket *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    socket_init(&t->s, ops, family, type);
    t->s.protocol = protocol;
    t->refs = 1;
    inetopt_init(&t->inet);
    list_init(&t->hashed);
    list_init(&t->groups);
    list_init(&t->queue);
    list_init(&t->errors);
    mutex_init(&t->corking);
    t->checksum_at = -1;
    t->local.ip = family == AF_INET6 ? *IP_ANY_TYPE : *IP4_ADDR_ANY;
    return t;
}

void dgram_get(struct dgram_socket *t)
{
    __atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void dgram_put(struct dgram_socket *t)
{
    struct list *node;
    if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    while ((node = list_pop(&t->queue)) != NULL) {
        datagram_put(list_entry(node, struct datagram, link));
    }
    dgram_drop_errors(t);
    if (t->corked != NULL) {
        datagram_put(t->corked);
    }
    heap_free(t);
}

void dgram_op_release(struct socket *s)
{
    struct dgram_socket *t = dgram_socket(s);
    net_lock();
    t->leave(t);
    multicast_leave_all_locked(t);
    net_unlock();
    dgram_put(t);
}

void dgram_receive_locked(struct dgram_socket *t, struct datagram *d)
{
    lock_assert_held(&net_core);
    d->wall_ns = clock_wall_ns();
    spin_lock(&t->s.lock);
    bool full = t->queued > t->s.options.receive_buffer;
    if (!full) {
        t->queued += d->len + DGRAM_CHARGE;
        list_append(&t->queue, &d->link);
    }
    spin_unlock(&t->s.lock);
    if (full) {
        __atomic_fetch_add(&t->drops, 1, __ATOMIC_RELAXED);
        net_counters.udp_full += t->s.protocol == IPPROTO_UDP;
        datagram_put(d);
        return;
    }
    (void)wait_wake_events(&t->s.changed, WAIT_ALL, CAN_READ);
    socket_tell(&t->s, POLL_IN);
}

static void queue_error(struct dgram_socket *t, const struct dgram_error *e, const void *data)
{
    struct dgram_error *copy = heap_alloc(sizeof(*copy) + e->len);
    if (copy == NULL) {
        return;
    }
    memcpy(copy, e, sizeof(*copy));
    memcpy(copy->data, data, e->len);
    spin_lock(&t->s.lock);
    bool full = t->queued + t->error_bytes + e->len + DGRAM_CHARGE > t->s.options.receive_buffer;
    if (!full) {
        t->error_bytes += e->len + DGRAM_CHARGE;
        list_append(&t->errors, &copy->link);
    }
    spin_unlock(&t->s.lock);
    if (full) {
        heap_free(copy);
    }
}

void dgram_drop_errors(struct dgram_socket *t)
{
    struct list gone;
    struct list *node;
    list_init(&gone);
    spin_lock(&t->s.lock);
    list_move(&t->errors, &gone);
    t->error_bytes = 0;
    spin_unlock(&t->s.lock);
    while ((node = list_pop(&gone)) != NULL) {
        heap_free(list_entry(node, struct dgram_error, link));
    }
}

void dgram_fail_locked(struct dgram_socket *t, const struct dgram_error *e, const void *data,
                       bool fatal)
{
    lock_assert_held(&net_core);
    enum inet_value asked = e->what.ee_origin == SO_EE_ORIGIN_ICMP6 ? INET6_RECVERR : INET_RECVERR;
    bool wanted = inet_value(&t->inet, asked) != 0;
    if (e->what.ee_origin == SO_EE_ORIGIN_LOCAL) {
        wanted = wanted || inet_value(&t->inet, INET6_RECVERR) != 0;
    }
    if (wanted) {
        queue_error(t, e, data);
    } else if (!fatal || !t->connected) {
        return;
    }
    if (e->what.ee_origin != SO_EE_ORIGIN_LOCAL) {
        spin_lock(&t->s.lock);
        t->s.error = (int)e->what.ee_errno;
        spin_unlock(&t->s.lock);
    }
    (void)wait_wake_events(&t->s.changed, WAIT_ALL, POLLERR | CAN_READ | CAN_WRITE);
    socket_tell(&t->s, POLL_ERR);
}

int dgram_check_whole_locked(struct dgram_socket *t, const struct datagram *d, size_t len,
                             const struct netif *out)
{
    unsigned mtu = pathmtu_to_locked(&d->to.ip, out);
    struct dgram_error e = {
        .what = {.ee_errno = EMSGSIZE, .ee_origin = SO_EE_ORIGIN_LOCAL, .ee_info = mtu},
        .to = d->to,
    };
    if (len <= mtu) {
        return 0;
    }
    dgram_fail_locked(t, &e, d->data, false);
    return -EMSGSIZE;
}

unsigned dgram_op_poll(struct socket *s)
{
    struct dgram_socket *t = dgram_socket(s);
    unsigned bits = dgram_writable(t) ? CAN_WRITE : 0;
    spin_lock(&s->lock);
    bool errors = !list_empty(&t->errors);
    bits |= list_empty(&t->queue) ? 0 : CAN_READ;
    bits |= errors || s->error != 0 ? POLLERR : 0;
    spin_unlock(&s->lock);
    if (errors && socket_flag(s, SO_SELECT_ERR_QUEUE)) {
        bits |= POLLPRI;
    }
    if (dgram_shut(t, SHUT_RD)) {
        bits |= CAN_READ | POLLRDHUP | (dgram_shut(t, SHUT_WR) ? POLLHUP : 0);
    }
    return bits;
}

long dgram_op_queued(struct socket *s, bool out)
{
    struct dgram_socket *t = dgram_socket(s);
    if (out) {
        return (long)__atomic_load_n(&t->sent, __ATOMIC_ACQUIRE);
    }
    spin_lock(&s->lock);
    bool empty = list_empty(&t->queue);
    long n = empty ? 0 : (long)list_entry(t->queue.next, struct datagram, link)->len;
    spin_unlock(&s->lock);
    return n;
}

int dgram_op_name(struct socket *s, enum socket_name which, void *out, size_t *len)
{
    struct dgram_socket *t = dgram_socket(s);
    int err = 0;
    net_lock();
    if (which == SOCKET_PEER && (!t->connected || t->peer.port == 0)) {
        err = -ENOTCONN;
    } else {
        const struct inet_address *a = which == SOCKET_SELF ? &t->local : &t->peer;
        inetaddr_store(s->family, &a->ip, a->port, out, len);
    }
    net_unlock();
    return err;
}

/* As Linux: it has an effect on sockets that are not connected, too. */
int dgram_op_shutdown(struct socket *s, int how)
{
    struct dgram_socket *t = dgram_socket(s);
    uint32_t bits = how == SHUT_RDWR ? 1U << SHUT_RD | 1U << SHUT_WR : 1U << how;
    __atomic_fetch_or(&t->shut, bits, __ATOMIC_ACQ_REL);
    (void)wait_wake_events(&s->changed, WAIT_ALL, POLLHUP | POLLRDHUP | CAN_READ | CAN_WRITE);
    net_lock();
    bool connected = t->connected;
    net_unlock();
    return connected ? 0 : -ENOTCONN;
}

long dgram_await_room(struct dgram_socket *t, unsigned flags)
{
    uint64_t deadline = socket_deadline(&t->s, true);
    for (;;) {
        int error = socket_take_error(&t->s);
        if (error != 0 || dgram_shut(t, SHUT_WR)) {
            return error != 0 ? -error : -EPIPE;
        }
        if (dgram_writable(t)) {
            return 0;
        }
        if ((flags & MSG_DONTWAIT) != 0) {
            return -EAGAIN;
        }
        int err = wait_until(&t->s.changed, dgram_writable(t) || dgram_shut(t, SHUT_WR), deadline);
        if (err != 0) {
            return socket_wait_error(err, deadline);
        }
    }
}

void dgram_forget_peer_locked(struct dgram_socket *t)
{
    lock_assert_held(&net_core);
    memset(&t->peer, 0, sizeof(t->peer));
    t->connected = false;
    __atomic_store_n(&t->inet.device, 0, __ATOMIC_RELAXED);
    if (!t->keeps_address) {
        t->local.ip = t->s.family == AF_INET6 ? *IP_ANY_TYPE : *IP4_ADDR_ANY;
        t->local.scope = 0;
    }
}
