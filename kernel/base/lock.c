/* SPDX-License-Identifier: MIT */
/* Spinlocks. The state names the owner, so that taking a lock twice and releasing somebody else's
 * are caught at once. Source: the global order is in lock.h. */
#include "kernel/base/lock.h"

#include "kernel/base/print.h"

static uint32_t (*cpu_hook)(void);

void lock_set_cpu_hook(uint32_t (*cpu_id)(void))
{
    cpu_hook = cpu_id;
}

static uint32_t owner_mark(void)
{
    return 1 + (cpu_hook != NULL ? cpu_hook() : 0);
}

LOCK_ITSELF void spin_lock(struct spinlock *l)
{
    uint32_t mine = owner_mark();
    uint32_t free = 0;
    /* acquire: pairs with the release in spin_unlock */
    while (!__atomic_compare_exchange_n(&l->state, &free, mine, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
        assert(free != mine);
        free = 0;
        do { /* only looking: the holder keeps the line for its own work */
            __builtin_ia32_pause();
        } while (__atomic_load_n(&l->state, __ATOMIC_RELAXED) != 0);
    }
}

LOCK_ITSELF void spin_unlock(struct spinlock *l)
{
    lock_assert_held(l);
    __atomic_store_n(&l->state, 0, __ATOMIC_RELEASE);
}

bool lock_is_mine(const struct spinlock *l)
{
    return __atomic_load_n(&l->state, __ATOMIC_RELAXED) == owner_mark();
}

void lock_assert_held(const struct spinlock *l)
{
    assert(lock_is_mine(l));
}
