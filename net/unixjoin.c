/* SPDX-License-Identifier: MIT */
/* Who is joined with whom: connect, listen, accept of AF_UNIX sockets.
 *
 * A connection is made by the side that connects: with the listener's lock it makes the other end,
 * which waits in the listener's list of pending ones until accept takes it. Locks: unixsocket.h.
 * Source: unix(7), connect(2), listen(2), accept(2). */
#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/un.h>

#include "net/unixsocket.h"

/* A program that wants to be told senders' credentials has a name itself. */
static int prepare(struct unix_socket *u, const void *addr, size_t len)
{
    int err = unixname_check(addr, len);
    return err == 0 && socket_flag(&u->socket, SO_PASSCRED) ? unixname_auto(u) : err;
}

/* u, which calls connect, and fresh, the end that the listener will accept, are joined. */
static void join_locked(struct unix_socket *listener, struct unix_socket *u,
                        struct unix_socket *fresh) NEEDS(u->socket.lock)
    NEEDS(listener->socket.lock)
{
    unix_get(u);
    unix_get(fresh);
    fresh->peer = u;
    fresh->socket.peer_cred = unix_own_cred();
    fresh->name = listener->name;
    __atomic_fetch_add(&fresh->name->refs, 1, __ATOMIC_RELAXED);
    uint64_t told = socket_flag(&listener->socket, SO_PASSCRED) ? 1UL << SO_PASSCRED : 0;
    fresh->socket.options.flags |= told;
    fresh->state = UNIX_CONNECTED;
    u->socket.peer_cred = listener->socket.peer_cred;
    u->peer = fresh;
    /* pairs with unix_state: whoever sees it sees the peer */
    __atomic_store_n(&u->state, UNIX_CONNECTED, __ATOMIC_RELEASE);
    list_append(&listener->pending, &fresh->waiting);
    listener->queued++;
}

static int connectable(enum unix_state state)
{
    return state == UNIX_CLOSED ? 0 : state == UNIX_CONNECTED ? -EISCONN : -EINVAL;
}

/* Only a socket that does not listen is locked second. Returns 0, -ESTALE: look again, or errors of
 * connect; -EAGAIN: there is no room. */
LOCK_ITSELF static int try_join(struct unix_socket *listener, struct unix_socket *u,
                                struct unix_socket *fresh)
{
    int err = 0;
    spin_lock(&listener->socket.lock);
    if (listener->dead) {
        err = -ESTALE;
    } else if (listener->state != UNIX_LISTENING || (listener->shut & NO_RECEIVE) != 0) {
        err = -ECONNREFUSED;
    } else if (listener->queued > listener->backlog) {
        err = -EAGAIN;
    } else {
        err = connectable(unix_state(u));
    }
    if (err == 0) {
        spin_lock(&u->socket.lock);
        err = connectable(u->state); /* another thread may have been faster */
        if (err == 0) {
            join_locked(listener, u, fresh);
        }
        spin_unlock(&u->socket.lock);
    }
    spin_unlock(&listener->socket.lock);
    return err;
}

static bool may_ask(struct unix_socket *listener)
{
    spin_lock(&listener->socket.lock);
    bool ask = listener->dead || (listener->shut & NO_RECEIVE) != 0 ||
               listener->queued <= listener->backlog;
    spin_unlock(&listener->socket.lock);
    return ask;
}

static int await_backlog(struct unix_socket *listener, uint64_t deadline_ns)
{
    int err = wait_until(&listener->room, may_ask(listener), deadline_ns);
    if (err != 0) {
        wait_wake(&listener->room, 1); /* the wake may have been ours */
    }
    return err == 0 ? -ESTALE : (int)socket_wait_error(err, deadline_ns);
}

/* One attempt; -ESTALE: look for the listener again. */
static int connect_once(struct unix_socket *u, const void *addr, size_t len,
                        struct unix_socket *fresh, uint64_t deadline_ns)
{
    struct unix_socket *listener;
    int err = unixname_find(addr, len, u->socket.type, &listener);
    if (err != 0) {
        return err;
    }
    err = try_join(listener, u, fresh);
    if (err == 0) {
        wait_wake(&listener->readers, 1);
        wait_wake_events(&listener->socket.changed, WAIT_ALL, READABLE | POLLPRI | POLLRDBAND);
        socket_tell(&listener->socket, POLL_IN);
    } else if (err == -EAGAIN && deadline_ns != 0) {
        err = await_backlog(listener, deadline_ns);
    }
    unix_put(listener);
    return err;
}

int unixjoin_connect(struct socket *s, const void *addr, size_t len, bool nonblock)
{
    struct unix_socket *u = unix_of(s);
    uint64_t deadline_ns = nonblock ? 0 : socket_deadline(s, true);
    int err = prepare(u, addr, len);
    if (err != 0) {
        return err;
    }
    struct unix_socket *fresh = unix_alloc(s->type);
    if (fresh == NULL) {
        return -ENOMEM;
    }
    do {
        err = connect_once(u, addr, len, fresh, deadline_ns);
    } while (err == -ESTALE);
    if (err != 0) {
        unix_close_pending(fresh);
    }
    return err;
}

int unixjoin_listen(struct socket *s, int backlog)
{
    struct unix_socket *u = unix_of(s);
    if (__atomic_load_n(&u->name, __ATOMIC_ACQUIRE) == NULL) {
        return -EINVAL; /* nobody could find it */
    }
    spin_lock(&s->lock);
    int err = u->state == UNIX_CONNECTED ? -EINVAL : 0;
    if (err == 0) {
        u->backlog = (unsigned)backlog;
        __atomic_store_n(&u->state, UNIX_LISTENING, __ATOMIC_RELEASE);
        s->listening = true;
        s->peer_cred = unix_own_cred();
    }
    spin_unlock(&s->lock);
    if (err == 0) {
        wait_wake(&u->room, WAIT_ALL);
    }
    return err;
}

/* The connection that has waited longest, NULL: none; *shut: none will come. */
static struct unix_socket *take_pending(struct unix_socket *u, bool *shut)
{
    spin_lock(&u->socket.lock);
    struct list *first = list_pop(&u->pending);
    u->queued -= first != NULL;
    *shut = (u->shut & NO_RECEIVE) != 0;
    spin_unlock(&u->socket.lock);
    return first != NULL ? list_entry(first, struct unix_socket, waiting) : NULL;
}

static bool may_accept(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    bool accept = !list_empty(&u->pending) || (u->shut & NO_RECEIVE) != 0;
    spin_unlock(&u->socket.lock);
    return accept;
}

int unixjoin_accept(struct socket *s, bool nonblock, struct socket **out)
{
    struct unix_socket *u = unix_of(s);
    uint64_t deadline_ns = socket_deadline(s, false);
    bool shut;
    if (unix_state(u) != UNIX_LISTENING) {
        return -EINVAL;
    }
    struct unix_socket *fresh;
    while ((fresh = take_pending(u, &shut)) == NULL) {
        if (nonblock || shut) {
            return nonblock ? -EAGAIN : -EINVAL;
        }
        int err = wait_until(&u->readers, may_accept(u), deadline_ns);
        if (err != 0) {
            wait_wake(&u->readers, 1); /* the wake may have been ours */
            return (int)socket_wait_error(err, deadline_ns);
        }
    }
    wait_wake(&u->room, 1);
    *out = &fresh->socket;
    return 0;
}

static void leave_room(struct unix_socket *u) NEEDS(u->changing)
{
    if (u->peer_room.queue != NULL) {
        wait_detach(&u->peer_room);
        u->peer_room.queue = NULL;
    }
}

/* u, of datagrams, has another peer, NULL: none. The old one, with its reference, is returned. */
static struct unix_socket *replace_peer(struct unix_socket *u, struct unix_socket *peer)
    NEEDS(u->changing)
{
    leave_room(u);
    spin_lock(&u->socket.lock);
    struct unix_socket *old = u->peer;
    u->peer = peer;
    u->state = peer != NULL ? UNIX_CONNECTED : UNIX_CLOSED;
    spin_unlock(&u->socket.lock);
    if (peer != NULL) {
        wait_attach(&peer->room, &u->peer_room);
    }
    if (__atomic_exchange_n(&u->wants_room, false, __ATOMIC_ACQ_REL)) {
        wait_wake_events(&u->socket.changed, WAIT_ALL, WRITABLE);
    }
    return old;
}

static void set_peer(struct unix_socket *u, struct unix_socket *peer)
{
    mutex_lock(&u->changing);
    struct unix_socket *old = replace_peer(u, peer);
    mutex_unlock(&u->changing);
    if (old != NULL && old != peer) {
        unixpacket_lost(u, old);
    }
    if (old != NULL) {
        unix_put(old);
    }
}

void unixjoin_part(struct unix_socket *u, struct unix_socket *peer)
{
    mutex_lock(&u->changing);
    bool still = u->peer == peer; /* it only changes under changing, but for release */
    struct unix_socket *old = still ? replace_peer(u, NULL) : NULL;
    mutex_unlock(&u->changing);
    if (old != NULL) {
        unixpacket_lost(u, old);
        unix_put(old);
    }
}

static int may_send(struct unix_socket *u, struct unix_socket *to)
{
    spin_lock(&to->socket.lock);
    int err = to->dead ? -ESTALE : to->peer != NULL && to->peer != u ? -EPERM : 0;
    spin_unlock(&to->socket.lock);
    return err;
}

/* Whether the peer may be had is looked at again with each packet. */
int unixjoin_connect_datagram(struct socket *s, const void *addr, size_t len, bool nonblock)
{
    struct unix_socket *u = unix_of(s);
    struct unix_socket *peer;
    (void)nonblock;
    if (len < sizeof(__kernel_sa_family_t)) {
        return -EINVAL;
    }
    if (*(const __kernel_sa_family_t *)addr == AF_UNSPEC) {
        set_peer(u, NULL);
        return 0;
    }
    int err = prepare(u, addr, len);
    if (err != 0) {
        return err;
    }
    do {
        err = unixname_find(addr, len, s->type, &peer);
        if (err != 0) {
            return err;
        }
        err = may_send(u, peer);
        if (err != 0) {
            unix_put(peer);
        }
    } while (err == -ESTALE);
    if (err == 0) {
        set_peer(u, peer);
    }
    return err;
}
