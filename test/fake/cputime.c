/* SPDX-License-Identifier: MIT */
// fakes: clock moncall cpu
// sources: platform/irq.c kernel/timer.c kernel/base/rbtree.c
/* Processor time in place of the scheduler's. */
#include "test/fake/cputime.h"

#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/thread.h"
#include "platform/clock.h"
#include "platform/irq.h"
#include "test/fake/clock.h"
#include "test/fake/moncall.h"

struct cputime fake_process_time, fake_thread_time;

uint64_t process_cpu_ns(void)
{
    return fake_process_time.total_ns;
}

struct cputime thread_cputime(void)
{
    return fake_process_time;
}

uint64_t sched_cpu_ns(const struct thread *t)
{
    return fake_thread_time.total_ns;
}

struct cputime cputime_of(const struct thread *t)
{
    return fake_thread_time;
}

void fake_pass_time(uint64_t ns)
{
    fake_now_ns += ns;
    if (fake_timer_ns <= fake_now_ns) {
        fake_timer_ns = TIME_NEVER;
        cpu_this()->trap.pending |= 1UL << PENDING_TIMER;
    }
    irq_poll();
}

unsigned cpu_count(void)
{
    return 1;
}
