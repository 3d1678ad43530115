/* SPDX-License-Identifier: MIT */
// fakes: log
// libs: -lpthread
/* The spinlock: owner checks, and exclusion between threads that stand for CPUs. */
#define _GNU_SOURCE
#include "kernel/base/lock.h"

#include <pthread.h>

#include "test/unit/check.h"

#define CPUS 3
#define ROUNDS 20000

static __thread uint32_t this_cpu;
static struct spinlock lock;
static unsigned long counter;

static uint32_t cpu(void)
{
    return this_cpu;
}

static void owner_checks(void)
{
    struct spinlock l = SPINLOCK_INIT;
    lock_set_cpu_hook(cpu);
    EXPECT_PANIC(spin_unlock(&l));
    EXPECT_PANIC(lock_assert_held(&l));
    spin_lock(&l);
    lock_assert_held(&l);
    EXPECT_PANIC(spin_lock(&l));
    this_cpu = 1;
    EXPECT_PANIC(lock_assert_held(&l));
    EXPECT_PANIC(spin_unlock(&l));
    this_cpu = 0;
    spin_unlock(&l);
    CHECK_EQ(l.state, 0);
}

static void *count(void *arg)
{
    this_cpu = (uint32_t)(uintptr_t)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        spin_lock(&lock);
        counter++;
        spin_unlock(&lock);
    }
    return NULL;
}

static void exclusion(void)
{
    pthread_t thread[CPUS];
    for (uintptr_t i = 0; i < CPUS; i++) {
        CHECK_EQ(pthread_create(&thread[i], NULL, count, (void *)i), 0);
    }
    for (unsigned i = 0; i < CPUS; i++) {
        pthread_join(thread[i], NULL);
    }
    CHECK_EQ(counter, CPUS * ROUNDS);
}

TESTS(owner_checks, exclusion)
