/* SPDX-License-Identifier: MIT */
/* The two regions that the kernel makes for a program: the heap of brk(2) and the first thread's
 * stack. Takes space.lock. Source: brk(2), getrlimit(2) RLIMIT_STACK. */
#include <asm/errno.h>
#include <asm/mman.h>
#include <linux/resource.h>

#include "kernel/ahead.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/space.h"
#include "kernel/uaccess.h"

#define BRK_RANDOM_PAGES (1UL << 13) /* up to 32 MiB above the program, as Linux */
#define STACK_FIRST (128UL << 10) /* mapped at once; the rest grows */
#define STACK_AHEAD (16 * PAGE_SIZE) /* of that, present from the start */

void mmap_set_brk_start(uint64_t start)
{
    uint64_t shift = random_u64() % BRK_RANDOM_PAGES * PAGE_SIZE;
    space.brk_start = align_up(start, PAGE_SIZE) + shift;
    space.brk = space.brk_start;
}

static int brk_grow(uint64_t from, uint64_t to)
{
    const struct vma *v = vma_find(&space.tree, from);
    if (v != NULL && v->start < to) {
        return -ENOMEM;
    }
    struct vma heap = {.start = from, .end = to, .prot = PROT_READ | PROT_WRITE, .name = "[heap]"};
    if (!space_may_grow(&heap, (to - from) >> PAGE_SHIFT) || space_hopeless(to - from)) {
        return -ENOMEM;
    }
    int err = space_add(&heap);
    if (err == 0) {
        ahead_grown(from, to);
    }
    return err;
}

uint64_t mmap_brk(uint64_t new_brk)
{
    space_lock();
    uint64_t limit = process.limits[RLIMIT_DATA].rlim_cur;
    bool sane =
        new_brk >= space.brk_start && new_brk < USER_MAX && new_brk - space.brk_start <= limit;
    uint64_t from = align_up(space.brk, PAGE_SIZE);
    uint64_t to = align_up(new_brk, PAGE_SIZE);
    int err = sane ? 0 : -ENOMEM;
    if (sane && to > from) {
        err = brk_grow(from, to);
    } else if (sane && to < from) {
        err = space_unmap(to, from);
    }
    if (err == 0) {
        space.brk = new_brk;
    }
    uint64_t now = space.brk;
    rwlock_unlock(&space.lock);
    return now;
}

int mmap_stack(uint64_t limit, uint64_t *top)
{
    uint64_t end = SPACE_STACK_TOP - random_u64() % SPACE_RANDOM_PAGES * PAGE_SIZE;
    struct vma v = {.end = end, .prot = PROT_READ | PROT_WRITE, .name = "[stack]"};
    v.start =
        end - (limit >= STACK_FIRST ? STACK_FIRST : max(align_up(limit, PAGE_SIZE), PAGE_SIZE));
    v.flags = VMA_GROWS | VMA_NOHUGE;
    space_lock();
    int err = space_add(&v);
    if (err == 0) {
        space_enter_ahead(vma_at(&space.tree, v.start), max(v.start, end - STACK_AHEAD), end);
    }
    rwlock_unlock(&space.lock);
    *top = end;
    return err;
}
