/* SPDX-License-Identifier: MIT */
// sources: kernel/timer.c kernel/base/rbtree.c
// fakes: log park
/* The scheduler, clock, timer interrupt and user access of several CPUs. A CPU's timer fires when
 * its thread blocks. The words of futexes are accessed as the processor does it, in one piece. */
#include "test/fake/threads.h"

#include <asm/errno.h>
#include <asm/prctl.h>
#include <asm/unistd.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/base/lock.h"
#include "kernel/mmap.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "platform/irq.h"
#include "platform/moncall.h"
#include "test/fake/park.h"

#define FIRST_TID 2

long syscall(long nr, ...);

static struct cpu cpus[FAKE_THREADS] __attribute__((aligned(4096)));
static struct thread threads[FAKE_THREADS];
static uint64_t armed_ns[FAKE_THREADS]; /* each its CPU's; goes on from run to run */
static bool signals[FAKE_THREADS];
static void (*timer_handler)(void);
static void (*entry)(unsigned i);

uint32_t cpu_id(void)
{
    return cpu_this()->id;
}

__attribute__((constructor)) static void disarm(void)
{
    for (unsigned i = 0; i < FAKE_THREADS; i++) {
        armed_ns[i] = TIME_NEVER;
    }
}

static void begin(unsigned i)
{
    if (syscall(__NR_arch_prctl, ARCH_SET_GS, &cpus[i]) != 0) {
        abort();
    }
    entry(i);
}

void fake_threads_run(unsigned n, void (*function)(unsigned i))
{
    for (unsigned i = 0; i < n; i++) {
        cpus[i].self = &cpus[i];
        cpus[i].thread = &threads[i];
        cpus[i].id = i;
        threads[i].state = THREAD_RUNNING;
        threads[i].tid = (int)(FIRST_TID + i);
    }
    lock_set_cpu_hook(cpu_id);
    timer_start();
    entry = function;
    park_run(n, begin);
    lock_set_cpu_hook(NULL);
}

void sched_block(void)
{
    unsigned i = cpu_id();
    __atomic_store_n(&threads[i].state, THREAD_BLOCKED, __ATOMIC_RELAXED); /* mutexes look */
    bool woken = park_wait(i, armed_ns[i]);
    __atomic_store_n(&threads[i].state, THREAD_RUNNING, __ATOMIC_RELAXED);
    if (!woken && armed_ns[i] <= clock_ns()) {
        armed_ns[i] = TIME_NEVER;
        timer_handler();
    }
}

void sched_wake(struct thread *t)
{
    park_wake((unsigned)(t - threads));
}

void irq_set_timer(void (*handler)(void))
{
    timer_handler = handler;
}

void moncall_timer(uint64_t deadline_ns)
{
    armed_ns[cpu_id()] = deadline_ns;
}

uint64_t clock_ns(void)
{
    return park_now_ns();
}

uint64_t clock_wall_ns(void)
{
    return park_now_ns();
}

bool signal_pending(void)
{
    return __atomic_load_n(&signals[cpu_id()], __ATOMIC_ACQUIRE);
}

void fake_threads_signal(unsigned i, bool pending)
{
    __atomic_store_n(&signals[i], pending, __ATOMIC_RELEASE);
    if (pending) {
        park_wake(i);
    }
}

struct thread *thread_find(int tid)
{
    unsigned i = (unsigned)tid - FIRST_TID;
    return i < FAKE_THREADS ? &threads[i] : NULL;
}

void thread_put(struct thread *t)
{
}

int mmap_object(uint64_t addr, const void **object, uint64_t *offset)
{
    *object = NULL;
    *offset = addr;
    return 0;
}

int uaccess_read(void *dst, const void USER *src, size_t len)
{
    memcpy(dst, (const void *)(uintptr_t)src, len);
    return 0;
}

int uaccess_write(void USER *dst, const void *src, size_t len)
{
    memcpy((void *)(uintptr_t)dst, src, len);
    return 0;
}

size_t uaccess_read_part(void *dst, const void USER *src, size_t len)
{
    memcpy(dst, (const void *)(uintptr_t)src, len);
    return len;
}

size_t uaccess_write_part(void USER *dst, const void *src, size_t len)
{
    memcpy((void *)(uintptr_t)dst, src, len);
    return len;
}

size_t uaccess_zero_part(void USER *dst, size_t len)
{
    memset((void *)(uintptr_t)dst, 0, len);
    return len;
}

int uaccess_read32(uint32_t *out, const uint32_t USER *src)
{
    *out = __atomic_load_n((const uint32_t *)(uintptr_t)src, __ATOMIC_SEQ_CST);
    return 0;
}

int uaccess_write32(uint32_t USER *dst, uint32_t value)
{
    __atomic_store_n((uint32_t *)(uintptr_t)dst, value, __ATOMIC_SEQ_CST);
    return 0;
}

int uaccess_cas32(uint32_t USER *dst, uint32_t expected, uint32_t desired, uint32_t *seen)
{
    *seen = expected;
    __atomic_compare_exchange_n((uint32_t *)(uintptr_t)dst, seen, desired, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
    return 0;
}
