/* SPDX-License-Identifier: MIT */
/* Sockets in flight through sockets.
 *
 * A socket sent through itself, or some through each other, are referenced by packets that nobody
 * can receive. So references that packets hold are counted, and after a close, while there are any,
 * sockets that have no others are suspects: they are garbage unless a packet in a queue that is not
 * garbage holds one. Garbage loses its packets, and with them its references.
 *
 * flight, a mutex, is held while files enter or leave a queue, so that the counts stand still while
 * garbage is looked for; a suspect cannot get a new reference then, because nobody but a receiver
 * could make one. reading (see unix.c) > flight > socket.lock. Source: unix(7), SCM_RIGHTS. */
#include "net/unixflight.h"

static struct mutex flight = {.queue = {.waiters = LIST_INIT(flight.queue.waiters)}};
static struct list sockets = LIST_INIT(sockets); /* [flight] struct unix_socket */
static unsigned total; /* [A] changes under flight: files in flight that are such sockets */
static bool collecting; /* [A] */

/* The open socket that f is, NULL for other files. */
static struct unix_socket *behind(const struct file *f)
{
    struct socket *s = socket_of(f);
    return s != NULL && s->family == AF_UNIX ? unix_of(s) : NULL;
}

void unixflight_know(struct unix_socket *u)
{
    mutex_lock(&flight);
    list_append(&sockets, &u->all);
    mutex_unlock(&flight);
}

void unixflight_forget(struct unix_socket *u)
{
    mutex_lock(&flight);
    list_remove(&u->all);
    mutex_unlock(&flight);
}

void unixflight_each(void (*fn)(struct unix_socket *u, void *ctx), void *ctx)
{
    struct list *at;
    mutex_lock(&flight);
    list_for_each (at, &sockets) {
        fn(list_entry(at, struct unix_socket, all), ctx);
    }
    mutex_unlock(&flight);
}

static void count(const struct scm *s, unsigned change) NEEDS(flight)
{
    for (unsigned i = 0; i < s->n; i++) {
        struct unix_socket *u = behind(s->files[i]);
        if (u != NULL) {
            u->in_flight += change;
            __atomic_fetch_add(&total, change, __ATOMIC_RELAXED);
        }
    }
}

void unixflight_enter(const struct scm *s)
{
    if (s->n != 0) {
        mutex_lock(&flight);
        count(s, 1);
        mutex_unlock(&flight);
    }
}

void unixflight_leave(const struct scm *s)
{
    if (s->n != 0) {
        mutex_lock(&flight);
        count(s, -1U);
        mutex_unlock(&flight);
    }
}

int unixflight_take(struct scm *s, struct scm *to, bool copy)
{
    int err = 0;
    if (s->n == 0) {
        return 0;
    }
    mutex_lock(&flight);
    if (copy) {
        err = scm_copy(to, s);
    } else {
        count(s, -1U);
        *to = *s;
        s->files = NULL;
        s->n = 0;
    }
    mutex_unlock(&flight);
    return err;
}

typedef void (*found_fn)(struct unix_socket *held);

static void packet_holds(const struct packet *p, found_fn found)
{
    for (unsigned i = 0; i < p->scm.n; i++) {
        struct unix_socket *held = behind(p->scm.files[i]);
        if (held != NULL) {
            found(held);
        }
    }
}

static void queue_holds(struct unix_socket *u, found_fn found) NEEDS(u->socket.lock)
{
    struct list *at;
    list_for_each (at, &u->packets) {
        packet_holds(list_entry(at, struct packet, link), found);
    }
}

/* Call found for each socket that a packet in u's queue holds, or in that of a connection that u
 * could accept. */
static void for_each_held(struct unix_socket *u, found_fn found) NEEDS(flight)
{
    struct list *at;
    spin_lock(&u->socket.lock);
    queue_holds(u, found);
    list_for_each (at, &u->pending) {
        struct unix_socket *pending = list_entry(at, struct unix_socket, waiting);
        spin_lock(&pending->socket.lock);
        queue_holds(pending, found);
        spin_unlock(&pending->socket.lock);
    }
    spin_unlock(&u->socket.lock);
}

static void count_inside(struct unix_socket *held)
{
    held->outside--;
}

static void count_outside(struct unix_socket *held)
{
    held->outside++;
}

static void suspect_all(void) NEEDS(flight)
{
    struct list *at;
    list_for_each (at, &sockets) {
        struct unix_socket *u = list_entry(at, struct unix_socket, all);
        struct file *f = __atomic_load_n(&u->socket.file, __ATOMIC_ACQUIRE);
        uint32_t refs = f != NULL ? __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE) : 1;
        u->suspect = u->in_flight != 0 && refs == u->in_flight;
        u->outside = u->in_flight;
    }
    list_for_each (at, &sockets) {
        struct unix_socket *u = list_entry(at, struct unix_socket, all);
        if (u->suspect) {
            for_each_held(u, count_inside);
        }
    }
}

/* Clear one suspect that somebody can receive; what it holds can be received then, too. */
static bool clear_one(void) NEEDS(flight)
{
    struct list *at;
    list_for_each (at, &sockets) {
        struct unix_socket *u = list_entry(at, struct unix_socket, all);
        if (u->suspect && u->outside != 0) {
            u->suspect = false;
            for_each_held(u, count_outside);
            return true;
        }
    }
    return false;
}

static void take_packets(struct unix_socket *u, struct list *out) NEEDS(u->socket.lock)
{
    list_move(&u->packets, out);
    u->bytes = 0;
}

static void empty(struct unix_socket *u, struct list *out) NEEDS(flight)
{
    struct list *at;
    spin_lock(&u->socket.lock);
    if (u->state != UNIX_LISTENING) {
        u->queued = 0;
    }
    take_packets(u, out);
    list_for_each (at, &u->pending) {
        struct unix_socket *pending = list_entry(at, struct unix_socket, waiting);
        spin_lock(&pending->socket.lock);
        pending->queued = 0;
        take_packets(pending, out);
        spin_unlock(&pending->socket.lock);
    }
    spin_unlock(&u->socket.lock);
}

/* The packets of all garbage. What they hold is in flight until they are freed. */
static void take_garbage(struct list *out) NEEDS(flight)
{
    struct list *at;
    suspect_all();
    while (clear_one()) {
    }
    list_for_each (at, &sockets) {
        struct unix_socket *u = list_entry(at, struct unix_socket, all);
        if (u->suspect) {
            empty(u, out);
        }
    }
}

void unixflight_collect(void)
{
    struct list garbage;
    if (__atomic_load_n(&total, __ATOMIC_RELAXED) == 0 ||
        __atomic_exchange_n(&collecting, true, __ATOMIC_ACQUIRE)) {
        return; /* who collects closes sockets and comes here again */
    }
    do {
        list_init(&garbage);
        mutex_lock(&flight);
        take_garbage(&garbage);
        mutex_unlock(&flight);
        bool none = list_empty(&garbage);
        packet_bury(&garbage);
        if (none) {
            break;
        }
    } while (__atomic_load_n(&total, __ATOMIC_RELAXED) != 0);
    __atomic_store_n(&collecting, false, __ATOMIC_RELEASE);
}
