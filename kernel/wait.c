/* SPDX-License-Identifier: MIT */
/* Sleeping. With one thread the processor waits itself: it halts until an interrupt, whose handler
 * may wake the waiter, fire its timer or send a signal. A scheduler takes the place of the halt
 * later. A waiter lives on its sleeper's stack; the queue's lock guards the links of its entries.
 */
#include "kernel/wait.h"

#include <asm/errno.h>

#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "platform/clock.h"
#include "platform/irq.h"
#include "platform/moncall.h"

struct waiter {
    struct wait_entry entry;
    struct sleeper sleeper;
};

struct alarm {
    struct timer timer;
    bool expired; /* [C] */
};

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){.lock = SPINLOCK_INIT};
    list_init(&q->waiters);
}

void wait_wake(struct wait_queue *q, unsigned n)
{
    struct list *at;
    struct list *tmp;
    spin_lock(&q->lock);
    list_for_each_safe(at, tmp, &q->waiters)
    {
        struct wait_entry *e = list_entry(at, struct wait_entry, link);
        if (e->once) {
            if (n == 0) {
                continue;
            }
            n--;
            list_remove(at);
        }
        e->wake(e);
    }
    spin_unlock(&q->lock);
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
    /* release: pairs with the acquire in sleeper_wait; what the waker did is seen by the woken */
    __atomic_store_n(&s->woken, true, __ATOMIC_RELEASE);
}

static void alarm_expire(struct timer *t)
{
    container_of(t, struct alarm, timer)->expired = true;
}

static void halt_until_done(const struct sleeper *s, const struct alarm *a)
{
    uint64_t start = clock_ns();
    process.idle_since_ns = start;
    while (!__atomic_load_n(&s->woken, __ATOMIC_ACQUIRE) && !a->expired && !signal_pending()) {
        if (!irq_poll()) {
            moncall_wait();
        }
    }
    process.idle_since_ns = TIME_NEVER;
    process.idle_ns += clock_ns() - start;
}

int sleeper_wait(struct sleeper *s, uint64_t deadline_ns)
{
    struct alarm a = {.expired = false};
    if (deadline_ns != TIME_NEVER && clock_ns() >= deadline_ns) {
        return -ETIMEDOUT;
    }
    timer_init(&a.timer, alarm_expire);
    timer_set(&a.timer, deadline_ns);
    halt_until_done(s, &a);
    timer_cancel(&a.timer);
    /* acquire: pairs with the release in sleeper_wake */
    if (__atomic_exchange_n(&s->woken, false, __ATOMIC_ACQUIRE)) {
        return 0;
    }
    return a.expired ? -ETIMEDOUT : -EINTR;
}

static void waiter_wake(struct wait_entry *e)
{
    sleeper_wake(&container_of(e, struct waiter, entry)->sleeper);
}

int wait_on(struct wait_queue *q, uint64_t deadline_ns)
{
    struct waiter w = {.entry = {.wake = waiter_wake, .once = true}};
    wait_attach(q, &w.entry);
    int err = sleeper_wait(&w.sleeper, deadline_ns);
    wait_detach(&w.entry);
    return err;
}
