/* SPDX-License-Identifier: MIT */
/* AF_UNIX datagrams and sequenced packets: messages that are read one by one. Locks: unixsocket.h.
 * Source: unix(7), send(2), recv(2). */
#include <asm/errno.h>
#include <asm/socket.h>

#include "net/unixflight.h"
#include "net/unixsocket.h"
#include "platform/clock.h"

#define MESSAGE_SLACK 32 /* a message is that much smaller than the send buffer: as Linux */

/* to has as many packets as it takes from u. Those that are each other's peer may send more. */
static bool is_full(const struct unix_socket *u, const struct unix_socket *to)
    NEEDS(to->socket.lock)
{
    return u != to && to->peer != u && to->queued > to->backlog;
}

bool unixpacket_peer_full(struct unix_socket *u)
{
    struct unix_socket *peer = unix_peer(u);
    bool full = false;
    if (peer != NULL) {
        spin_lock(&peer->socket.lock);
        full = is_full(u, peer);
        if (full) { /* who makes room comes through this lock and sees it */
            __atomic_store_n(&u->wants_room, true, __ATOMIC_RELEASE);
        }
        spin_unlock(&peer->socket.lock);
        unix_put(peer);
    }
    return full;
}

void unixpacket_lost(struct unix_socket *u, struct unix_socket *old)
{
    struct list left;
    list_init(&left);
    mutex_lock(&u->reading);
    spin_lock(&u->socket.lock);
    list_move(&u->packets, &left);
    u->queued = 0;
    u->bytes = 0;
    spin_unlock(&u->socket.lock);
    mutex_unlock(&u->reading);
    if (list_empty(&left)) {
        return;
    }
    packet_bury(&left);
    wait_wake(&u->room, WAIT_ALL);
    spin_lock(&old->socket.lock);
    bool tell = !old->dead && old->peer == u;
    old->socket.error = tell ? ECONNRESET : old->socket.error;
    spin_unlock(&old->socket.lock);
    if (tell) {
        unix_wake(old);
        socket_tell(&old->socket, POLL_ERR);
    }
}

/* Whether p may go to to: 0, -EPERM, -ESTALE: it is closed, -EPIPE, -EAGAIN. Then it is there. */
static int try_deliver(struct unix_socket *u, struct unix_socket *to, struct packet *p)
{
    int err = 0;
    spin_lock(&to->socket.lock);
    if (to->peer != NULL && to->peer != u) {
        err = -EPERM;
    } else if (to->dead) {
        err = -ESTALE;
    } else if ((to->shut & NO_RECEIVE) != 0) {
        err = -EPIPE;
    } else if (is_full(u, to)) {
        err = -EAGAIN;
    } else {
        packet_append_locked(to, p);
    }
    spin_unlock(&to->socket.lock);
    return err;
}

static bool may_try(const struct unix_socket *u, struct unix_socket *to)
{
    spin_lock(&to->socket.lock);
    bool may = to->dead || (to->shut & NO_RECEIVE) != 0 || !is_full(u, to);
    spin_unlock(&to->socket.lock);
    return may;
}

/* Until there may be room at to. */
static long await_peer(struct unix_socket *u, struct unix_socket *to, unsigned flags,
                       uint64_t deadline_ns)
{
    if ((flags & MSG_DONTWAIT) != 0) {
        return -EAGAIN;
    }
    int err = wait_until(&to->room, may_try(u, to), deadline_ns);
    if (err != 0) {
        wait_wake(&to->room, 1); /* the wake may have been ours */
    }
    return err != 0 ? socket_wait_error(err, deadline_ns) : 0;
}

/* to is closed: what that means to u, which sends to its peer, or to a name: then another socket
 * may have it now: -ESTALE. */
static long peer_gone(struct unix_socket *u, struct unix_socket *to, bool named)
{
    if (u->socket.type == SOCK_SEQPACKET) {
        return -EPIPE;
    }
    spin_lock(&u->socket.lock);
    bool mine = u->peer == to;
    spin_unlock(&u->socket.lock);
    if (mine) {
        unixjoin_part(u, to);
        return -ECONNREFUSED;
    }
    return named ? -ESTALE : -ECONNRESET;
}

static long deliver(struct unix_socket *u, struct unix_socket *to, struct packet *p,
                    const struct message *m)
{
    uint64_t deadline_ns = socket_deadline(&u->socket, true);
    long err;
    while ((err = try_deliver(u, to, p)) == -EAGAIN) {
        err = await_peer(u, to, m->flags, deadline_ns);
        if (err != 0) {
            return err;
        }
    }
    if (err == 0) {
        packet_arrived(to);
    }
    return err == -ESTALE ? peer_gone(u, to, m->addrlen != 0) : err;
}

/* Where m goes, with a reference. */
static int receiver(struct unix_socket *u, const struct message *m, struct unix_socket **out)
{
    if (m->addrlen != 0) {
        return unixname_find(m->addr, m->addrlen, u->socket.type, out);
    }
    *out = unix_peer(u);
    return *out != NULL ? 0 : -ENOTCONN;
}

static long send_packet(struct unix_socket *u, const struct message *m, struct packet *p)
{
    struct unix_socket *to;
    long err;
    do {
        err = receiver(u, m, &to);
        if (err == 0) {
            err = deliver(u, to, p, m);
            unix_put(to);
        }
    } while (err == -ESTALE);
    if (err != 0) {
        packet_free(p);
    }
    return err;
}

static long check_send(struct unix_socket *u, struct message *m)
{
    struct socket *s = &u->socket;
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    long err = m->addrlen != 0 ? unixname_check(m->addr, m->addrlen) : 0;
    if (err == 0 && socket_flag(s, SO_PASSCRED)) {
        err = unixname_auto(u);
    }
    if (err == 0 && iov_left(m->it) > s->options.send_buffer - MESSAGE_SLACK) {
        err = -EMSGSIZE;
    }
    return err;
}

/* A sequence of packets is like a stream: it has one receiver. */
static long check_sequence(struct unix_socket *u, struct message *m)
{
    int error = socket_take_error(&u->socket);
    if (error != 0) {
        return -error;
    }
    m->addrlen = 0;
    return unix_state(u) == UNIX_CONNECTED ? 0 : -ENOTCONN;
}

static long send_checked(struct unix_socket *u, struct message *m, struct scm *scm)
{
    struct packet *p;
    size_t n = iov_left(m->it);
    long err = check_send(u, m);
    err = err != 0 ? err : packet_await_room(u, m->flags, socket_deadline(&u->socket, true));
    err = err != 0 ? err : packet_create(u, m, scm, n, &p);
    err = err != 0 ? err : send_packet(u, m, p);
    return err != 0 ? err : (long)n;
}

long unixpacket_send(struct socket *s, struct message *m)
{
    struct scm scm;
    struct unix_socket *u = unix_of(s);
    long result = s->type == SOCK_SEQPACKET ? check_sequence(u, m) : 0;
    result = result != 0 ? result : scm_take(&scm, m);
    if (result == 0) {
        result = send_checked(u, m, &scm);
        scm_drop(&scm);
    }
    return result;
}

/* The packet to read next, waiting for it; NULL with 0: the end. Others may read meanwhile. */
static long await_packet(struct unix_socket *u, const struct message *m, uint64_t deadline_ns,
                         struct packet **p) NEEDS(u->reading)
{
    for (;;) {
        int error = socket_take_error(&u->socket);
        bool shut = (unix_shut(u) & NO_RECEIVE) != 0; /* before the queue: nothing came later */
        *p = error == 0 ? packet_first(u) : NULL;
        if (error != 0 || *p != NULL) {
            return -error;
        }
        bool dontwait = (m->flags & MSG_DONTWAIT) != 0;
        if (shut && !(dontwait && u->socket.type == SOCK_DGRAM)) {
            return 0;
        }
        long err = dontwait ? -EAGAIN : packet_wait(u, deadline_ns);
        if (err != 0) {
            return err;
        }
    }
}

static void put_time(struct unix_socket *u, struct message *m, const struct packet *p)
{
    if (socket_flag(&u->socket, SO_TIMESTAMP_OLD) || socket_flag(&u->socket, SO_TIMESTAMPNS_OLD)) {
        socket_put_time(&u->socket, m, p->wall_ns != 0 ? p->wall_ns : clock_wall_ns());
    }
}

/* Move p to m. A message that cannot be written is lost. */
static long take_packet(struct unix_socket *u, struct message *m, struct packet *p, struct scm *scm)
    NEEDS(u->reading)
{
    bool peek = (m->flags & MSG_PEEK) != 0;
    size_t len = p->len;
    size_t want = min(len, iov_left(m->it));
    packet_name(m, p);
    long result = want != 0 ? iov_copy_to(m->it, p->data, want) : 0;
    m->out_flags |= want < len ? MSG_TRUNC : 0;
    if (result >= 0) {
        result = (size_t)result < want ? -EFAULT : (m->flags & MSG_TRUNC) != 0 ? (long)len : result;
    }
    if (result >= 0) {
        struct user_ucred cred = p->scm.cred;
        put_time(u, m, p);
        result = unixflight_take(&p->scm, scm, peek) != 0 ? -ENOMEM : result;
        scm->cred = cred;
    }
    if (!peek) {
        packet_used(u, p, len, true);
    }
    return result;
}

long unixpacket_recv(struct socket *s, struct message *m)
{
    struct unix_socket *u = unix_of(s);
    struct packet *p;
    struct scm scm = {.n = 0};
    if (s->type == SOCK_SEQPACKET && unix_state(u) != UNIX_CONNECTED) {
        return -ENOTCONN;
    }
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    mutex_lock(&u->reading);
    long result = await_packet(u, m, socket_deadline(s, false), &p);
    bool got = result == 0 && p != NULL;
    if (got) {
        result = take_packet(u, m, p, &scm);
    }
    mutex_unlock(&u->reading);
    if (got) {
        packet_deliver(u, m, &scm, result);
    }
    if ((m->flags & MSG_PEEK) != 0) {
        wait_wake(&u->readers, 1); /* it is still there for another, whose wake was ours */
    }
    return result;
}
