/* SPDX-License-Identifier: MIT */
// sources: kernel/wait.c kernel/mutex.c kernel/timer.c kernel/base/rbtree.c platform/irq.c
// fakes: moncall clock cpu process log sched
/* Sleeping: woken by an interrupt's handler, by time, by a signal; and the mutex on top. */
#include "kernel/wait.h"

#include <asm/errno.h>

#include "kernel/mutex.h"
#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "test/fake/clock.h"
#include "test/fake/cpu.h"
#include "test/fake/moncall.h"
#include "test/fake/process.h"
#include "test/unit/check.h"

static struct wait_queue queue;
static bool condition;
static unsigned waits;

static void wake_third_time(void)
{
    waits++;
    fake_now_ns += 5;
    if (waits == 1) {
        wait_wake(&queue, 1); /* for nothing: the sleeper looks and sleeps again */
    }
    if (waits == 3) {
        condition = true;
        wait_wake(&queue, WAIT_ALL);
    }
}

static void start(void (*on_wait)(void))
{
    timer_start();
    wait_queue_init(&queue);
    fake_on_wait = on_wait;
    condition = false;
    waits = 0;
    fake_signal_pending = false;
}

static void woken(void)
{
    start(wake_third_time);
    uint64_t before = fake_now_ns;
    CHECK_EQ(wait_until(&queue, condition, TIME_NEVER), 0);
    CHECK_EQ(waits, 3);
    CHECK_EQ(fake_now_ns - before, 15);
    CHECK(list_empty(&queue.waiters));
    CHECK_EQ(wait_until(&queue, condition, 0), 0); /* holds: no sleep, whatever the deadline */
    CHECK_EQ(waits, 3);
}

static void timed_out(void)
{
    start(NULL);
    uint64_t deadline = fake_now_ns + 1000;
    CHECK_EQ(wait_until(&queue, condition, deadline), -ETIMEDOUT);
    CHECK_EQ(fake_now_ns, deadline);
    CHECK(list_empty(&queue.waiters));
    CHECK_EQ(timer_next(), TIME_NEVER);
    unsigned long calls = fake_moncalls;
    CHECK_EQ(wait_until(&queue, condition, deadline), -ETIMEDOUT); /* past: at once */
    CHECK_EQ(fake_moncalls, calls);
}

static void send_signal(void)
{
    fake_signal_pending = true;
}

static void interrupted(void)
{
    start(send_signal);
    CHECK_EQ(wait_until(&queue, condition, fake_now_ns + 1000), -EINTR);
    CHECK(list_empty(&queue.waiters));
    CHECK_EQ(timer_next(), TIME_NEVER);
    wait_wake(&queue, WAIT_ALL); /* nobody: harmless */
    fake_signal_pending = false;
}

static struct mutex mutex;
static struct thread other = {.tid = 3};

static void let_other_unlock(void)
{
    cpu_this()->thread = &other;
    mutex_unlock(&mutex);
    cpu_this()->thread = &fake_thread;
}

static void mutual_exclusion(void)
{
    start(let_other_unlock);
    mutex_init(&mutex);
    mutex_lock(&mutex);
    CHECK(mutex_held(&mutex));
    EXPECT_PANIC(mutex_lock(&mutex));
    mutex_unlock(&mutex);
    CHECK(!mutex_held(&mutex));
    EXPECT_PANIC(mutex_unlock(&mutex));
    cpu_this()->thread = &other;
    mutex_lock(&mutex);
    cpu_this()->thread = &fake_thread;
    CHECK(!mutex_held(&mutex));
    EXPECT_PANIC(mutex_unlock(&mutex));
    mutex_lock(&mutex); /* sleeps until the other lets go */
    CHECK(mutex_held(&mutex));
    mutex_unlock(&mutex);
}

TESTS(woken, timed_out, interrupted, mutual_exclusion)
