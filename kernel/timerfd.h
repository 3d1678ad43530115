/* SPDX-License-Identifier: MIT */
/* timerfd: a timer to wait for. */
#ifndef KERNEL_TIMERFD_H
#define KERNEL_TIMERFD_H

#include "kernel/clocktimer.h"
#include "kernel/file.h"

/* timerfd_create_file: a timer on a clock, off. flags: O_NONBLOCK or 0. Returns 0 or -ENOMEM. */
MUST_CHECK int timerfd_create_file(enum clock_kind kind, unsigned flags, struct file **out);

/* timerfd_get, timerfd_set: see clocktimer.h; set also fills *old (may be NULL). cancel: reads fail
 * with -ECANCELED once the wall clock is set. Return 0, or -EINVAL when f is no timerfd. Source:
 * timerfd_create(2). */
MUST_CHECK int timerfd_get(struct file *f, struct clocktimer_value *out);
MUST_CHECK int timerfd_set(struct file *f, const struct clocktimer_value *value, bool absolute,
                           bool cancel, struct clocktimer_value *old);

#endif
