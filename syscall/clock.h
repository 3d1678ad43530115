/* SPDX-License-Identifier: MIT */
/* Clock ids, and times as programs pass them. */
#ifndef SYSCALL_CLOCK_H
#define SYSCALL_CLOCK_H

#include "kernel/clocktimer.h"

struct clock_info {
    enum clock_kind kind;
    struct thread *thread; /* CLOCK_KIND_THREAD*: whose, referenced; else NULL */
    bool coarse; /* says the resolution of a tick */
    bool sleeps; /* clock_nanosleep(2) and timer_create(2) take it */
    bool wakes; /* an alarm: it would wake the machine */
};

/* clock_find: the clock that id means. Returns 0 or -EINVAL; pair with clock_drop. */
MUST_CHECK int clock_find(int id, struct clock_info *out);
void clock_drop(const struct clock_info *c);

/* clock_now: what it shows, in ns. */
uint64_t clock_now(const struct clock_info *c);

/* clock_set: set the wall clock, with all that depends on it. Returns 0, -EINVAL, -EPERM. */
MUST_CHECK int clock_set(uint64_t wall_ns);

/* clock_take, clock_put: a struct __kernel_timespec of the program; times beyond the range of 64
 * bits in ns are the greatest there. clock_take returns 0, -EFAULT, -EINVAL; clock_put 0,
 * -EFAULT. */
MUST_CHECK int clock_take(const void USER *in, uint64_t *ns);
MUST_CHECK int clock_put(void USER *out, uint64_t ns);

#endif
