/* SPDX-License-Identifier: MIT */
/* AF_UNIX streams: bytes, cut into packets as it suits; but what different senders wrote, or what
 * descriptors go along with, is not read in one go. A stream's peer stays once it is there.
 * Locks: unixsocket.h. Source: unix(7), send(2), recv(2). */
#include <asm/errno.h>
#include <asm/socket.h>

#include "kernel/base/string.h"
#include "net/unixflight.h"
#include "net/unixsocket.h"

#define CHUNK 32768UL /* bytes of a packet */
#define CHUNK_SLACK 64

static int deliver(struct unix_socket *peer, struct packet *p)
{
    spin_lock(&peer->socket.lock);
    bool ok = !peer->dead && (peer->shut & NO_RECEIVE) == 0;
    if (ok) {
        packet_append_locked(peer, p);
    }
    spin_unlock(&peer->socket.lock);
    if (!ok) {
        packet_free(p);
        return -EPIPE;
    }
    packet_arrived(peer);
    return 0;
}

static long send_chunk(struct unix_socket *u, struct message *m, struct scm *scm,
                       uint64_t deadline_ns)
{
    struct packet *p;
    size_t most = u->socket.options.send_buffer / 2 - CHUNK_SLACK;
    size_t n = min(iov_left(m->it), min(most, CHUNK)); /* two fit: one is read, one is written */
    long err = packet_await_room(u, m->flags, deadline_ns);
    err = err != 0 ? err : packet_create(u, m, scm, n, &p);
    err = err != 0 ? err : deliver(u->peer, p);
    return err != 0 ? err : (long)n;
}

static long send_all(struct unix_socket *u, struct message *m, struct scm *scm)
{
    uint64_t deadline_ns = socket_deadline(&u->socket, true);
    bool connected = unix_state(u) == UNIX_CONNECTED;
    long sent = 0;
    long n = 0;
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    if (m->addrlen != 0) {
        return connected ? -EISCONN : -EOPNOTSUPP;
    }
    if (!connected) {
        return -ENOTCONN;
    }
    if ((unix_shut(u) & NO_SEND) != 0) {
        return -EPIPE;
    }
    while (n >= 0 && iov_left(m->it) != 0) {
        n = send_chunk(u, m, scm, deadline_ns);
        sent += max(n, 0L);
    }
    return sent != 0 ? sent : n;
}

long unixstream_send(struct socket *s, struct message *m)
{
    struct scm scm;
    long result = scm_take(&scm, m);
    if (result == 0) {
        result = send_all(unix_of(s), m, &scm);
        scm_drop(&scm);
    }
    return result;
}

/* A call that reads. */
struct stream_read {
    struct message *m;
    struct scm scm; /* what came along */
    bool begun; /* something of a packet was read, whose sender scm tells */
    long done;
};

/* What follows must be read by another call. */
static bool is_apart(const struct unix_socket *u, const struct stream_read *r,
                     const struct packet *p)
{
    return r->begun && socket_flag(&u->socket, SO_PASSCRED) &&
           memcmp(&r->scm.cred, &p->scm.cred, sizeof(p->scm.cred)) != 0;
}

/* Bytes and what is with them from p. Returns bytes or an error; *more: there may be more to read
 * by this call. */
static long take_packet(struct unix_socket *u, struct stream_read *r, struct packet *p, bool *more)
    NEEDS(u->reading)
{
    bool peek = (r->m->flags & MSG_PEEK) != 0;
    size_t want = min(p->len, iov_left(r->m->it));
    packet_name(r->m, p);
    long n = want != 0 ? iov_copy_to(r->m->it, p->data + p->start, want) : 0;
    if (n < 0) {
        return n;
    }
    struct user_ucred cred = p->scm.cred;
    int err = unixflight_take(&p->scm, &r->scm, peek);
    r->scm.cred = cred;
    r->begun = true;
    bool all = (size_t)n == p->len;
    if (!peek) {
        packet_used(u, p, (size_t)n, all);
    }
    *more = all && err == 0 && r->scm.n == 0;
    return n;
}

/* Move what is there, from p on. Returns whether the call may go on. */
static bool take_all(struct unix_socket *u, struct stream_read *r, struct packet *p, long *err)
    NEEDS(u->reading)
{
    bool more = true;
    while (p != NULL && more) {
        if (is_apart(u, r, p)) {
            return false;
        }
        struct packet *next = packet_next(u, p);
        long n = take_packet(u, r, p, &more);
        if (n < 0) {
            *err = n;
            return false;
        }
        r->done += n;
        more = more && iov_left(r->m->it) != 0;
        p = next;
    }
    return more && (r->m->flags & MSG_PEEK) == 0;
}

/* Nothing more will come, or not before an error was told. Looked at before the queue: what the
 * peer sent before it closed is read first. */
static bool is_over(struct unix_socket *u)
{
    return (unix_shut(u) & NO_RECEIVE) != 0 || socket_error(&u->socket) != 0;
}

/* Nothing was there after over was told. Returns false: the call is over, with *err if it has read
 * nothing. */
static bool await_bytes(struct unix_socket *u, const struct message *m, bool over,
                        uint64_t deadline_ns, long *err) NEEDS(u->reading)
{
    if (over) {
        *err = -socket_take_error(&u->socket);
        return *err == 0 && (unix_shut(u) & NO_RECEIVE) == 0; /* told to another thread */
    }
    *err = (m->flags & MSG_DONTWAIT) != 0 ? -EAGAIN : packet_wait(u, deadline_ns);
    return *err == 0;
}

static size_t least(const struct socket *s, const struct message *m)
{
    size_t size = iov_left(m->it);
    size_t n = (m->flags & MSG_WAITALL) != 0 ? size : min((size_t)s->options.low_water, size);
    return max(n, (size_t)1);
}

long unixstream_recv(struct socket *s, struct message *m)
{
    struct unix_socket *u = unix_of(s);
    struct stream_read r = {.m = m};
    uint64_t deadline_ns = socket_deadline(s, false);
    size_t target = least(s, m);
    long err = 0;
    bool more = true;
    if (unix_state(u) != UNIX_CONNECTED || (m->flags & MSG_OOB) != 0) {
        return -EINVAL;
    }
    mutex_lock(&u->reading);
    while (more) {
        bool over = is_over(u);
        struct packet *p = packet_first(u);
        if (p != NULL) {
            more = take_all(u, &r, p, &err) && iov_left(m->it) != 0;
        } else {
            more = (size_t)r.done < target && await_bytes(u, m, over, deadline_ns, &err);
        }
    }
    mutex_unlock(&u->reading);
    long result = r.done != 0 ? r.done : err;
    packet_deliver(u, m, &r.scm, result);
    return result;
}
