/* SPDX-License-Identifier: MIT */
/* Readers and writers on top of the wait queue. Taking a free lock is one locked instruction; who
 * leaves it free looks for waiters after that, who waits looks at the lock after having said so:
 * all four are sequentially consistent, so one of them sees the other.
 * Who leaves it free wakes one; a reader that gets in wakes the next. A hundred threads woken for
 * one to get it would be a hundred interrupts, again and again. After a writer the readers have
 * their turn, after readers a writer.
 * Source: wait.h. */
#include "kernel/rwlock.h"

#include "kernel/base/print.h"
#include "kernel/thread.h"
#include "platform/cpu.h"

#define AWAKE_CYCLES 200000 /* about 100 us: what a fault takes */

void rwlock_init(struct rwlock *l)
{
    *l = (struct rwlock){.state = 0};
    wait_queue_init(&l->write_queue);
    wait_queue_init(&l->read_queue);
}

/* No writer wants it, or it is the readers' turn. */
static bool may_enter(struct rwlock *l)
{
    uint32_t passes = __atomic_load_n(&l->passes, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&l->writers, __ATOMIC_SEQ_CST) == 0) {
        return true;
    }
    while (passes != 0) {
        if (__atomic_compare_exchange_n(&l->passes, &passes, passes - 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            return true;
        }
    }
    return false;
}

static bool try_share(struct rwlock *l)
{
    int32_t now = __atomic_load_n(&l->state, __ATOMIC_SEQ_CST);
    if (now < 0 || !may_enter(l)) {
        return false;
    }
    while (now >= 0) {
        if (__atomic_compare_exchange_n(&l->state, &now, now + 1, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST)) {
            return true;
        }
    }
    return false;
}

static bool try_lock(struct rwlock *l)
{
    int32_t none = 0;
    if (!__atomic_compare_exchange_n(&l->state, &none, -1, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST)) {
        return false;
    }
    __atomic_store_n(&l->writer, thread_this(), __ATOMIC_RELAXED);
    return true;
}

/* Try for a while, unless a writer holds the lock that sleeps. Its memory may have become something
 * else by the time we look at it, which is heap memory still: at worst we wait for nothing. */
static bool try_awake(struct rwlock *l, bool (*try)(struct rwlock *l))
{
    uint64_t start = cpu_cycles();
    while (!try(l)) {
        const struct thread *owner = __atomic_load_n(&l->writer, __ATOMIC_RELAXED);
        bool sleeps =
            owner != NULL && __atomic_load_n(&owner->state, __ATOMIC_RELAXED) != THREAD_RUNNING;
        if (sleeps || cpu_cycles() - start > AWAKE_CYCLES) {
            return false;
        }
        __builtin_ia32_pause();
    }
    return true;
}

static void wait_for(struct rwlock *l, bool (*try)(struct rwlock *l), struct wait_queue *queue,
                     uint32_t *sleeping)
{
    struct waiter w;
    if (try_awake(l, try)) {
        return;
    }
    __atomic_fetch_add(sleeping, 1, __ATOMIC_SEQ_CST);
    wait_begin(queue, &w);
    while (!try(l)) {
        wait_sleep_deaf(&w);
    }
    wait_end(&w);
    __atomic_fetch_sub(sleeping, 1, __ATOMIC_SEQ_CST);
}

/* The lock was left free. Returns whether there was a writer to wake. */
static bool wake_writer(struct rwlock *l)
{
    if (__atomic_load_n(&l->sleeping_writers, __ATOMIC_SEQ_CST) == 0) {
        return false;
    }
    wait_wake(&l->write_queue, 1);
    return true;
}

static bool wake_readers(struct rwlock *l)
{
    uint32_t n = __atomic_load_n(&l->sleeping_readers, __ATOMIC_SEQ_CST);
    if (n == 0) {
        return false;
    }
    __atomic_store_n(&l->passes, n, __ATOMIC_SEQ_CST);
    wait_wake(&l->read_queue, 1); /* who wakes the next when it has got in */
    return true;
}

LOCK_ITSELF void rwlock_lock(struct rwlock *l)
{
    assert(!rwlock_held(l));
    if (try_lock(l)) {
        return;
    }
    __atomic_fetch_add(&l->writers, 1, __ATOMIC_SEQ_CST);
    wait_for(l, try_lock, &l->write_queue, &l->sleeping_writers);
    __atomic_fetch_sub(&l->writers, 1, __ATOMIC_SEQ_CST);
}

LOCK_ITSELF void rwlock_unlock(struct rwlock *l)
{
    assert(rwlock_held(l));
    __atomic_store_n(&l->writer, NULL, __ATOMIC_RELAXED);
    __atomic_store_n(&l->state, 0, __ATOMIC_SEQ_CST);
    (void)(wake_readers(l) || wake_writer(l));
}

LOCK_ITSELF void rwlock_share(struct rwlock *l)
{
    assert(!rwlock_held(l));
    if (try_share(l)) {
        return;
    }
    wait_for(l, try_share, &l->read_queue, &l->sleeping_readers);
    if (__atomic_load_n(&l->sleeping_readers, __ATOMIC_SEQ_CST) != 0) {
        wait_wake(&l->read_queue, 1);
    }
}

LOCK_ITSELF void rwlock_unshare(struct rwlock *l)
{
    int32_t before = __atomic_fetch_sub(&l->state, 1, __ATOMIC_SEQ_CST);
    assert(before > 0);
    if (before == 1) {
        (void)(wake_writer(l) || wake_readers(l));
    }
}

bool rwlock_held(const struct rwlock *l)
{
    return __atomic_load_n(&l->writer, __ATOMIC_RELAXED) == thread_this();
}
