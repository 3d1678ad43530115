/* SPDX-License-Identifier: MIT */
// sources: syscall/sem.c syscall/ipc.c syscall/await.c kernel/wait.c kernel/mutex.c
// fakes: threads heap log
// sanitize: thread
/* System V semaphores on several CPUs at once, under ThreadSanitizer: what a semaphore guards is a
 * plain counter; calls that signals interrupt must have done nothing, those that succeed all.
 * Source: semop(2). */
#include <asm/errno.h>
#include <linux/sem.h>

#include "kernel/process.h"
#include "kernel/signal.h"
#include "syscall/calls.h"
#include "test/fake/threads.h"
#include "test/unit/check.h"

#define CPUS 4
#define ROUNDS 2000
#define UNITS 1000

struct process process;
static int set;
static unsigned long guarded; /* plain */
static uint32_t interrupted, done;
static uint16_t *values; /* below the end of the program's addresses */
static struct sembuf *bufs;

bool process_capable(int cap)
{
    return true;
}

void signal_suspend(uint64_t mask)
{
}

void signal_suspend_end(void)
{
}

/* One operation of CPU i, or two at once. */
static long operate(unsigned i, int first, int change, int second, int change2)
{
    struct sembuf *b = &bufs[2 * i];
    b[0] = (struct sembuf){(unsigned short)first, (short)change, 0};
    b[1] = (struct sembuf){(unsigned short)second, (short)change2, 0};
    return sys_semop(set, b, second < 0 ? 1 : 2);
}

static void begin(unsigned i)
{
    set = (int)sys_semget(IPC_PRIVATE, 3, 0600);
    CHECK(set >= 0);
    CHECK_EQ(sys_semctl(set, 0, SETVAL, 1), 0);
    bufs = calloc(2 * CPUS, sizeof(*bufs));
    values = calloc(3, sizeof(*values));
    guarded = 0;
    interrupted = done = 0;
}

/* The one unit that there was is back, and nobody waits. */
static void end(unsigned i)
{
    CHECK_EQ(sys_semctl(set, 0, GETVAL, 0), 1);
    CHECK_EQ(sys_semctl(set, 0, GETNCNT, 0), 0);
    CHECK_EQ(sys_semctl(set, 0, IPC_RMID, 0), 0);
    free(bufs);
    free(values);
}

static void exclude(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        CHECK_EQ(operate(i, 0, -1, -1, 0), 0);
        guarded++;
        CHECK_EQ(operate(i, 0, 1, -1, 0), 0);
    }
}

static void exclusion(void)
{
    fake_threads_run(1, begin);
    fake_threads_run(CPUS, exclude);
    CHECK_EQ(guarded, CPUS * ROUNDS);
    fake_threads_run(1, end);
}

/* CPU 0 lets the others have signals while they wait; what they got and what is left is all there
 * was. */
static void disturb(unsigned i)
{
    if (i == 0) {
        for (unsigned n = 0; __atomic_load_n(&done, __ATOMIC_ACQUIRE) < CPUS - 1; n++) {
            unsigned victim = 1 + n % (CPUS - 1);
            fake_threads_signal(victim, n % 4 == 0);
            fake_threads_signal(victim, false);
        }
        return;
    }
    for (unsigned n = 0; n < ROUNDS;) {
        long err = operate(i, 0, -1, -1, 0);
        CHECK(err == 0 || err == -EINTR);
        if (err != 0) {
            __atomic_fetch_add(&interrupted, 1, __ATOMIC_RELAXED);
            continue;
        }
        guarded++;
        n++;
        CHECK_EQ(operate(i, 0, 1, -1, 0), 0); /* never waits */
    }
    __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
}

static void signals(void)
{
    fake_threads_run(1, begin);
    fake_threads_run(CPUS, disturb);
    CHECK_EQ(guarded, (CPUS - 1) * ROUNDS);
    fake_threads_run(1, end);
}

/* Units go round from one semaphore to the next, two operations in one step: none appears or is
 * lost, in between either. */
static void carry(unsigned i)
{
    for (unsigned n = 0; i != 0 && n < UNITS; n++) {
        int from = (int)i - 1;
        CHECK_EQ(operate(i, from, -1, (from + 1) % 3, 1), 0);
    }
    while (i == 0 && __atomic_load_n(&done, __ATOMIC_ACQUIRE) < CPUS - 1) {
        CHECK_EQ(sys_semctl(set, 0, GETALL, (uint64_t)(uintptr_t)values), 0);
        CHECK_EQ(values[0] + values[1] + values[2], 1);
    }
    if (i != 0) {
        __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
    }
}

static void steps(void)
{
    fake_threads_run(1, begin);
    fake_threads_run(CPUS, carry);
    fake_threads_run(1, end);
}

/* The table stays for ever: made before what tests leave is counted. */
static void grow(unsigned i)
{
    begin(i);
    end(i);
}

__attribute__((constructor(65535))) static void set_up(void)
{
    fake_threads_run(1, grow);
}

TESTS(exclusion, signals, steps)
