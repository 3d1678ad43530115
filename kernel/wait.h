/* SPDX-License-Identifier: MIT */
/* The only way to sleep. */
#ifndef KERNEL_WAIT_H
#define KERNEL_WAIT_H

#include "kernel/base/base.h"
#include "kernel/base/list.h"
#include "kernel/base/lock.h"

struct wait_queue {
    struct spinlock lock;
    struct list waiters; /* [L] struct waiter */
};

void wait_queue_init(struct wait_queue *q);

/* wait_wake: wake up to n waiters of q. Context: any, also from interrupt handlers. */
void wait_wake(struct wait_queue *q, unsigned n);
#define WAIT_ALL UINT32_MAX

/* wait_on: sleep once on q until woken, a deadline (CLOCK_MONOTONIC ns, TIME_NEVER) passes, or a
 * signal that the thread does not block is pending. Returns 0 (woken, perhaps for nothing: loop),
 * -ETIMEDOUT, -EINTR. Use wait_until. */
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
