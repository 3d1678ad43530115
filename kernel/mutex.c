/* SPDX-License-Identifier: MIT */
/* Sleeping mutual exclusion on top of the wait queue. While the owner runs, on another CPU, it is
 * worth waiting for awake: sections are shorter than a switch. Source: wait.h. */
#include "kernel/mutex.h"

#include "kernel/base/print.h"
#include "kernel/thread.h"
#include "platform/cpu.h"

#define AWAKE_CYCLES 200000 /* about 100 us */

void mutex_init(struct mutex *m)
{
    m->owner = NULL;
    wait_queue_init(&m->queue);
}

static bool try_take(struct mutex *m)
{
    struct thread *none = NULL;
    /* acquire: pairs with the release in mutex_unlock */
    return __atomic_compare_exchange_n(&m->owner, &none, thread_this(), false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

/* Try until the owner sleeps. Its memory may have become something else by the time we look at it,
 * which is heap memory still: at worst we wait for nothing, and not for long. */
static bool try_awake(struct mutex *m)
{
    uint64_t start = cpu_cycles();
    while (!try_take(m)) {
        const struct thread *owner = __atomic_load_n(&m->owner, __ATOMIC_RELAXED);
        if (owner != NULL && (__atomic_load_n(&owner->state, __ATOMIC_RELAXED) != THREAD_RUNNING ||
                              cpu_cycles() - start > AWAKE_CYCLES)) {
            return false;
        }
        __builtin_ia32_pause();
    }
    return true;
}

LOCK_ITSELF void mutex_lock(struct mutex *m)
{
    assert(!mutex_held(m));
    if (try_awake(m)) {
        return;
    }
    struct waiter w;
    wait_begin(&m->queue, &w);
    while (!try_take(m)) {
        wait_sleep_deaf(&w);
    }
    wait_end(&w);
}

LOCK_ITSELF void mutex_unlock(struct mutex *m)
{
    assert(mutex_held(m));
    __atomic_store_n(&m->owner, NULL, __ATOMIC_RELEASE);
    wait_wake(&m->queue, 1);
}

bool mutex_held(const struct mutex *m)
{
    return __atomic_load_n(&m->owner, __ATOMIC_RELAXED) == thread_this();
}
