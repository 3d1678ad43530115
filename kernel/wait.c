/* SPDX-License-Identifier: MIT */
/* Sleeping: on a queue, until a time, interrupted by signals. The scheduler runs others meanwhile.
 * A waiter lives on its sleeper's stack; the queue's lock guards the links of its entries. */
#include "kernel/wait.h"

#include <asm/errno.h>

#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "platform/clock.h"

struct alarm {
    struct timer timer;
    struct thread *thread; /* [I] */
    bool expired; /* [A] */
};

static void (*before_sleep)(void); /* [A] NULL: none */

void wait_set_hook(void (*hook)(void))
{
    __atomic_store_n(&before_sleep, hook, __ATOMIC_RELEASE);
}

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){.lock = SPINLOCK_INIT};
    list_init(&q->waiters);
}

/* Wake e unless nobody else is to be woken: n more of those that leave, one exclusive one. */
static bool wake_entry(struct wait_entry *e, bool spent)
{
    if (spent) {
        return false;
    }
    if (e->once) {
        list_remove(&e->link);
    }
    e->took = false;
    e->wake(e);
    return true;
}

static unsigned wake(struct wait_queue *q, unsigned n, uint32_t events, bool share)
{
    struct list *at;
    struct list *tmp;
    unsigned woken = 0;
    bool taken = false;
    spin_lock(&q->lock);
    list_for_each_safe(at, tmp, &q->waiters)
    {
        struct wait_entry *e = list_entry(at, struct wait_entry, link);
        if (e->events != 0 && (e->events & events) == 0) {
            continue;
        }
        bool once = e->once;
        bool exclusive = e->exclusive;
        bool done = wake_entry(e, (once && woken == n) || (exclusive && taken && share));
        woken += once && done;
        taken = taken || (exclusive && done && e->took);
    }
    spin_unlock(&q->lock);
    return woken;
}

void wait_wake(struct wait_queue *q, unsigned n)
{
    (void)wake(q, n, UINT32_MAX, false);
}

unsigned wait_wake_events(struct wait_queue *q, unsigned n, uint32_t events)
{
    return wake(q, n, events, true);
}

void wait_attach(struct wait_queue *q, struct wait_entry *e)
{
    e->queue = q;
    spin_lock(&q->lock);
    list_append(&q->waiters, &e->link);
    spin_unlock(&q->lock);
}

void wait_detach(struct wait_entry *e)
{
    spin_lock(&e->queue->lock);
    list_remove(&e->link);
    spin_unlock(&e->queue->lock);
}

void sleeper_wake(struct sleeper *s)
{
    /* sequentially consistent, as is sleep's pair: either it sees woken or we see its thread */
    __atomic_store_n(&s->woken, true, __ATOMIC_SEQ_CST);
    struct thread *t = __atomic_load_n(&s->thread, __ATOMIC_SEQ_CST);
    if (t != NULL) {
        sched_wake(t);
    }
}

static void alarm_expire(struct timer *t)
{
    struct alarm *a = container_of(t, struct alarm, timer);
    __atomic_store_n(&a->expired, true, __ATOMIC_RELEASE);
    sched_wake(a->thread);
}

/* Until s is woken or, when they matter, a is over or a signal is pending. */
static int sleep(struct sleeper *s, const struct alarm *a, bool signals)
{
    __atomic_store_n(&s->thread, thread_this(), __ATOMIC_SEQ_CST);
    for (;;) {
        if (__atomic_exchange_n(&s->woken, false, __ATOMIC_SEQ_CST)) {
            return 0;
        }
        if (a != NULL && __atomic_load_n(&a->expired, __ATOMIC_ACQUIRE)) {
            return -ETIMEDOUT;
        }
        if (signals && signal_pending()) {
            return -EINTR;
        }
        void (*hook)(void) = __atomic_load_n(&before_sleep, __ATOMIC_ACQUIRE);
        if (hook != NULL) {
            hook();
        }
        sched_block();
    }
}

int sleeper_wait(struct sleeper *s, uint64_t deadline_ns)
{
    struct alarm a = {.thread = thread_this(), .expired = false};
    if (deadline_ns == TIME_NEVER) {
        return sleep(s, NULL, true);
    }
    if (clock_ns() >= deadline_ns) {
        return -ETIMEDOUT;
    }
    timer_init(&a.timer, alarm_expire);
    timer_set(&a.timer, deadline_ns);
    int err = sleep(s, &a, true);
    timer_cancel(&a.timer);
    return err;
}

static void waiter_wake(struct wait_entry *e)
{
    sleeper_wake(&container_of(e, struct waiter, entry)->sleeper);
}

void wait_begin(struct wait_queue *q, struct waiter *w)
{
    *w = (struct waiter){.entry = {.wake = waiter_wake, .once = true}};
    wait_attach(q, &w->entry);
}

void wait_end(struct waiter *w)
{
    wait_detach(&w->entry);
}

/* Woken, an entry has left its queue. */
static void rejoin(struct waiter *w)
{
    wait_detach(&w->entry);
    wait_attach(w->entry.queue, &w->entry);
}

int wait_sleep(struct waiter *w, uint64_t deadline_ns)
{
    int err = sleeper_wait(&w->sleeper, deadline_ns);
    rejoin(w);
    return err;
}

void wait_sleep_deaf(struct waiter *w)
{
    (void)sleep(&w->sleeper, NULL, false);
    rejoin(w);
}

int wait_on(struct wait_queue *q, uint64_t deadline_ns)
{
    struct waiter w;
    wait_begin(q, &w);
    int err = sleeper_wait(&w.sleeper, deadline_ns);
    wait_end(&w);
    return err;
}
