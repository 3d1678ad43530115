/* SPDX-License-Identifier: MIT */
/* The packets between AF_UNIX sockets: made, charged to who sends them, queued for who reads them.
 *
 * Freeing a packet may close files, and with them sockets that have packets, to any depth: they are
 * buried, in a list that one thread at a time works off. Locks: unixsocket.h.
 * Source: unix(7), SO_SNDBUF in socket(7). */
#include <asm/errno.h>
#include <asm/socket.h>

#include "kernel/heap.h"
#include "kernel/thread.h"
#include "net/unixflight.h"
#include "net/unixsocket.h"
#include "platform/clock.h"

#define UNKNOWN_ID 65534 /* overflowuid */

static struct mutex burying = {.queue = {.waiters = LIST_INIT(burying.queue.waiters)}};
static struct list grave = LIST_INIT(grave); /* [burying] */

int packet_create(struct unix_socket *u, struct message *m, struct scm *scm, size_t n,
                  struct packet **out)
{
    struct packet *p = heap_alloc(sizeof(*p) + n);
    if (p == NULL) {
        return -ENOBUFS;
    }
    *p = (struct packet){.from = u, .len = n, .cost = sizeof(*p) + n};
    if (n != 0 && iov_copy_from(m->it, p->data, n) != (long)n) {
        heap_free(p);
        return -EFAULT;
    }
    unix_get(u);
    __atomic_fetch_add(&u->sent, p->cost, __ATOMIC_RELAXED);
    p->scm = *scm;
    scm->files = NULL;
    scm->n = 0;
    unixflight_enter(&p->scm);
    *out = p;
    return 0;
}

/* p's sender has room for others. */
static void give_back(struct packet *p)
{
    struct unix_socket *u = p->from;
    size_t sent = __atomic_sub_fetch(&u->sent, p->cost, __ATOMIC_RELEASE);
    if (sent * 4 <= u->socket.options.send_buffer) {
        wait_wake_events(&u->socket.changed, WAIT_ALL, WRITABLE);
        if (__atomic_exchange_n(&u->no_space, false, __ATOMIC_ACQ_REL)) {
            socket_tell(&u->socket, POLL_OUT);
        }
    }
    unix_put(u);
}

void packet_free(struct packet *p)
{
    unixflight_leave(&p->scm);
    scm_drop(&p->scm);
    give_back(p);
    heap_free(p);
}

void packet_bury(struct list *list)
{
    struct list *at;
    if (list_empty(list)) {
        return;
    }
    if (mutex_held(&burying)) { /* further up, this thread works it off */
        list_move(list, &grave);
        return;
    }
    mutex_lock(&burying);
    list_move(list, &grave);
    while ((at = list_pop(&grave)) != NULL) {
        packet_free(list_entry(at, struct packet, link));
    }
    mutex_unlock(&burying);
}

static bool has_room(const struct unix_socket *u)
{
    /* acquire: pairs with give_back */
    return __atomic_load_n(&u->sent, __ATOMIC_ACQUIRE) < u->socket.options.send_buffer;
}

/* Why u cannot send now, whatever room there is; 0: it can. */
static long send_error(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    int error = u->socket.error;
    u->socket.error = 0;
    bool shut = (u->shut & NO_SEND) != 0;
    spin_unlock(&u->socket.lock);
    return error != 0 ? -error : shut ? -EPIPE : 0;
}

static bool may_look(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    bool look = u->socket.error != 0 || (u->shut & NO_SEND) != 0 || has_room(u);
    spin_unlock(&u->socket.lock);
    return look;
}

long packet_await_room(struct unix_socket *u, unsigned flags, uint64_t deadline_ns)
{
    for (;;) {
        long err = send_error(u);
        if (err != 0 || has_room(u)) {
            return err;
        }
        __atomic_store_n(&u->no_space, true, __ATOMIC_RELEASE);
        if ((flags & MSG_DONTWAIT) != 0) {
            return -EAGAIN;
        }
        int wait = wait_until(&u->socket.changed, may_look(u), deadline_ns);
        if (wait != 0) {
            return socket_wait_error(wait, deadline_ns);
        }
    }
}

/* Who sent p is told only if one of the two wants that, or the sender says it. */
static void set_cred(const struct unix_socket *u, struct packet *p)
{
    if (!p->scm.told && !socket_flag(&u->socket, SO_PASSCRED) &&
        !socket_flag(&p->from->socket, SO_PASSCRED) && socket_file(&u->socket) != NULL) {
        p->scm.cred = (struct user_ucred){0, UNKNOWN_ID, UNKNOWN_ID};
    }
}

void packet_append_locked(struct unix_socket *u, struct packet *p)
{
    lock_assert_held(&u->socket.lock);
    set_cred(u, p);
    if (socket_flag(&u->socket, SO_TIMESTAMP_OLD) || socket_flag(&u->socket, SO_TIMESTAMPNS_OLD)) {
        p->wall_ns = clock_wall_ns();
    }
    list_append(&u->packets, &p->link);
    u->queued++;
    u->bytes += p->len;
}

void packet_arrived(struct unix_socket *u)
{
    /* a stream's packet may be for several readers */
    wait_wake(&u->readers, u->socket.type == SOCK_STREAM ? WAIT_ALL : 1);
    wait_wake_events(&u->socket.changed, WAIT_ALL, READABLE | POLLPRI | POLLRDBAND);
    socket_tell(&u->socket, POLL_IN);
}

struct packet *packet_first(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    struct packet *p =
        list_empty(&u->packets) ? NULL : list_entry(u->packets.next, struct packet, link);
    spin_unlock(&u->socket.lock);
    return p;
}

struct packet *packet_next(struct unix_socket *u, struct packet *p)
{
    spin_lock(&u->socket.lock);
    struct list *next = p->link.next;
    spin_unlock(&u->socket.lock);
    return next != &u->packets ? list_entry(next, struct packet, link) : NULL;
}

void packet_used(struct unix_socket *u, struct packet *p, size_t n, bool all)
{
    spin_lock(&u->socket.lock);
    p->start += n;
    p->len -= n;
    u->bytes -= all ? n + p->len : n;
    if (all) {
        list_remove(&p->link);
        u->queued--;
    }
    spin_unlock(&u->socket.lock);
    if (all) {
        if (u->socket.type != SOCK_STREAM) {
            (void)wait_wake_events(&u->room, 1, WRITABLE);
        }
        packet_free(p);
    }
}

static bool has_news(struct unix_socket *u)
{
    spin_lock(&u->socket.lock);
    bool news = !list_empty(&u->packets) || u->socket.error != 0 || (u->shut & NO_RECEIVE) != 0;
    spin_unlock(&u->socket.lock);
    return news;
}

long packet_wait(struct unix_socket *u, uint64_t deadline_ns)
{
    mutex_unlock(&u->reading);
    int err = wait_until(&u->readers, has_news(u), deadline_ns);
    if (err != 0) {
        wait_wake(&u->readers, 1); /* the wake may have been ours */
    }
    mutex_lock(&u->reading);
    return err != 0 ? socket_wait_error(err, deadline_ns) : 0;
}

void packet_deliver(struct unix_socket *u, struct message *m, struct scm *scm, long result)
{
    if (result >= 0) {
        scm_put(scm, m, socket_flag(&u->socket, SO_PASSCRED));
    }
    scm_drop(scm);
}

void packet_name(struct message *m, const struct packet *p)
{
    if (m->addr != NULL && __atomic_load_n(&p->from->name, __ATOMIC_ACQUIRE) != NULL) {
        unixname_write(p->from, m->addr, &m->addrlen);
    }
}
