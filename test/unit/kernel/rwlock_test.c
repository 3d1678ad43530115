/* SPDX-License-Identifier: MIT */
// sources: kernel/rwlock.c kernel/wait.c kernel/timer.c kernel/base/rbtree.c platform/irq.c
// fakes: moncall clock cpu process log sched
/* Readers and writers: who may be in together, who waits for whom, and that a waiting writer keeps
 * new readers out. What another thread does happens while this one sleeps. */
#include "kernel/rwlock.h"

#include "kernel/thread.h"
#include "kernel/timer.h"
#include "test/fake/cpu.h"
#include "test/fake/moncall.h"
#include "test/fake/process.h"
#include "test/unit/check.h"

static struct rwlock lock;
static struct thread other;
static unsigned sleeps;

static void start(void (*on_wait)(void))
{
    timer_start();
    fake_on_wait = on_wait;
    fake_signal_pending = false;
    sleeps = 0;
    rwlock_init(&lock);
}

static void as_other(void (*act)(struct rwlock *l))
{
    cpu_this()->thread = &other;
    act(&lock);
    cpu_this()->thread = &fake_thread;
}

static void other_unlocks(void)
{
    sleeps++;
    as_other(rwlock_unlock);
}

static void other_unshares(void)
{
    sleeps++;
    CHECK_EQ(lock.writers, 1); /* no reader could come in now */
    as_other(rwlock_unshare);
}

static void readers_together(void)
{
    start(NULL);
    rwlock_share(&lock);
    as_other(rwlock_share);
    CHECK_EQ(lock.state, 2);
    CHECK(!rwlock_held(&lock));
    as_other(rwlock_unshare);
    rwlock_unshare(&lock);
    CHECK_EQ(lock.state, 0);
    EXPECT_PANIC(rwlock_unshare(&lock));
}

static void writer_alone(void)
{
    start(other_unlocks);
    rwlock_lock(&lock);
    CHECK(rwlock_held(&lock));
    EXPECT_PANIC(rwlock_lock(&lock));
    EXPECT_PANIC(rwlock_share(&lock));
    rwlock_unlock(&lock);
    EXPECT_PANIC(rwlock_unlock(&lock));
    as_other(rwlock_lock);
    CHECK(!rwlock_held(&lock));
    EXPECT_PANIC(rwlock_unlock(&lock));
    rwlock_share(&lock); /* sleeps until the other lets go */
    CHECK_EQ(sleeps, 1);
    CHECK_EQ(lock.state, 1);
    rwlock_unshare(&lock);
    as_other(rwlock_lock);
    rwlock_lock(&lock);
    CHECK_EQ(sleeps, 2);
    CHECK(rwlock_held(&lock));
    rwlock_unlock(&lock);
    CHECK_EQ(lock.sleeping_readers + lock.sleeping_writers + lock.writers, 0);
}

static void writer_waits_for_readers(void)
{
    start(other_unshares);
    as_other(rwlock_share);
    rwlock_lock(&lock);
    CHECK_EQ(sleeps, 1);
    CHECK(rwlock_held(&lock));
    rwlock_unlock(&lock);
    CHECK_EQ(lock.state, 0);
    CHECK_EQ(lock.sleeping_readers + lock.sleeping_writers + lock.writers, 0);
}

TESTS(readers_together, writer_alone, writer_waits_for_readers)
