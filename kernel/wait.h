/* SPDX-License-Identifier: MIT */
/* The only way to sleep. */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "kernel/base/base.h"
#include "kernel/base/list.h"
#include "kernel/base/lock.h"

struct thread;

struct wait_queue {
    struct spinlock lock;
    struct list waiters; /* [L] struct wait_entry */
};

/* An interest in a queue. wake runs under the queue's lock: it neither blocks nor takes a lock that
 * comes before wait_queue.lock. A thread that sleeps on one queue needs none of this:
 * wait_until. */
struct wait_entry {
    struct list link; /* [lock of queue] */
    struct wait_queue *queue; /* [I] while attached */
    void (*wake)(struct wait_entry *e); /* [I] */
    /* [I] leaves the queue when woken and counts for wait_wake; else stays, always woken */
    bool once;
    bool exclusive; /* [I] stays, but is passed over once another of its kind took a wake */
    bool took; /* [lock of queue] of exclusive ones: wake has found somebody to tell */
    uint32_t events; /* [lock of queue] only woken for one of these; 0: for everything */
};

/* What one thread sleeps on when any of several wakers may end its sleep. */
struct sleeper {
    bool woken; /* [A] */
    struct thread *thread; /* [A] set by sleeper_wait */
};

void wait_queue_init(struct wait_queue *q);

/* wait_wake: wake up to n waiters of q, longest waiting first, and every standing entry, exclusive
 * or not. Context: any, also from interrupt handlers. */
void wait_wake(struct wait_queue *q, unsigned n);
#define WAIT_ALL UINT32_MAX

/* wait_wake_events: the same, of those entries that wait for one of events (POLL*), and of
 * exclusive ones no more than until one takes it. Returns how many of those woken left q. */
unsigned wait_wake_events(struct wait_queue *q, unsigned n, uint32_t events);

/* wait_attach, wait_detach: put e, whose wake and once are set, on q; take it off (harmless when it
 * left already). After wait_detach its wake is not running and will not run. */
void wait_attach(struct wait_queue *q, struct wait_entry *e);
void wait_detach(struct wait_entry *e);

/* wait_set_hook: called by a thread that is about to sleep, with no lock held. Once at boot. */
void wait_set_hook(void (*hook)(void));

/* sleeper_wake: end s's sleep, or its next one at once. Context: any. */
void sleeper_wake(struct sleeper *s);

/* sleeper_wait: sleep until sleeper_wake(s), a deadline (CLOCK_MONOTONIC ns, TIME_NEVER) passes, or
 * a signal that the thread does not block is pending. Returns 0 (woken, perhaps for nothing: loop),
 * -ETIMEDOUT, -EINTR. */
MUST_CHECK int sleeper_wait(struct sleeper *s, uint64_t deadline_ns);

/* One sleeper on one queue: on it from wait_begin to wait_end, so that no wake between a look at
 * the condition and the sleep is lost. */
struct waiter {
    struct wait_entry entry;
    struct sleeper sleeper;
};
void wait_begin(struct wait_queue *q, struct waiter *w);
void wait_end(struct waiter *w);

/* wait_sleep: until woken, as sleeper_wait; w is on the queue again when it returns.
 * wait_sleep_deaf: until woken, whatever signals arrive. Only for waits that end soon. */
MUST_CHECK int wait_sleep(struct waiter *w, uint64_t deadline_ns);
void wait_sleep_deaf(struct waiter *w);

/* wait_until: sleep on q until cond, which is evaluated often, holds. Evaluates to 0, -ETIMEDOUT or
 * -EINTR. */
#define wait_until(q, cond, deadline_ns)                     \
    ({                                                       \
        struct waiter wait_w_;                               \
        int wait_err_ = 0;                                   \
        wait_begin((q), &wait_w_);                           \
        while (!(cond) && wait_err_ == 0) {                  \
            wait_err_ = wait_sleep(&wait_w_, (deadline_ns)); \
        }                                                    \
        wait_end(&wait_w_);                                  \
        wait_err_ == 0 || (cond) ? 0 : wait_err_;            \
    })

/* wait_on: sleep once on q, whose wakes need no condition; returns as sleeper_wait. */
int wait_on(struct wait_queue *q, uint64_t deadline_ns);

#endif
