/* SPDX-License-Identifier: MIT */
/* Sleeping mutual exclusion on top of the wait queue. Source: wait.h. */
#include "kernel/mutex.h"

#include "kernel/base/print.h"
#include "kernel/thread.h"

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

LOCK_ITSELF void mutex_lock(struct mutex *m)
{
    assert(!mutex_held(m));
    if (try_take(m)) {
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
