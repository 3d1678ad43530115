/* SPDX-License-Identifier: MIT */
/* Sending on TCP sockets: chunks of the program's data, and how much of them lwIP gets. Source:
 * send(2), tcp(7), RFC 896 (Nagle's rule, as Minshall changed it). */
#include <asm/errno.h>
#include <asm/poll.h>
#include <lwip/priv/tcp_priv.h>

#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "net/netif.h"
#include "net/tcp.h"
#include "net/tcpcork.h"
#include "platform/clock.h"

#define CHUNK_MAX (64UL << 10) /* bytes of one allocation */
#define CHUNK_MIN 960UL /* small writes share one */
#define WRITE_MAX 0xffffUL /* tcp_write's */
#define WINDOW_LARGE (2U * UINT16_MAX) /* no reason for short segments */
#define AHEAD (64UL << 10) /* bytes that lwIP has beyond what the windows allow now */

/* Data of the program: lwIP's segments point into [start, handed), it has not yet seen [handed,
 * used). */
struct chunk {
    struct netif_garbage garbage; /* while it waits for the device */
    struct list link; /* [net_core] */
    uint32_t start, handed, used, size; /* [net_core] */
    char data[];
};

static struct chunk *first_chunk(const struct tcp_socket *t)
{
    return list_entry(t->chunks.next, struct chunk, link);
}

static struct chunk *last_chunk(const struct tcp_socket *t)
{
    return list_empty(&t->chunks) ? NULL : list_entry(t->chunks.prev, struct chunk, link);
}

size_t tcp_write_room(const struct tcp_socket *t)
{
    size_t limit = t->s.options.send_buffer;
    return t->sent_bytes < limit ? limit - t->sent_bytes : 0;
}

/* Packets that the device still has may point into it, too. */
static void drop_chunk(struct tcp_socket *t, struct chunk *c) NEEDS(net_core)
{
    if (t->hand == c) {
        t->hand = c->link.next != &t->chunks ? list_entry(c->link.next, struct chunk, link) : NULL;
    }
    list_remove(&c->link);
    netif_free_later_locked(&c->garbage);
}

static uint32_t segment_start(const struct tcp_seg *seg)
{
    return __builtin_bswap32(seg->tcphdr->seqno);
}

/* The first byte that a segment points to: retransmitted ones are in unsent again. */
static uint32_t first_needed(const struct tcp_pcb *pcb)
{
    uint32_t at = pcb->snd_lbb;
    if (pcb->unsent != NULL && (int32_t)(segment_start(pcb->unsent) - at) < 0) {
        at = segment_start(pcb->unsent);
    }
    if (pcb->unacked != NULL && (int32_t)(segment_start(pcb->unacked) - at) < 0) {
        at = segment_start(pcb->unacked);
    }
    return at;
}

void tcp_release_locked(struct tcp_socket *t)
{
    size_t n = t->sent_bytes - t->unhanded; /* no more than this: the end has a number, too */
    n = min(n, (size_t)(first_needed(t->pcb) - t->released));
    t->released += (uint32_t)n;
    t->sent_bytes -= n;
    while (n != 0) {
        struct chunk *c = first_chunk(t);
        uint32_t part = (uint32_t)min(n, (size_t)(c->handed - c->start));
        c->start += part;
        n -= part;
        if (c->start == c->used && c != t->filling) {
            drop_chunk(t, c);
        } else if (part == 0) {
            panic("TCP: released bytes that were not sent");
        }
    }
}

void tcp_drop_sent_locked(struct tcp_socket *t)
{
    while (!list_empty(&t->chunks)) {
        drop_chunk(t, first_chunk(t));
    }
    t->sent_bytes = t->unhanded = 0;
}

/* Bytes that may go out: all, or full segments only while the rest shall grow. */
static size_t sendable(const struct tcp_socket *t)
{
    const struct tcp_pcb *pcb = t->pcb;
    size_t tail = t->unhanded % t->wire_mss;
    if (t->shut_write || tail == 0) {
        return t->unhanded;
    }
    bool small_out = (int32_t)(t->small_end - pcb->lastack) > 0;
    bool hold = (t->cork && !t->pour) || (!t->nodelay && small_out);
    return hold ? t->unhanded - tail : t->unhanded;
}

/* One tcp_write. Returns false when there is nothing to hand or lwIP takes nothing. */
static bool hand_some(struct tcp_socket *t) NEEDS(net_core)
{
    struct tcp_pcb *pcb = t->pcb;
    size_t inside = TCP_SND_BUF - pcb->snd_buf;
    size_t allowed = (size_t)min(pcb->cwnd, pcb->snd_wnd) + AHEAD;
    size_t n = sendable(t);
    if (n == 0 || inside >= allowed) {
        return false;
    }
    struct chunk *c = t->hand;
    if (c == NULL) {
        panic("TCP: bytes to send, but no chunk");
    }
    size_t part = min(min(n, allowed - inside), min(WRITE_MAX, (size_t)(c->used - c->handed)));
    uint8_t more = part < n ? TCP_WRITE_FLAG_MORE : 0;
    if (tcp_write(pcb, c->data + c->handed, (u16_t)part, more) != ERR_OK) {
        return false;
    }
    c->handed += (uint32_t)part;
    t->unhanded -= part;
    if (part == n && n % t->wire_mss != 0) {
        t->small_end = pcb->snd_lbb;
    }
    if (t->unhanded == 0) {
        t->hand = NULL;
    } else if (c->handed == c->used) {
        t->hand = list_entry(c->link.next, struct chunk, link);
    }
    return true;
}

void tcp_push_locked(struct tcp_socket *t)
{
    if (t->pcb == NULL || t->phase != TCP_OPEN) {
        return;
    }
    /* lwIP goes by what the peer says late, and stops if a segment it has made is too long then */
    t->pcb->mss = t->lwip_mss;
    t->pcb->snd_wnd_max = WINDOW_LARGE;
    while (hand_some(t)) {
    }
    if (t->cork && t->unhanded != 0 && t->unhanded < t->wire_mss) {
        tcpcork_hold_locked(t);
    } else {
        tcpcork_release_locked(t);
    }
    if (t->shut_write && !t->fin_handed && t->unhanded == 0) {
        t->fin_handed = tcp_shutdown(t->pcb, 0, 1) == ERR_OK;
    }
    (void)tcp_output(t->pcb);
}

/* Why nothing can be sent now: a negative errno, 0: wait, 1: something can. */
static int send_state(struct tcp_socket *t) NEEDS(net_core)
{
    if (t->phase == TCP_CONNECTING) {
        return 0;
    }
    if (t->phase != TCP_OPEN || t->shut_write) {
        int error = socket_take_error(&t->s);
        tcp_update_locked(t, 0);
        return error != 0 ? -error : -EPIPE;
    }
    return tcp_write_room(t) != 0;
}

static struct chunk *new_chunk(size_t len)
{
    size_t size = max(CHUNK_MIN, min(len, CHUNK_MAX));
    struct chunk *c = heap_alloc(sizeof(*c) + size);
    if (c != NULL) {
        list_init(&c->link);
        c->start = c->handed = c->used = 0;
        c->size = (uint32_t)size;
        c->garbage.memory = c;
    }
    return c;
}

/* n bytes were copied behind c's end; c may be new. */
static void commit(struct tcp_socket *t, struct chunk *c, size_t n, bool more) NEEDS(net_core)
{
    t->filling = NULL;
    if (t->phase == TCP_OPEN && n != 0) {
        if (list_empty(&c->link)) {
            list_append(&t->chunks, &c->link);
        }
        if (t->hand == NULL) {
            t->hand = c;
        }
        if (t->values.user_timeout != 0 && t->sent_bytes == 0) {
            t->progress_ns = clock_ns();
        }
        c->used += (uint32_t)n;
        t->sent_bytes += n;
        t->unhanded += n;
        bool cork = t->cork;
        t->cork = cork || more;
        tcp_push_locked(t);
        t->cork = cork;
        tcp_update_locked(t, 0);
    } else if (list_empty(&c->link)) {
        heap_free(c);
    } else if (c->start == c->used) {
        drop_chunk(t, c);
    }
}

/* Copy what fits into one chunk. Returns bytes, 0: no room, a negative errno. */
static long send_some(struct tcp_socket *t, struct message *m)
{
    net_lock();
    long state = send_state(t);
    size_t n = min(iov_left(m->it), tcp_write_room(t));
    struct chunk *c = last_chunk(t);
    if (c != NULL && c->used == c->size) {
        c = NULL;
    }
    t->filling = state > 0 && n != 0 ? c : NULL;
    net_unlock();
    if (state <= 0 || n == 0) {
        return min(state, 0L);
    }
    if (c == NULL) {
        c = new_chunk(n);
        if (c == NULL) {
            return -ENOBUFS;
        }
    }
    long copied = iov_copy_from(m->it, c->data + c->used, min(n, (size_t)(c->size - c->used)));
    net_lock();
    bool more = (m->flags & MSG_MORE) != 0 || iov_left(m->it) != 0;
    commit(t, c, copied > 0 ? (size_t)copied : 0, more);
    net_unlock();
    return copied;
}

static bool may_send(const struct tcp_socket *t)
{
    return (__atomic_load_n(&t->ready, __ATOMIC_ACQUIRE) & (POLLOUT | POLLERR | POLLHUP)) != 0;
}

long tcp_op_send(struct socket *s, struct message *m)
{
    struct tcp_socket *t = tcp_socket(s);
    uint64_t deadline = socket_deadline(s, true);
    size_t start = m->it->done;
    long n = 0;
    if ((m->flags & (MSG_OOB | MSG_FASTOPEN)) != 0) {
        log(SYSCALL, INFO, "TCP: lwIP has neither urgent data nor fast open (EOPNOTSUPP)");
        return -EOPNOTSUPP;
    }
    do {
        mutex_lock(&t->send_lock);
        n = send_some(t, m);
        mutex_unlock(&t->send_lock);
        if (n == 0 && iov_left(m->it) != 0) {
            n = (m->flags & MSG_DONTWAIT) != 0 ? -EAGAIN : 0;
            int err = n == 0 ? wait_until(&s->changed, may_send(t), deadline) : 0;
            n = err != 0 ? socket_wait_error(err, deadline) : n;
        }
    } while (n >= 0 && iov_left(m->it) != 0);
    size_t done = m->it->done - start;
    return done != 0 ? (long)done : n;
}
