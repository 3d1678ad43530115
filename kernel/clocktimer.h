/* SPDX-License-Identifier: MIT */
/* Timers on any clock that programs know: what timerfd, POSIX timers and interval timers share. */
#ifndef KERNEL_CLOCKTIMER_H
#define KERNEL_CLOCKTIMER_H

#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/timer.h"

struct thread;

/* Processor time comes in two kinds: all of it, and USER: what of it was not the system's. */
enum clock_kind {
    CLOCK_KIND_MONOTONIC,
    CLOCK_KIND_WALL,
    CLOCK_KIND_PROCESS,
    CLOCK_KIND_PROCESS_USER,
    CLOCK_KIND_THREAD,
    CLOCK_KIND_THREAD_USER,
};

/* Fires once at due_ns. Who takes the expirations then arms it for the next period, so that nobody
 * is interrupted more often than he asks. */
struct clocktimer {
    struct timer timer;
    struct spinlock lock;
    enum clock_kind kind; /* [I] */
    struct thread *thread; /* [I] whose time CLOCK_KIND_THREAD* counts; the owner holds it */
    void (*expire)(struct clocktimer *t); /* [I] as struct timer's fire; may call take */
    void (*wall_set)(struct clocktimer *t); /* [I] the wall clock was set; NULL: no matter */
    struct list wall_link; /* [list of wall timers] */
    bool monotonic; /* [L] a relative time on the wall clock is one on the other */
    bool expired; /* [L] due, and not taken yet */
    uint64_t due_ns; /* [L] on its clock; TIME_NEVER: off */
    uint64_t interval_ns; /* [L] 0: once */
};

struct clocktimer_value {
    uint64_t left_ns; /* until it is due; 0: off */
    uint64_t interval_ns;
};

/* clock_kind_now: what a clock shows, in ns. thread: whose, of CLOCK_KIND_THREAD*. */
uint64_t clock_kind_now(enum clock_kind kind, const struct thread *thread);

/* clocktimer_init: off; the other members are set by then. clocktimer_fini: its functions do not
 * run any more. Context: no lock held that they take. */
void clocktimer_init(struct clocktimer *t);
void clocktimer_fini(struct clocktimer *t);

/* clocktimer_set: due value_ns from now, or with absolute at that time; 0: off. */
void clocktimer_set(struct clocktimer *t, uint64_t value_ns, uint64_t interval_ns, bool absolute);

/* clocktimer_get: a timer that is due shows 0 unless it has an interval. */
void clocktimer_get(struct clocktimer *t, struct clocktimer_value *out);

/* clocktimer_take: the number of times it was due since it was set or last taken; 0 when it was
 * not. It is armed for the next. */
uint64_t clocktimer_take(struct clocktimer *t);

/* clocktimer_wall_changed: the wall clock was set. */
void clocktimer_wall_changed(void);

#endif
