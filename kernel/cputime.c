/* SPDX-License-Identifier: MIT */
/* Telling the system's time from the program's.
 *
 * A call costs some ten cycles, looking at a clock twice as many: calls are not told apart before
 * somebody asks (syscall/dispatch.h), faults always are. thread.system_time is one word that only
 * the thread itself writes, so that others read it whole: bit 0 says whether it is in the system;
 * the other bits are its system time in cycles while it is not, and while it is, the processor time
 * that it had had when it came in, less the system time by then: what it has had by now, less that,
 * is the system time by now.
 * Source: getrusage(2), getitimer(2), times(2). */
#include "kernel/cputime.h"

#include "kernel/sched.h"
#include "kernel/thread.h"

#define IN_SYSTEM 1UL

/* Both at one moment, in cycles. */
static void read_cycles(const struct thread *t, uint64_t *total, uint64_t *system)
{
    uint64_t word;
    do {
        word = __atomic_load_n(&t->system_time, __ATOMIC_ACQUIRE);
        *total = sched_cpu_cycles(t);
    } while (word != __atomic_load_n(&t->system_time, __ATOMIC_ACQUIRE));
    *system = word >> 1;
    if ((word & IN_SYSTEM) != 0) { /* clocks of CPUs may differ by a little */
        *system = *total > *system ? *total - *system : 0;
    }
    *system = min(*system, *total);
}

struct cputime cputime_of(const struct thread *t)
{
    uint64_t total;
    uint64_t system;
    read_cycles(t, &total, &system);
    return (struct cputime){sched_cycles_ns(total), sched_cycles_ns(system)};
}

static void turn(uint64_t to)
{
    struct thread *t = thread_this();
    uint64_t word = t->system_time;
    if ((word & IN_SYSTEM) != to) {
        uint64_t now = sched_cpu_cycles(t);
        uint64_t fresh = (now - (word >> 1)) << 1 | to; /* the same way in and out */
        __atomic_store_n(&t->system_time, fresh, __ATOMIC_RELEASE);
    }
}

void cputime_enter(void)
{
    turn(IN_SYSTEM);
}

void cputime_leave(void)
{
    turn(0);
}
