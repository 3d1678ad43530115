/* SPDX-License-Identifier: MIT */
/* Kernel stacks in the dynamic area. Addresses are handed out upwards and stacks are kept: threads
 * come and go, their stacks are reused by whoever creates threads. lock guards the next address.
 * Source: platform/monitor/abi.h, DYNAMIC_OFFSET. */
#include "kernel/kva.h"

#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "platform/boot.h"
#include "platform/moncall.h"
#include "platform/pages.h"

#define STACK_PAGES_MAX 16

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

/* The largest block of at most n frames that can be had; NULL: there is none. *order: log2 of its
 * frames. */
static struct page *alloc_block(unsigned n, unsigned *order)
{
    *order = 31 - (unsigned)__builtin_clz(n);
    struct page *p = pages_alloc(*order, PAGES_RESERVE);
    while (p == NULL && *order > 0) {
        p = pages_alloc(--*order, PAGES_RESERVE);
    }
    return p;
}

/* There is no memory for all of a stack: the first npages, made of blocks, go. */
static uint64_t undo(uint64_t va, unsigned npages, struct page **blocks, unsigned nblocks)
{
    struct mon_range r = {va, 0, npages, 0, 0};
    int err = npages != 0 ? moncall_unmap(&r, 1) : 0;
    assert(err == 0);
    while (nblocks != 0) {
        pages_put(blocks[--nblocks]);
    }
    __atomic_fetch_sub(&allocated, npages, __ATOMIC_RELAXED);
    return 0;
}

uint64_t kva_alloc_stack(unsigned npages)
{
    struct page *blocks[STACK_PAGES_MAX];
    unsigned n = 0;
    unsigned order;
    uint64_t spare = take_spare(npages);
    if (spare != 0) {
        return spare;
    }
    assert(npages <= STACK_PAGES_MAX);
    uint64_t va = reserve(npages);
    for (unsigned i = 0; i < npages; i += 1U << order) {
        struct page *p = alloc_block(npages - i, &order);
        if (p == NULL) {
            return undo(va, i, blocks, n);
        }
        blocks[n++] = p;
        struct mon_range r = {va + i * PAGE_SIZE, pages_pa(p).v, 1U << order, MAP_R | MAP_W, 0};
        if (moncall_map(&r, 1) != 0) {
            return undo(va, i, blocks, n);
        }
        __atomic_fetch_add(&allocated, 1U << order, __ATOMIC_RELAXED);
    }
    return va + npages * PAGE_SIZE;
}

uint64_t kva_pages(void)
{
    return __atomic_load_n(&allocated, __ATOMIC_RELAXED);
}
