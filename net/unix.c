/* SPDX-License-Identifier: MIT */
/* AF_UNIX: streams, datagrams, packets between sockets of the machine.
 *
 * Each socket has a queue of packets that its peer has sent and it has not read; what a sender may
 * have there is limited by his send buffer. Two connected sockets hold a reference of each other
 * until they are closed. Locks: reading (mutex: who reads; held while the program's memory is
 * written) > socket.lock (queue and state of one; never of two at a time) > wait_queue.lock.
 * What is in flight is counted: unixflight.c.
 * Source: unix(7), send(2), recv(2), shutdown(2). */
#include "net/unix.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>
#include <linux/un.h>

#include "kernel/heap.h"
#include "kernel/mutex.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "net/unixflight.h"

#define CHUNK 32768UL /* bytes of a stream's packet */
#define MESSAGE_SLACK 32 /* a datagram is that much smaller than the send buffer: as Linux */
#define NO_RECEIVE 1 /* shut, for this direction */
#define NO_SEND 2
#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM | POLLWRBAND)

static struct unix_socket *of(struct socket *s)
{
    return container_of(s, struct unix_socket, socket);
}

static bool is_stream(const struct unix_socket *u)
{
    return u->socket.type == SOCK_STREAM;
}

/* p, which is on no queue any more. */
static void packet_free(struct packet *p)
{
    unixflight_leave(&p->scm);
    scm_drop(&p->scm);
    heap_free(p);
}

static void unix_put(struct unix_socket *u)
{
    /* release and acquire: other holders are done before it is freed */
    if (__atomic_sub_fetch(&u->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        heap_free(u);
    }
}

static struct packet *first_of(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    struct packet *p =
        list_empty(&u->packets) ? NULL : list_entry(u->packets.next, struct packet, link);
    spin_unlock(&u->socket.lock);
    return p;
}

static unsigned shut_of(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    unsigned shut = u->shut;
    spin_unlock(&u->socket.lock);
    return shut;
}

/* Whether u's peer could take a packet: 0, -EAGAIN not now, or why it never will. */
static int may_send(struct unix_socket *u)
{
    struct unix_socket *peer = u->peer;
    bool datagram = u->socket.type == SOCK_DGRAM;
    if ((shut_of(u) & NO_SEND) != 0) {
        return -EPIPE;
    }
    spin_lock(&peer->socket.lock);
    bool full = peer->charged >= u->socket.options.send_buffer;
    int err = full ? -EAGAIN : 0;
    if (peer->dead) {
        err = datagram ? -ECONNREFUSED : -EPIPE;
    } else if ((peer->shut & NO_RECEIVE) != 0) {
        err = -EPIPE;
    }
    spin_unlock(&peer->socket.lock);
    if (err == -ECONNREFUSED) { /* the first time; then there is no peer any more */
        spin_lock(&u->socket.lock);
        err = u->refused ? -ENOTCONN : err;
        u->refused = true;
        spin_unlock(&u->socket.lock);
    }
    return err;
}

static long await_room(struct unix_socket *u, unsigned flags, uint64_t deadline_ns)
{
    int err = may_send(u);
    if (err != -EAGAIN || (flags & MSG_DONTWAIT) != 0) {
        return err;
    }
    int wait = wait_until(&u->socket.changed, (err = may_send(u)) != -EAGAIN, deadline_ns);
    return wait != 0 ? socket_wait_error(wait, deadline_ns) : err;
}

/* Queue p for peer, which may have gone meanwhile. */
static int append(struct unix_socket *peer, struct packet *p)
{
    spin_lock(&peer->socket.lock);
    bool ok = !peer->dead && (peer->shut & NO_RECEIVE) == 0;
    if (ok) {
        list_append(&peer->packets, &p->link);
        peer->charged += p->cost;
        peer->bytes += p->len;
    }
    spin_unlock(&peer->socket.lock);
    if (ok) {
        wait_wake_events(&peer->socket.changed, WAIT_ALL, READABLE | POLLRDBAND);
    }
    return ok ? 0 : -EPIPE;
}

/* Send n bytes of m as a packet; the files of scm go along. */
static long send_packet(struct unix_socket *u, struct message *m, struct scm *scm, size_t n,
                        uint64_t deadline_ns)
{
    long err = await_room(u, m->flags, deadline_ns);
    if (err != 0) {
        return err;
    }
    struct packet *p = heap_alloc(sizeof(*p) + n);
    if (p == NULL) {
        return -ENOBUFS;
    }
    *p = (struct packet){.len = n, .cost = sizeof(*p) + n};
    if (n != 0 && iov_copy_from(m->it, p->data, n) != (long)n) {
        heap_free(p);
        return -EFAULT;
    }
    p->scm = *scm;
    scm->files = NULL;
    scm->n = 0;
    unixflight_enter(&p->scm);
    err = append(u->peer, p);
    if (err != 0) {
        packet_free(p);
    }
    return err;
}

static long stream_write(struct unix_socket *u, struct message *m, struct scm *scm)
{
    uint64_t deadline_ns = socket_deadline(&u->socket, true);
    long sent = 0;
    long err = 0;
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    if (m->addrlen != 0) {
        return -EISCONN;
    }
    if ((shut_of(u) & NO_SEND) != 0) {
        return -EPIPE;
    }
    while (err == 0 && iov_left(m->it) != 0) {
        size_t n = min(iov_left(m->it), CHUNK);
        err = send_packet(u, m, scm, n, deadline_ns);
        sent += err == 0 ? (long)n : 0;
    }
    return sent != 0 ? sent : err;
}

static long stream_send(struct socket *s, struct message *m)
{
    struct scm scm;
    long result = scm_take(&scm, m);
    if (result == 0) {
        result = stream_write(of(s), m, &scm);
        scm_drop(&scm);
    }
    return result;
}

static long packet_write(struct socket *s, struct message *m, struct scm *scm)
{
    size_t n = iov_left(m->it);
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    if (m->addrlen != 0) { /* no socket has a name */
        return s->type == SOCK_SEQPACKET ? -EISCONN : -ECONNREFUSED;
    }
    if (n > s->options.send_buffer - MESSAGE_SLACK) {
        return -EMSGSIZE;
    }
    long err = send_packet(of(s), m, scm, n, socket_deadline(s, true));
    return err != 0 ? err : (long)n;
}

static long packet_send(struct socket *s, struct message *m)
{
    struct scm scm;
    long result = scm_take(&scm, m);
    if (result == 0) {
        result = packet_write(s, m, &scm);
        scm_drop(&scm);
    }
    return result;
}

static bool has_news(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    bool news = !list_empty(&u->packets) || u->socket.error != 0 || (u->shut & NO_RECEIVE) != 0;
    spin_unlock(&u->socket.lock);
    return news;
}

/* The packet to read next, waiting for it; NULL with 0: the end. Others may read meanwhile. */
static long await_packet(struct unix_socket *u, const struct message *m, uint64_t deadline_ns,
                         struct packet **p) NEEDS(u->reading)
{
    for (;;) {
        *p = first_of(u);
        if (*p != NULL && is_stream(u)) {
            return 0;
        }
        int error = socket_take_error(&u->socket);
        if (error != 0 || *p != NULL) {
            return -error;
        }
        bool dontwait = (m->flags & MSG_DONTWAIT) != 0;
        if ((shut_of(u) & NO_RECEIVE) != 0 && !(dontwait && u->socket.type == SOCK_DGRAM)) {
            return 0;
        }
        if (dontwait) {
            return -EAGAIN;
        }
        mutex_unlock(&u->reading);
        int err = wait_until(&u->socket.changed, has_news(u), deadline_ns);
        mutex_lock(&u->reading);
        if (err != 0) {
            return socket_wait_error(err, deadline_ns);
        }
    }
}

/* n bytes of p have been read; all: it is over with it. Its sender may have room again. */
static void consume(struct unix_socket *u, struct packet *p, size_t n, bool all) NEEDS(u->reading)
{
    spin_lock(&u->socket.lock);
    p->start += n;
    p->len -= n;
    u->bytes -= all ? n + p->len : n;
    if (all) {
        list_remove(&p->link);
        u->charged -= p->cost;
    }
    size_t charged = u->charged;
    spin_unlock(&u->socket.lock);
    if (all) {
        packet_free(p);
        if (charged * 4 <= u->peer->socket.options.send_buffer) {
            wait_wake_events(&u->peer->socket.changed, WAIT_ALL, WRITABLE);
        }
    }
}

static struct packet *next_of(struct unix_socket *u, struct packet *p) NEEDS(u->reading)
{
    spin_lock(&u->socket.lock);
    struct list *next = p->link.next;
    spin_unlock(&u->socket.lock);
    return next != &u->packets ? list_entry(next, struct packet, link) : NULL;
}

/* Move what is there, from p on; a packet with files ends it. Returns bytes or -EFAULT. */
static long stream_take(struct unix_socket *u, struct message *m, struct packet *p, struct scm *scm)
    NEEDS(u->reading)
{
    bool peek = (m->flags & MSG_PEEK) != 0;
    long done = 0;
    while (p != NULL && scm->n == 0) {
        struct packet *next = next_of(u, p);
        size_t want = min(p->len, iov_left(m->it));
        long n = want != 0 ? iov_copy_to(m->it, p->data + p->start, want) : 0;
        if (n < 0) {
            return done != 0 ? done : n;
        }
        done += n;
        if (unixflight_take(&p->scm, scm, peek) != 0) {
            return done;
        }
        bool all = (size_t)n == p->len;
        if (!peek) {
            consume(u, p, (size_t)n, all);
        }
        p = all && iov_left(m->it) != 0 ? next : NULL;
    }
    return done;
}

/* What came along; result is the call's. */
static void deliver(struct socket *s, struct message *m, struct scm *scm, long result)
{
    if (result >= 0) {
        scm_put(scm, m, socket_flag(s, SO_PASSCRED));
    }
    scm_drop(scm);
}

static long stream_recv(struct socket *s, struct message *m)
{
    struct unix_socket *u = of(s);
    uint64_t deadline_ns = socket_deadline(s, false);
    bool to_end = (m->flags & (MSG_WAITALL | MSG_PEEK)) == MSG_WAITALL;
    struct scm scm = {.n = 0};
    long done = 0;
    long n;
    if ((m->flags & MSG_OOB) != 0) {
        return -EINVAL;
    }
    mutex_lock(&u->reading);
    do {
        struct packet *p;
        n = await_packet(u, m, deadline_ns, &p);
        n = n != 0 || p == NULL ? n : stream_take(u, m, p, &scm);
        done += max(n, 0L);
    } while (n > 0 && to_end && iov_left(m->it) != 0 && scm.n == 0);
    mutex_unlock(&u->reading);
    deliver(s, m, &scm, done != 0 ? done : n);
    return done != 0 ? done : n;
}

static long packet_recv(struct socket *s, struct message *m)
{
    struct unix_socket *u = of(s);
    struct packet *p;
    struct scm scm = {.n = 0};
    bool peek = (m->flags & MSG_PEEK) != 0;
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    mutex_lock(&u->reading);
    long result = await_packet(u, m, socket_deadline(s, false), &p);
    if (result == 0 && p != NULL) {
        size_t len = p->len;
        size_t want = min(len, iov_left(m->it));
        result = want != 0 ? iov_copy_to(m->it, p->data, want) : 0;
        m->out_flags |= want < len ? MSG_TRUNC : 0;
        if (result >= 0 && (size_t)result < want) {
            result = -EFAULT;
        }
        if (result >= 0 && (m->flags & MSG_TRUNC) != 0) {
            result = (long)len;
        }
        if (result >= 0 && unixflight_take(&p->scm, &scm, peek) != 0) {
            result = -ENOMEM;
        }
        if (!peek) {
            consume(u, p, len, true);
        }
    }
    mutex_unlock(&u->reading);
    deliver(s, m, &scm, result);
    return result;
}

static unsigned unix_poll(struct socket *s)
{
    struct unix_socket *u = of(s);
    unsigned events = 0;
    spin_lock(&s->lock);
    events |= !list_empty(&u->packets) ? READABLE : 0;
    events |= s->error != 0 ? POLLERR : 0;
    events |= (u->shut & NO_RECEIVE) != 0 ? POLLRDHUP | READABLE : 0;
    events |= u->shut == (NO_RECEIVE | NO_SEND) ? POLLHUP : 0;
    spin_unlock(&s->lock);
    spin_lock(&u->peer->socket.lock);
    bool room = u->peer->dead || u->peer->charged * 4 <= s->options.send_buffer;
    spin_unlock(&u->peer->socket.lock);
    return events | (room ? WRITABLE : 0);
}

static long unix_queued(struct socket *s, bool out)
{
    struct unix_socket *u = out ? of(s)->peer : of(s);
    spin_lock(&u->socket.lock);
    size_t n = out ? u->charged : u->bytes;
    if (!out && u->socket.type == SOCK_DGRAM) {
        n = list_empty(&u->packets) ? 0 : list_entry(u->packets.next, struct packet, link)->len;
    }
    spin_unlock(&u->socket.lock);
    return (long)n;
}

/* u is closed in these directions; its peer, other than of datagrams, in the opposite ones. */
static void close_directions(struct unix_socket *u, unsigned shut)
{
    unsigned peer = (shut & NO_RECEIVE) != 0 ? NO_SEND : 0;
    peer |= (shut & NO_SEND) != 0 ? NO_RECEIVE : 0;
    spin_lock(&u->socket.lock);
    u->shut |= shut;
    spin_unlock(&u->socket.lock);
    if (u->socket.type != SOCK_DGRAM) {
        spin_lock(&u->peer->socket.lock);
        u->peer->shut |= peer;
        spin_unlock(&u->peer->socket.lock);
    }
    wait_wake(&u->socket.changed, WAIT_ALL);
    wait_wake(&u->peer->socket.changed, WAIT_ALL);
}

static int unix_shutdown(struct socket *s, int how)
{
    static const unsigned directions[] = {NO_RECEIVE, NO_SEND, NO_RECEIVE | NO_SEND};
    close_directions(of(s), directions[how]);
    return 0;
}

static int unix_name(struct socket *s, enum socket_name which, void *out, size_t *len)
{
    __kernel_sa_family_t *family = out;
    (void)s, (void)which;
    *family = AF_UNIX;
    *len = sizeof(*family); /* without a name */
    return 0;
}

static void unix_release(struct socket *s)
{
    struct unix_socket *u = of(s);
    struct unix_socket *peer = u->peer;
    struct list left;
    list_init(&left);
    unixflight_forget(u);
    spin_lock(&s->lock);
    u->dead = true;
    list_move(&u->packets, &left);
    u->charged = u->bytes = 0;
    spin_unlock(&s->lock);
    if (!list_empty(&left) && s->type != SOCK_DGRAM) { /* it will not be read: the peer is told */
        spin_lock(&peer->socket.lock);
        peer->socket.error = ECONNRESET;
        spin_unlock(&peer->socket.lock);
    }
    close_directions(u, NO_RECEIVE | NO_SEND);
    while (!list_empty(&left)) {
        packet_free(list_entry(list_pop(&left), struct packet, link));
    }
    unix_put(peer);
    unix_put(u);
    unixflight_collect();
}

static const struct socket_ops stream_ops = {
    .send = stream_send,
    .recv = stream_recv,
    .shutdown = unix_shutdown,
    .poll = unix_poll,
    .queued = unix_queued,
    .name = unix_name,
    .release = unix_release,
    .pipe_signal = true,
};

static const struct socket_ops packet_ops = {
    .send = packet_send,
    .recv = packet_recv,
    .shutdown = unix_shutdown,
    .poll = unix_poll,
    .queued = unix_queued,
    .name = unix_name,
    .release = unix_release,
};

static struct unix_socket *create(int type)
{
    struct unix_socket *u = heap_zalloc(sizeof(*u));
    if (u != NULL) {
        socket_init(&u->socket, type == SOCK_STREAM ? &stream_ops : &packet_ops, AF_UNIX, type);
        u->socket.peer_cred = (struct user_ucred){PROCESS_PID, process.euid, process.egid};
        mutex_init(&u->reading);
        list_init(&u->packets);
        list_init(&u->all);
        u->refs = 2; /* the file's and the peer's */
    }
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
    (void)out;
    int err = check_type(&type, protocol);
    return err != 0 ? err : -EAFNOSUPPORT; /* only pairs */
}

static int unix_pair(int type, int protocol, struct socket *out[2])
{
    int err = check_type(&type, protocol);
    if (err != 0) {
        return err;
    }
    struct unix_socket *a = create(type);
    struct unix_socket *b = create(type);
    if (a == NULL || b == NULL) {
        heap_free(a);
        heap_free(b);
        return -ENOMEM;
    }
    a->peer = b;
    b->peer = a;
    unixflight_know(a);
    unixflight_know(b);
    out[0] = &a->socket;
    out[1] = &b->socket;
    return 0;
}

const struct socket_family unix_family = {
    .family = AF_UNIX,
    .create = unix_create,
    .pair = unix_pair,
};
