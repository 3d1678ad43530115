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
static struct list flying = LIST_INIT(flying); /* [flight] those that packets hold */
static struct list reached = LIST_INIT(reached); /* [flight] whose packets are to be looked at */
static bool none = true; /* [A] changes under flight: flying is empty */
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
        if (u == NULL) {
            continue;
        }
        u->in_flight += change;
        list_remove(&u->flying);
        if (u->in_flight != 0) {
            list_append(&flying, &u->flying);
        }
    }
    __atomic_store_n(&none, list_empty(&flying), __ATOMIC_RELAXED);
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

/* held can be received; what it holds can be received then, too. */
static void reach(struct unix_socket *held)
{
    if (held->suspect) {
        held->suspect = false;
        list_append(&reached, &held->reached);
    }
}

static void suspect_all(void) NEEDS(flight)
{
    struct list *at;
    list_for_each (at, &flying) {
        struct unix_socket *u = list_entry(at, struct unix_socket, flying);
        struct file *f = socket_file(&u->socket);
        u->suspect = __atomic_load_n(&f->refs, __ATOMIC_ACQUIRE) == u->in_flight;
        u->outside = u->in_flight;
    }
    list_for_each (at, &flying) {
        struct unix_socket *u = list_entry(at, struct unix_socket, flying);
        if (u->suspect) {
            for_each_held(u, count_inside);
        }
    }
}

/* Clear suspects that somebody can receive. */
static void clear_reachable(void) NEEDS(flight)
{
    struct list *at;
    list_for_each (at, &flying) {
        struct unix_socket *u = list_entry(at, struct unix_socket, flying);
        if (u->outside != 0) {
            reach(u);
        }
    }
    while ((at = list_pop(&reached)) != NULL) {
        for_each_held(list_entry(at, struct unix_socket, reached), reach);
    }
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
    clear_reachable();
    list_for_each (at, &flying) {
        struct unix_socket *u = list_entry(at, struct unix_socket, flying);
        if (u->suspect) {
            empty(u, out);
        }
    }
}

void unixflight_collect(void)
{
    struct list garbage;
    bool again;
    if (__atomic_load_n(&none, __ATOMIC_RELAXED) ||
        __atomic_exchange_n(&collecting, true, __ATOMIC_ACQUIRE)) {
        return; /* who collects closes sockets and comes here again */
    }
    do {
        list_init(&garbage);
        mutex_lock(&flight);
        take_garbage(&garbage);
        mutex_unlock(&flight);
        again = !list_empty(&garbage);
        packet_bury(&garbage);
    } while (again);
    __atomic_store_n(&collecting, false, __ATOMIC_RELEASE);
}
