/* SPDX-License-Identifier: MIT */
/* The three interval timers of the process. */
#ifndef KERNEL_ITIMER_H
#define KERNEL_ITIMER_H

#include "kernel/base/base.h"

/* State of an interval timer, in ns. */
struct itimer_value {
    uint64_t left_ns; /* until it fires; 0: off */
    uint64_t interval_ns; /* then again every so often; 0: once */
};

/* itimer_get: which is ITIMER_REAL (SIGALRM), ITIMER_VIRTUAL (SIGVTALRM) or ITIMER_PROF (SIGPROF).
 * Returns 0 or -EINVAL. */
MUST_CHECK int itimer_get(int which, struct itimer_value *out);

/* itimer_set: arm it, or stop it with left_ns = 0; *old (may be NULL) is what it was. */
MUST_CHECK int itimer_set(int which, const struct itimer_value *value, struct itimer_value *old);

#endif
