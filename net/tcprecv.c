/* SPDX-License-Identifier: MIT */
/* Receiving on TCP sockets. Source: recv(2), tcp(7). */
#include <asm/errno.h>
#include <asm/poll.h>

#include "net/tcp.h"

#define SPANS 16 /* buffers that are copied without looking at the queue again */
#define RECVED_MAX 0xffffU /* tcp_recved's */

struct span {
    const char *data;
    size_t len;
};

void tcp_received_locked(struct tcp_socket *t, struct pbuf *p)
{
    while (p != NULL) {
        struct pbuf *next = p->next;
        p->next = NULL;
        p->tot_len = p->len;
        *(t->received == NULL ? &t->received : &t->received_tail->next) = p;
        t->received_tail = p;
        t->received_bytes += p->len;
        p = next;
    }
}

void tcp_drop_received_locked(struct tcp_socket *t)
{
    while (t->received != NULL) {
        struct pbuf *p = t->received;
        t->received = p->next;
        p->next = NULL;
        (void)pbuf_free(p);
    }
    t->received_bytes = t->received_offset = 0;
}

/* What can be read from skip on, up to SPANS pieces and len bytes. Returns their number. */
static unsigned spans_get(const struct tcp_socket *t, size_t skip, size_t len,
                          struct span spans[SPANS]) NEEDS(net_core)
{
    unsigned n = 0;
    skip += t->received_offset;
    for (const struct pbuf *p = t->received; p != NULL && n < SPANS && len != 0; p = p->next) {
        if (skip >= p->len) {
            skip -= p->len;
            continue;
        }
        size_t part = min(len, p->len - skip);
        spans[n++] = (struct span){(const char *)p->payload + skip, part};
        len -= part;
        skip = 0;
    }
    return n;
}

/* len bytes have been read: free their buffers, open the window. */
static void consume(struct tcp_socket *t, size_t len) NEEDS(net_core)
{
    t->received_bytes -= len;
    for (size_t n = len; t->pcb != NULL && n != 0;) {
        uint16_t part = (uint16_t)min(n, RECVED_MAX);
        tcp_recved(t->pcb, part);
        n -= part;
    }
    len += t->received_offset;
    while (t->received != NULL && len >= t->received->len) {
        struct pbuf *p = t->received;
        len -= p->len;
        t->received = p->next;
        p->next = NULL;
        (void)pbuf_free(p);
    }
    t->received_offset = len;
    tcp_update_locked(t, 0);
}

static long copy_spans(struct message *m, const struct span *spans, unsigned n)
{
    long done = 0;
    for (unsigned i = 0; i < n; i++) {
        if ((m->flags & MSG_TRUNC) != 0) { /* tcp(7): thrown away */
            m->it->done += spans[i].len;
            done += (long)spans[i].len;
            continue;
        }
        long part = iov_copy_to(m->it, spans[i].data, spans[i].len);
        if (part < 0) {
            return done != 0 ? done : part;
        }
        done += part;
        if ((size_t)part < spans[i].len) {
            break;
        }
    }
    return done;
}

/* Why there is nothing to read: a negative errno, 0: wait, 1: the end. */
static int empty_state(struct tcp_socket *t) NEEDS(net_core)
{
    if (t->phase == TCP_NEW || t->phase == TCP_LISTENING) {
        return -ENOTCONN;
    }
    int error = socket_take_error(&t->s);
    if (error != 0) {
        tcp_update_locked(t, 0);
        return -error;
    }
    return t->read_end || t->shut_read || t->phase == TCP_DEAD;
}

/* Copy what is there. peeked: bytes that MSG_PEEK has seen; *end: nothing more will come. Returns
 * bytes, 0: nothing, a negative errno. */
static long receive_some(struct tcp_socket *t, struct message *m, size_t peeked, bool *end)
{
    struct span spans[SPANS];
    net_lock();
    unsigned n = spans_get(t, peeked, iov_left(m->it), spans);
    int state = n == 0 ? empty_state(t) : 0;
    net_unlock();
    if (n == 0) {
        *end = state > 0;
        return min(state, 0);
    }
    long copied = copy_spans(m, spans, n);
    if (copied > 0 && (m->flags & MSG_PEEK) == 0) {
        net_lock();
        consume(t, (size_t)copied);
        net_unlock();
    }
    return copied;
}

static bool may_receive(const struct tcp_socket *t)
{
    return (__atomic_load_n(&t->ready, __ATOMIC_ACQUIRE) & (POLLIN | POLLERR | POLLHUP)) != 0;
}

/* With MSG_PEEK and MSG_WAITALL more than peeked must have come. */
static bool may_peek(struct tcp_socket *t, size_t peeked)
{
    net_lock();
    bool more = t->received_bytes > peeked || t->read_end || t->phase != TCP_OPEN;
    net_unlock();
    return more;
}

static long wait_data(struct tcp_socket *t, const struct message *m, size_t peeked,
                      uint64_t deadline)
{
    if ((m->flags & MSG_DONTWAIT) != 0) {
        return -EAGAIN;
    }
    int err =
        wait_until(&t->s.changed, peeked != 0 ? may_peek(t, peeked) : may_receive(t), deadline);
    return err != 0 ? socket_wait_error(err, deadline) : 0;
}

long tcp_op_recv(struct socket *s, struct message *m)
{
    struct tcp_socket *t = tcp_socket(s);
    uint64_t deadline = socket_deadline(s, false);
    size_t start = m->it->done;
    bool all = (m->flags & MSG_WAITALL) != 0;
    bool end = false;
    long n;
    if ((m->flags & MSG_ERRQUEUE) != 0) {
        return -EAGAIN; /* nobody queues errors */
    }
    if ((m->flags & MSG_OOB) != 0) {
        return -EINVAL; /* urgent data stays in line */
    }
    do {
        size_t peeked = (m->flags & MSG_PEEK) != 0 ? m->it->done - start : 0;
        mutex_lock(&t->recv_lock);
        n = receive_some(t, m, peeked, &end);
        mutex_unlock(&t->recv_lock);
        if (n == 0 && !end && iov_left(m->it) != 0 && (all || m->it->done == start)) {
            n = wait_data(t, m, peeked, deadline);
        }
    } while (n >= 0 && !end && iov_left(m->it) != 0 && (all || m->it->done == start));
    size_t done = m->it->done - start;
    return done != 0 ? (long)done : n;
}
