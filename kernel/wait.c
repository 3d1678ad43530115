/* SPDX-License-Identifier: MIT */
/* Sleeping. With one thread the processor waits itself: it halts until an interrupt, whose handler may
 * wake the waiter, fire its timer or send a signal. A scheduler takes the place of the halt later.
 * A waiter lives on its sleeper's stack; the queue's lock guards its links and flag. */
#include "kernel/wait.h"

#include <asm/errno.h>

#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "platform/clock.h"
#include "platform/irq.h"
#include "platform/moncall.h"

struct waiter {
    struct list link;
    bool woken; /* [queue lock] */
    bool expired; /* [C] */
    struct timer timer;
};

void wait_queue_init(struct wait_queue *q)
{
    *q = (struct wait_queue){.lock = SPINLOCK_INIT};
    list_init(&q->waiters);
}

void wait_wake(struct wait_queue *q, unsigned n)
{
    spin_lock(&q->lock);
    for (; n != 0; n--) {
        struct list *node = list_pop(&q->waiters);
        if (node == NULL) {
            break;
        }
        list_entry(node, struct waiter, link)->woken = true;
    }
    spin_unlock(&q->lock);
}

static void waiter_expire(struct timer *t)
{
    container_of(t, struct waiter, timer)->expired = true;
}

static void halt_until_done(const struct waiter *w)
{
    uint64_t start = clock_ns();
    process.idle_since_ns = start;
    while (!w->woken && !w->expired && !signal_pending()) {
        if (!irq_poll()) {
            moncall_wait();
        }
    }
    process.idle_since_ns = TIME_NEVER;
    process.idle_ns += clock_ns() - start;
}

int wait_on(struct wait_queue *q, uint64_t deadline_ns)
{
    struct waiter w = {.woken = false, .expired = false};
    if (deadline_ns != TIME_NEVER && clock_ns() >= deadline_ns) {
        return -ETIMEDOUT;
    }
    timer_init(&w.timer, waiter_expire);
    spin_lock(&q->lock);
    list_append(&q->waiters, &w.link);
    spin_unlock(&q->lock);
    timer_set(&w.timer, deadline_ns);
    halt_until_done(&w);
    timer_cancel(&w.timer);
    spin_lock(&q->lock);
    list_remove(&w.link);
    spin_unlock(&q->lock);
    if (w.woken) {
        return 0;
    }
    return w.expired ? -ETIMEDOUT : -EINTR;
}
