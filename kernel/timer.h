/* SPDX-License-Identifier: MIT */
/* Timers on CLOCK_MONOTONIC: an ordered set per CPU, the earliest armed in the LAPIC. Who sets and
 * cancels one timer takes care that only one thread does at a time; its handler counts. */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/base/base.h"
#include "kernel/base/rbtree.h"

struct timer {
    struct rbnode node; /* in the set while armed */
    uint64_t deadline_ns;
    void (*fire)(struct timer *t); /* [I] runs from irq_poll, must not block; may re-arm */
    uint32_t cpu; /* [A] whose set it is or was in */
    bool armed; /* [A] changes under the lock of that set */
};

void timer_init(struct timer *t, void (*fire)(struct timer *t));
void timer_set(struct timer *t, uint64_t deadline_ns); /* arm or move */

/* timer_cancel: harmless when not armed. Afterwards its handler does not run, on no CPU, unless it
 * is this handler that calls. Context: no lock held that the handler takes. */
void timer_cancel(struct timer *t);

/* timer_is_armed: it has been set and its handler has not begun. A hint, unless the caller knows
 * that nobody changes it. */
static inline bool timer_is_armed(const struct timer *t)
{
    return __atomic_load_n(&t->armed, __ATOMIC_RELAXED);
}

/* timer_next: earliest deadline, TIME_NEVER when none. */
uint64_t timer_next(void);

/* timer_start: hook the timer interrupt; once at boot. */
void timer_start(void);

#endif
