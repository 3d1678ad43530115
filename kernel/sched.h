/* SPDX-License-Identifier: MIT */
/* Which thread runs: a queue per CPU, in order of the processor time that each has had. */
#ifndef KERNEL_SCHED_H
#define KERNEL_SCHED_H

#include "kernel/base/base.h"

struct thread;

/* sched_init: on the boot CPU, with the first thread current. Makes the idle thread. Returns 0,
 * -ENOMEM. */
MUST_CHECK int sched_init(void);

/* sched_start: t, new and complete, may run from now on. */
void sched_start(struct thread *t);

/* sched_block: give the CPU up until sched_wake(the current thread); returns at once when that came
 * since the last sched_block. Wakes may come for nothing: loop. Context: no spinlock held. */
void sched_block(void);

/* sched_wake: end t's sched_block, or its next one. Context: any, also from interrupt handlers. */
void sched_wake(struct thread *t);

/* sched_yield: let others go first if any is ready. */
void sched_yield(void);

/* sched_preempt: the current thread's slice is over: run others that have had less. */
void sched_preempt(void);

/* sched_exit: the current thread ends; its memory is released once its stack is not used any
 * more. */
NORETURN void sched_exit(void);

/* sched_cpu_ns: processor time that t has had. sched_idle_ns: time without anything to run. */
uint64_t sched_cpu_ns(const struct thread *t);
uint64_t sched_idle_ns(void);

/* Called by platform/switch.S as the first thing that a new thread does. */
void sched_begin(void);

#endif
