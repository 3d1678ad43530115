/* SPDX-License-Identifier: MIT */
/* Receiving on TCP sockets. Source: recv(2), tcp(7). */
#include <asm/errno.h>
#include <asm/poll.h>
#include <lwip/priv/tcp_priv.h>

#include "kernel/base/string.h"
#include "net/tcp.h"
#include "net/tcpwindow.h"
#include "platform/pages.h"

#define SPANS 16 /* buffers that are copied without looking at the queue again */
#define HELD_SHARE 8 /* of the machine's memory */
#define SHORT 512 /* bytes of a piece that may join others */
#define COLLECTOR_SIZE 2048U

static size_t held; /* [net_core] memory of unread data */

struct span {
    const char *data;
    size_t len;
};

/* Memory that unread data may hold, of all sockets; more waits with the peers. */
static size_t held_limit(void)
{
    static size_t limit; /* [net_core] */
    if (limit == 0) {
        struct pages_stats stats;
        pages_stats(&stats);
        limit = stats.total / HELD_SHARE * PAGE_SIZE;
    }
    return limit;
}

/* What a pbuf holds: a page of the device's, or a piece of the heap. */
static size_t true_size(const struct pbuf *p)
{
    bool page = (p->flags & PBUF_FLAG_IS_CUSTOM) != 0;
    return (page ? PAGE_SIZE : p->len) + sizeof(struct pbuf_custom);
}

static void append(struct tcp_socket *t, struct pbuf *p) NEEDS(net_core)
{
    *(t->received == NULL ? &t->received : &t->received_tail->next) = p;
    t->received_tail = p;
    held += true_size(p);
}

/* Take the first off. */
static void drop_first(struct tcp_socket *t) NEEDS(net_core)
{
    struct pbuf *p = t->received;
    held -= p == t->collector ? COLLECTOR_SIZE + sizeof(*p) : true_size(p);
    t->collector = p == t->collector ? NULL : t->collector;
    t->received = p->next;
    p->next = NULL;
    (void)pbuf_free(p);
}

/* A short piece behind others joins them in one buffer, so that many hold little memory. Returns
 * false when it must stay on its own. */
static bool collect(struct tcp_socket *t, const struct pbuf *p) NEEDS(net_core)
{
    struct pbuf *c = t->collector;
    if (t->received == NULL || p->len > SHORT) {
        return false;
    }
    if (c == NULL || c != t->received_tail || c->len + p->len > COLLECTOR_SIZE) {
        c = pbuf_alloc(PBUF_RAW, COLLECTOR_SIZE, PBUF_RAM);
        if (c == NULL) {
            return false;
        }
        append(t, c);
        if (t->collector != NULL) { /* that one is full: its bytes are what it holds */
            held -= COLLECTOR_SIZE - t->collector->len;
        }
        t->collector = c;
        c->len = 0;
    }
    memcpy((char *)c->payload + c->len, p->payload, p->len);
    c->len += p->len;
    c->tot_len = c->len;
    return true;
}

bool tcp_received_locked(struct tcp_socket *t, struct pbuf *p)
{
    if (t->received != NULL && held > held_limit()) {
        return false;
    }
    while (p != NULL) {
        struct pbuf *next = p->next;
        p->next = NULL;
        p->tot_len = p->len;
        t->received_bytes += p->len;
        if (collect(t, p)) {
            (void)pbuf_free(p);
        } else {
            append(t, p);
        }
        p = next;
    }
    return true;
}

void tcp_drop_received_locked(struct tcp_socket *t)
{
    while (t->received != NULL) {
        drop_first(t);
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
    if (t->pcb != NULL) {
        tcpwindow_read_locked(t, len);
    }
    len += t->received_offset;
    while (t->received != NULL && len >= t->received->len) {
        len -= t->received->len;
        drop_first(t);
    }
    t->received_offset = len;
    if (t->pcb != NULL && t->pcb->refused_data != NULL) {
        (void)tcp_process_refused_data(t->pcb);
    }
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
    bool no_room = n == 0 && iov_left(m->it) == 0 && t->received_bytes != 0;
    int state = no_room ? 1 : n == 0 ? empty_state(t) : 0;
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

/* There is more to read than peeked, or there will be nothing. */
static bool may_receive(struct tcp_socket *t, size_t peeked)
{
    net_lock();
    bool more = t->received_bytes > peeked || t->read_end || t->shut_read ||
                (t->phase != TCP_OPEN && t->phase != TCP_CONNECTING) || t->s.error != 0;
    net_unlock();
    return more;
}

static long wait_data(struct tcp_socket *t, const struct message *m, size_t peeked,
                      uint64_t deadline)
{
    if ((m->flags & MSG_DONTWAIT) != 0) {
        return -EAGAIN;
    }
    int err = wait_until(&t->s.changed, may_receive(t, peeked), deadline);
    return err != 0 ? socket_wait_error(err, deadline) : 0;
}

/* Bytes without which a call goes on waiting. */
static size_t least(const struct tcp_socket *t, const struct message *m)
{
    size_t room = iov_left(m->it);
    return (m->flags & MSG_WAITALL) != 0 ? room : min(room, (size_t)t->s.options.low_water);
}

long tcp_op_recv(struct socket *s, struct message *m)
{
    struct tcp_socket *t = tcp_socket(s);
    uint64_t deadline = socket_deadline(s, false);
    size_t start = m->it->done;
    size_t target = max(least(t, m), 1UL);
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
        if (n == 0 && !end) {
            n = wait_data(t, m, peeked, deadline);
        }
    } while (n >= 0 && !end && m->it->done - start < target);
    size_t done = m->it->done - start;
    return done != 0 ? (long)done : n;
}
