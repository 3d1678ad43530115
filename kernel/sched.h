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

/* sched_kick: make t come out of its sleep or, if it runs, through the kernel's exit path soon (it
 * has a signal to take). Context: any. */
void sched_kick(struct thread *t);

/* sched_set_affinity: t may run on the CPUs whose bits are set. Returns 0, -EINVAL (none of them
 * runs). Context: no lock held. */
MUST_CHECK int sched_set_affinity(struct thread *t, uint64_t cpus);

/* sched_add_cpu: CPU cpu, the next in order, starts and runs threads from now on. Returns 0,
 * -ENOMEM or an error of cpu_start. */
MUST_CHECK int sched_add_cpu(unsigned cpu);

/* sched_leaving: the current thread is about to return to the program; may switch. sched_stop: no
 * other thread returns to the program any more, on whatever CPU. sched_park: never returns. */
void sched_leaving(void);
void sched_stop(void);
NORETURN void sched_park(void);

/* sched_yield: let others go first if any is ready. */
void sched_yield(void);

/* sched_preempt: the current thread's slice is over: run others that have had less. */
void sched_preempt(void);

/* sched_exit: the current thread ends; its memory is released once its stack is not used any
 * more. */
NORETURN void sched_exit(void);

/* sched_cpu_cycles, sched_cpu_ns: processor time that t has had. sched_cycles_ns: so many cycles in
 * ns. sched_idle_ns: a CPU's time without anything to run. */
uint64_t sched_cpu_cycles(const struct thread *t);
uint64_t sched_cycles_ns(uint64_t cycles);
uint64_t sched_cpu_ns(const struct thread *t);
uint64_t sched_idle_ns(unsigned cpu);

/* Called by platform/switch.S as the first thing that a new thread does. */
void sched_begin(void);

#endif
