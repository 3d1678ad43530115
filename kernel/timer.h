/* SPDX-License-Identifier: MIT */
/* Timers on CLOCK_MONOTONIC: an ordered set per CPU, the earliest armed in the LAPIC. */
#ifndef KERNEL_TIMER_H
#define KERNEL_TIMER_H

#include "kernel/base/base.h"
#include "kernel/base/rbtree.h"

struct timer {
    struct rbnode node; /* in the set while armed */
    uint64_t deadline_ns;
    void (*fire)(struct timer *t); /* [I] runs from irq_poll, must not block; may re-arm */
    bool armed;
};

void timer_init(struct timer *t, void (*fire)(struct timer *t));
void timer_set(struct timer *t, uint64_t deadline_ns); /* arm or move */
void timer_cancel(struct timer *t); /* harmless when not armed */

/* timer_next: earliest deadline, TIME_NEVER when none. */
uint64_t timer_next(void);

/* timer_start: hook the timer interrupt; once at boot. */
void timer_start(void);

#endif
