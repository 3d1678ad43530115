/* SPDX-License-Identifier: MIT */
/* A few kept stacks, the oldest giving way. A stack is known by its shape (ahead.c: mapped without
 * rights, then opened but for a guard at its lower end) together with a thread that was started on
 * it: memory that a program only unmaps to find late accesses is never kept.
 * The frames of a slot are small, private, counted and writable in hardware; the slot covers no
 * region, but for the one that has claimed it. Source: mmap(2), pthread_create(3). */
#include "kernel/stackcache.h"

#include <asm/mman.h>

#include "kernel/base/print.h"
#include "kernel/pmap.h"
#include "kernel/space.h"
#include "platform/pages.h"

#define SLOTS 16
#define STACK_PAGES_MAX 64 /* a stack that used more is not kept: zeroing costs, too */
#define STACK_MARKS (VMA_STACK | VMA_THREAD)
#define FREE_PART 32 /* all slots together may keep 1/32 of what is free */

struct slot {
    uint64_t start, opened, end; /* the guard ends at opened; all 0: free */
    unsigned npages;
    unsigned flags; /* of the region, less what marks a stack */
};

static struct slot slots[SLOTS]; /* [space.lock] */
static unsigned next_victim; /* [space.lock] */
static struct slot *claimed; /* [space.lock] NULL: none */

void stackcache_started(uint64_t sp)
{
    rwlock_lock(&space.lock);
    struct vma *v = vma_at(&space.tree, sp - 1);
    if (v != NULL && (v->flags & VMA_STACK) != 0) {
        v->flags |= VMA_THREAD;
    }
    rwlock_unlock(&space.lock);
}

static void drop(struct slot *s)
{
    int err = pmap_remove(s->start, s->end);
    assert(err == 0); /* there is no 2 MiB page to split */
    *s = (struct slot){0};
}

static bool plentiful(unsigned npages)
{
    struct pages_stats stats;
    pages_stats(&stats);
    for (const struct slot *s = slots; s < slots + SLOTS; s++) {
        npages += s->npages;
    }
    return stats.free / FREE_PART > npages;
}

static struct slot *free_slot(void)
{
    for (struct slot *s = slots; s < slots + SLOTS; s++) {
        if (s->end == 0) {
            return s;
        }
    }
    struct slot *victim = &slots[next_victim];
    next_victim = (next_victim + 1) % SLOTS;
    drop(victim);
    return victim;
}

bool stackcache_keep(uint64_t start, uint64_t end)
{
    const struct vma *guard = vma_at(&space.tree, start);
    const struct vma *v = guard != NULL ? vma_next(guard) : NULL;
    if (v == NULL || guard->prot != PROT_NONE || guard->end != v->start || v->end != end ||
        (v->flags & STACK_MARKS) != STACK_MARKS || v->prot != (PROT_READ | PROT_WRITE)) {
        return false;
    }
    if (pmap_next(start, v->start) != v->start) {
        return false; /* the guard has frames */
    }
    unsigned npages = pmap_private_pages(v->start, end, v->prot);
    if (npages == 0 || npages > STACK_PAGES_MAX || !plentiful(npages)) {
        return false;
    }
    *free_slot() = (struct slot){start, v->start, end, npages, v->flags & ~STACK_MARKS};
    return true;
}

uint64_t stackcache_claim(const struct vma *v, uint64_t len)
{
    if (v->file != NULL || v->prot != PROT_NONE) {
        return 0;
    }
    for (struct slot *s = slots; s < slots + SLOTS; s++) {
        if (s->end - s->start == len && s->flags == v->flags) {
            claimed = s;
            return s->start;
        }
    }
    return 0;
}

bool stackcache_awaits(uint64_t start, uint64_t end, int prot)
{
    return claimed != NULL && claimed->opened == start && claimed->end == end &&
           prot == (PROT_READ | PROT_WRITE);
}

bool stackcache_open(uint64_t start, uint64_t end, int prot)
{
    if (!stackcache_awaits(start, end, prot)) {
        return false;
    }
    pmap_zero(start, end);
    *claimed = (struct slot){0};
    claimed = NULL;
    return true;
}

void stackcache_settle(void)
{
    if (claimed != NULL) {
        drop(claimed);
        claimed = NULL;
    }
}

bool stackcache_evict(uint64_t start, uint64_t end)
{
    bool any = false;
    for (struct slot *s = slots; s < slots + SLOTS; s++) {
        if (s != claimed && s->start < end && s->end > start) {
            drop(s);
            any = true;
        }
    }
    return any;
}
