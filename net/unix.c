/* SPDX-License-Identifier: MIT */
/* AF_UNIX: sockets between threads of the machine; here their life and state.
 * Names: unixname.c; who is joined with whom: unixjoin.c; packets: unixqueue.c, unixstream.c,
 * unixpacket.c; sockets sent through sockets: unixflight.c. Locks and references: unixsocket.h.
 * Source: unix(7), socketpair(2), shutdown(2). */
#include "net/unix.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "net/unixflight.h"
#include "net/unixsocket.h"

#define DATAGRAMS_MAX 10 /* /proc/sys/net/unix/max_dgram_qlen */

static const struct socket_ops stream_ops, datagram_ops, sequence_ops;

void unix_get(struct unix_socket *u)
{
    __atomic_fetch_add(&u->refs, 1, __ATOMIC_RELAXED);
}

void unix_put(struct unix_socket *u)
{
    /* release and acquire: other holders are done before it is freed */
    if (__atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        unixname_put(u->name);
        heap_free(u);
    }
}

struct unix_socket *unix_peer(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    struct unix_socket *peer = u->peer;
    if (peer != NULL) {
        unix_get(peer);
    }
    spin_unlock(&u->socket.lock);
    return peer;
}

struct user_ucred unix_own_cred(void)
{
    return (struct user_ucred){PROCESS_PID, process.euid, process.egid};
}

unsigned unix_shut(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    unsigned shut = u->shut;
    spin_unlock(&u->socket.lock);
    return shut;
}

enum unix_state unix_state(const struct unix_socket *u)
{
    return __atomic_load_n(&u->state, __ATOMIC_ACQUIRE); /* and the peer that it was set after */
}

void unix_wake(struct unix_socket *u)
{
    wait_wake(&u->room, WAIT_ALL);
    wait_wake(&u->readers, WAIT_ALL);
    wait_wake(&u->socket.changed, WAIT_ALL);
}

static unsigned unix_poll(struct socket *s)
{
    struct unix_socket *u = unix_of(s);
    unsigned events = 0;
    spin_lock(&s->lock);
    size_t sent = __atomic_load_n(&u->sent, __ATOMIC_RELAXED);
    bool joins = s->type != SOCK_DGRAM;
    bool writable = u->state != UNIX_LISTENING && sent * 4 <= s->options.send_buffer;
    events |= u->queued != 0 ? READABLE : 0;
    events |= s->error != 0 ? POLLERR : 0;
    events |= (u->shut & NO_RECEIVE) != 0 ? POLLRDHUP | READABLE : 0;
    events |= u->shut == NO_BOTH || (joins && u->state == UNIX_CLOSED) ? POLLHUP : 0;
    spin_unlock(&s->lock);
    if (writable && s->type == SOCK_DGRAM) {
        writable = !unixpacket_peer_full(u);
    }
    return events | (writable ? WRITABLE : 0);
}

static long unix_queued(struct socket *s, bool out)
{
    struct unix_socket *u = unix_of(s);
    if (out) {
        return (long)__atomic_load_n(&u->sent, __ATOMIC_RELAXED);
    }
    spin_lock(&s->lock);
    long n = u->state == UNIX_LISTENING ? -EINVAL : (long)u->bytes;
    if (s->type == SOCK_DGRAM && u->queued != 0) {
        n = (long)list_entry(u->packets.next, struct packet, link)->len;
    }
    spin_unlock(&s->lock);
    return n;
}

static void shut_directions(struct unix_socket *u, unsigned shut)
{
    spin_lock(&u->socket.lock);
    u->shut |= shut;
    spin_unlock(&u->socket.lock);
    unix_wake(u);
}

static int unix_shutdown(struct socket *s, int how)
{
    static const unsigned own[] = {NO_RECEIVE, NO_SEND, NO_BOTH};
    static const unsigned peers[] = {NO_SEND, NO_RECEIVE, NO_BOTH};
    struct unix_socket *u = unix_of(s);
    struct unix_socket *peer = unix_peer(u);
    shut_directions(u, own[how]);
    if (peer != NULL) {
        if (s->type != SOCK_DGRAM) {
            shut_directions(peer, peers[how]);
            if (how != SHUT_RD) {
                socket_tell(&peer->socket, how == SHUT_WR ? POLL_IN : POLL_HUP);
            }
        }
        unix_put(peer);
    }
    return 0;
}

static int unix_name(struct socket *s, enum socket_name which, void *out, size_t *len)
{
    struct unix_socket *u = unix_of(s);
    if (which == SOCKET_SELF) {
        unixname_write(u, out, len);
        return 0;
    }
    struct unix_socket *peer = unix_peer(u);
    if (peer == NULL) {
        return -ENOTCONN;
    }
    unixname_write(peer, out, len);
    unix_put(peer);
    return 0;
}

/* u, which is closed, was the peer of peer; reset: something will never be read. */
static void tell_peer(struct unix_socket *u, struct unix_socket *peer, bool reset)
{
    if (u->socket.type == SOCK_DGRAM) {
        return; /* it finds out when it sends */
    }
    spin_lock(&peer->socket.lock);
    peer->shut = NO_BOTH;
    if (reset) {
        peer->socket.error = ECONNRESET;
    }
    spin_unlock(&peer->socket.lock);
    unix_wake(peer);
    socket_tell(&peer->socket, POLL_HUP);
}

static void release_pending(struct list *pending)
{
    struct list *at;
    while ((at = list_pop(pending)) != NULL) {
        unix_close_pending(list_entry(at, struct unix_socket, waiting));
    }
}

/* reset: the peer is told that the connection broke, whether or not there was anything to read. */
static void unix_close(struct unix_socket *u, bool reset)
{
    struct list packets;
    struct list pending;
    list_init(&packets);
    list_init(&pending);
    unixname_leave(u);
    unixflight_forget(u);
    if (u->peer_room.queue != NULL) {
        wait_detach(&u->peer_room);
    }
    spin_lock(&u->socket.lock);
    struct unix_socket *peer = u->peer;
    u->peer = NULL;
    u->dead = true;
    u->shut = NO_BOTH;
    u->queued = 0;
    u->bytes = 0;
    list_move(&u->packets, &packets);
    list_move(&u->pending, &pending);
    spin_unlock(&u->socket.lock);
    unix_wake(u);
    if (peer != NULL) {
        tell_peer(u, peer, reset || !list_empty(&packets));
        unix_put(peer);
    }
    release_pending(&pending);
    packet_bury(&packets);
    unix_put(u);
}

void unix_close_pending(struct unix_socket *u)
{
    unix_close(u, true);
}

static void unix_release(struct socket *s)
{
    unix_close(unix_of(s), false);
    unixflight_collect();
}

static int unix_bind(struct socket *s, const void *addr, size_t len)
{
    return unixname_bind(unix_of(s), addr, len);
}

/* Names belong to one socket. */
static int unix_set_option(struct socket *s, int level, int option, const void *value, size_t len)
{
    int on = 0;
    (void)s;
    if (level != SOL_SOCKET) {
        return -EOPNOTSUPP;
    }
    memcpy(&on, value, min(len, sizeof(on)));
    return option == SO_REUSEPORT && on != 0 ? -EOPNOTSUPP : -ENOPROTOOPT;
}

#define COMMON_OPS                                                                          \
    .bind = unix_bind, .shutdown = unix_shutdown, .poll = unix_poll, .queued = unix_queued, \
    .name = unix_name, .set_option = unix_set_option, .release = unix_release
#define JOINING_OPS \
    .connect = unixjoin_connect, .listen = unixjoin_listen, .accept = unixjoin_accept

static const struct socket_ops stream_ops = {
    COMMON_OPS, JOINING_OPS, .send = unixstream_send, .recv = unixstream_recv, .pipe_signal = true,
};

static const struct socket_ops sequence_ops = {
    COMMON_OPS,
    JOINING_OPS,
    .send = unixpacket_send,
    .recv = unixpacket_recv,
};

static const struct socket_ops datagram_ops = {
    COMMON_OPS,
    .connect = unixjoin_connect_datagram,
    .send = unixpacket_send,
    .recv = unixpacket_recv,
};

/* The peer of datagrams has room again. */
static void peer_has_room(struct wait_entry *e)
{
    struct unix_socket *u = container_of(e, struct unix_socket, peer_room);
    if (__atomic_exchange_n(&u->wants_room, false, __ATOMIC_ACQ_REL)) {
        wait_wake_events(&u->socket.changed, WAIT_ALL, WRITABLE);
    }
}

struct unix_socket *unix_alloc(int type)
{
    struct unix_socket *u = heap_zalloc(sizeof(*u));
    if (u == NULL) {
        return NULL;
    }
    const struct socket_ops *ops = type == SOCK_STREAM  ? &stream_ops
                                   : type == SOCK_DGRAM ? &datagram_ops
                                                        : &sequence_ops;
    socket_init(&u->socket, ops, AF_UNIX, type);
    mutex_init(&u->reading);
    mutex_init(&u->changing);
    wait_queue_init(&u->readers);
    wait_queue_init(&u->room);
    list_init(&u->packets);
    list_init(&u->pending);
    list_init(&u->waiting);
    list_init(&u->named);
    list_init(&u->all);
    list_init(&u->flying);
    list_init(&u->reached);
    list_init(&u->peer_room.link);
    u->peer_room.wake = peer_has_room;
    u->refs = 1;
    u->backlog = DATAGRAMS_MAX;
    unixflight_know(u);
    return u;
}

/* SOCK_RAW is another name of datagrams, as BSD has it. */
static int check_type(int *type, int protocol)
{
    if (protocol != 0 && protocol != AF_UNIX) {
        return -EPROTONOSUPPORT;
    }
    switch (*type) {
    case SOCK_RAW: *type = SOCK_DGRAM; return 0;
    case SOCK_STREAM:
    case SOCK_DGRAM:
    case SOCK_SEQPACKET: return 0;
    default: return -ESOCKTNOSUPPORT;
    }
}

static int unix_create(int type, int protocol, struct socket **out)
{
    int err = check_type(&type, protocol);
    if (err != 0) {
        return err;
    }
    struct unix_socket *u = unix_alloc(type);
    if (u == NULL) {
        return -ENOMEM;
    }
    *out = &u->socket;
    return 0;
}

static void join(struct unix_socket *u, struct unix_socket *peer)
{
    unix_get(peer);
    u->peer = peer;
    u->state = UNIX_CONNECTED;
    u->socket.peer_cred = unix_own_cred();
}

static int unix_pair(int type, int protocol, struct socket *out[2])
{
    int err = unix_create(type, protocol, &out[0]);
    if (err != 0) {
        return err;
    }
    err = unix_create(type, protocol, &out[1]);
    if (err != 0) {
        unix_release(out[0]);
        return err;
    }
    join(unix_of(out[0]), unix_of(out[1]));
    join(unix_of(out[1]), unix_of(out[0]));
    return 0;
}

const struct socket_family unix_family = {
    .family = AF_UNIX,
    .create = unix_create,
    .pair = unix_pair,
};
