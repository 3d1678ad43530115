/* SPDX-License-Identifier: MIT */
/* The three interval timers of the process. */
#ifndef KERNEL_ITIMER_H
#define KERNEL_ITIMER_H

#include "kernel/clocktimer.h"

/* itimer_get: which is ITIMER_REAL (SIGALRM), ITIMER_VIRTUAL (SIGVTALRM) or ITIMER_PROF (SIGPROF).
 * Returns 0 or -EINVAL. */
MUST_CHECK int itimer_get(int which, struct clocktimer_value *out);

/* itimer_set: arm it, or stop it with left_ns = 0; *old is what it was. */
MUST_CHECK int itimer_set(int which, const struct clocktimer_value *value,
                          struct clocktimer_value *old);

#endif
