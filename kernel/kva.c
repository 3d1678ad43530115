/* SPDX-License-Identifier: MIT */
/* Kernel stacks in the dynamic area. Addresses are handed out upwards and stacks are kept: threads
 * come and go, their stacks are reused by whoever creates threads. lock guards the next address.
 * Source: platform/monitor/abi.h, DYNAMIC_OFFSET. */
#include "kernel/kva.h"

#include "kernel/base/lock.h"
#include "platform/boot.h"
#include "platform/moncall.h"
#include "platform/pages.h"

static struct spinlock lock;
static uint64_t next_va; /* [lock] */
static uint64_t allocated; /* [A] pages */

/* A stack that nobody uses; lies at its lowest address. */
struct spare {
    struct spare *next;
    unsigned npages;
};
static struct spare *spares; /* [lock] */

static uint64_t take_spare(unsigned npages)
{
    uint64_t top = 0;
    spin_lock(&lock);
    for (struct spare **at = &spares; *at != NULL; at = &(*at)->next) {
        if ((*at)->npages == npages) {
            top = (uint64_t)(uintptr_t)*at + npages * PAGE_SIZE;
            *at = (*at)->next;
            break;
        }
    }
    spin_unlock(&lock);
    return top;
}

static uint64_t reserve(unsigned npages)
{
    spin_lock(&lock);
    if (next_va == 0) {
        next_va = boot_info()->libos_base + DYNAMIC_OFFSET;
    }
    uint64_t va = next_va + PAGE_SIZE;
    next_va = va + npages * PAGE_SIZE;
    spin_unlock(&lock);
    return va;
}

void kva_free_stack(uint64_t top, unsigned npages)
{
    struct spare *s = (struct spare *)(uintptr_t)(top - npages * PAGE_SIZE);
    spin_lock(&lock);
    *s = (struct spare){spares, npages};
    spares = s;
    spin_unlock(&lock);
}

uint64_t kva_alloc_stack(unsigned npages)
{
    uint64_t spare = take_spare(npages);
    if (spare != 0) {
        return spare;
    }
    uint64_t va = reserve(npages);
    for (unsigned i = 0; i < npages;) {
        unsigned order = 31 - (unsigned)__builtin_clz(npages - i);
        struct page *p = pages_alloc(order, PAGES_RESERVE);
        while (p == NULL && order > 0) {
            p = pages_alloc(--order, PAGES_RESERVE);
        }
        struct mon_range r = {va + i * PAGE_SIZE, 0, 1U << order, MAP_R | MAP_W, 0};
        if (p == NULL) {
            return 0;
        }
        r.pa = pages_pa(p).v;
        if (moncall_map(&r, 1) != 0) {
            return 0;
        }
        i += 1U << order;
        __atomic_fetch_add(&allocated, 1U << order, __ATOMIC_RELAXED);
    }
    return va + npages * PAGE_SIZE;
}

uint64_t kva_pages(void)
{
    return __atomic_load_n(&allocated, __ATOMIC_RELAXED);
}
