/* SPDX-License-Identifier: MIT */
/* The only way to sleep. */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "kernel/base/base.h"
#include "kernel/base/list.h"
#include "kernel/base/lock.h"

struct wait_queue {
    struct spinlock lock;
    struct list waiters; /* [L] struct wait_entry */
};

/* An interest in a queue. wake runs under the queue's lock: it neither blocks nor takes a lock that
 * comes before wait_queue.lock. A thread that sleeps on one queue needs none of this: wait_until.
 */
struct wait_entry {
    struct list link; /* [lock of queue] */
    struct wait_queue *queue; /* [I] while attached */
    void (*wake)(struct wait_entry *e); /* [I] */
    bool once; /* [I] leaves the queue when woken and counts for wait_wake; else stays, always woken
                */
};

/* What one thread sleeps on when any of several wakers may end its sleep. */
struct sleeper {
    bool woken; /* [A] */
};

void wait_queue_init(struct wait_queue *q);

/* wait_wake: wake up to n waiters of q, longest waiting first, and every standing entry. Context:
 * any, also from interrupt handlers. */
void wait_wake(struct wait_queue *q, unsigned n);
#define WAIT_ALL UINT32_MAX

/* wait_attach, wait_detach: put e, whose wake and once are set, on q; take it off (harmless when it
 * left already). After wait_detach its wake is not running and will not run. */
void wait_attach(struct wait_queue *q, struct wait_entry *e);
void wait_detach(struct wait_entry *e);

/* sleeper_wake: end s's sleep, or its next one at once. Context: any. */
void sleeper_wake(struct sleeper *s);

/* sleeper_wait: sleep until sleeper_wake(s), a deadline (CLOCK_MONOTONIC ns, TIME_NEVER) passes, or
 * a signal that the thread does not block is pending. Returns 0 (woken, perhaps for nothing: loop),
 * -ETIMEDOUT, -EINTR. */
MUST_CHECK int sleeper_wait(struct sleeper *s, uint64_t deadline_ns);

/* wait_on: sleep once on q; returns as sleeper_wait. Use wait_until. */
int wait_on(struct wait_queue *q, uint64_t deadline_ns);

/* wait_until: sleep on q until cond holds. Evaluates to 0, -ETIMEDOUT or -EINTR. */
#define wait_until(q, cond, deadline_ns)             \
    ({                                               \
        int wait_err_ = 0;                           \
        while (!(cond) && wait_err_ == 0) {          \
            wait_err_ = wait_on((q), (deadline_ns)); \
        }                                            \
        (cond) ? 0 : wait_err_;                      \
    })

#endif
