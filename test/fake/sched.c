/* SPDX-License-Identifier: MIT */
/* The scheduler of a machine with one thread: what blocks waits for an interrupt, whose handler
 * runs. */
#include "kernel/sched.h"

#include "platform/irq.h"
#include "platform/moncall.h"

void sched_block(void)
{
    if (!irq_poll()) {
        moncall_wait();
    }
}

void sched_wake(struct thread *t)
{
    (void)t; /* it is not asleep: it looks again after every interrupt */
}
