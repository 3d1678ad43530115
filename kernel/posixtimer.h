/* SPDX-License-Identifier: MIT */
/* POSIX timers: timers that send signals. */
#ifndef KERNEL_POSIXTIMER_H
#define KERNEL_POSIXTIMER_H

#include <asm/siginfo.h>

#include "kernel/clocktimer.h"

/* What a new timer is to do. */
struct posixtimer_request {
    enum clock_kind kind;
    struct thread *clock_thread; /* CLOCK_KIND_THREAD*: whose; NULL */
    struct thread *target; /* whom the signal goes to; NULL: the process */
    int sig; /* 0: nothing is sent */
    bool value_is_id; /* the signal's value is the timer's id */
    sigval_t value;
};

/* posixtimer_create: a timer, off; takes references of the threads. Returns its id, -ENOMEM. */
MUST_CHECK int posixtimer_create(const struct posixtimer_request *r);

/* posixtimer_get, posixtimer_set, posixtimer_overrun, posixtimer_delete: by id. Return 0 (overrun:
 * the count of the last signal), -EINVAL: no such timer. Source: timer_create(2), timer_settime(2),
 * timer_getoverrun(2), timer_delete(2). */
MUST_CHECK int posixtimer_get(int id, struct clocktimer_value *out);
MUST_CHECK int posixtimer_set(int id, const struct clocktimer_value *value, bool absolute,
                              struct clocktimer_value *old);
MUST_CHECK int posixtimer_overrun(int id);
MUST_CHECK int posixtimer_delete(int id);

/* posixtimer_deliver: info, taken from a queue, is a timer's: complete it and arm the timer again.
 * Returns false when its timer was set anew or deleted since: the signal is to be forgotten. */
bool posixtimer_deliver(siginfo_t *info);

/* posixtimer_action: sig is ignored from now on, and what was queued of it is gone; or it is not
 * ignored any more: timers with a period go on. Context: no lock held that a timer takes. */
void posixtimer_action(int sig, bool ignored);

#endif
