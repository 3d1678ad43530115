/* SPDX-License-Identifier: MIT */
/* The one address space: what mmap.c, mremap.c and fault.c share. */
#ifndef KERNEL_SPACE_H
#define KERNEL_SPACE_H

#include "kernel/rwlock.h"
#include "kernel/vma.h"

#define SPACE_RANDOM_PAGES (1UL << 28) /* places of mmap and the stack: 28 bits */
#define SPACE_STACK_TOP (USER_MAX - (1UL << 30)) /* the stack ends somewhere below */

struct space {
    /* mm.lock. Written: by what changes regions. Read: by faults, which only enter pages; pmap.lock
     * tells those apart. A fault that may exchange frames of others (a writable shared mapping of a
     * file), or that extends the stack, writes. */
    struct rwlock lock;
    struct vma_tree tree; /* [lock] */
    uint64_t mmap_top; /* [I] regions are placed below */
    uint64_t brk_start, brk; /* [lock] */
    bool lock_future; /* [lock] mlockall(MCL_FUTURE): new regions are VMA_LOCKED */
    uint64_t faults; /* [A] */
    uint64_t jit_pages; /* [lock] */
    void (*forget)(uint64_t start, uint64_t end); /* [I] see mmap_set_forget_hook */
};
extern struct space space;

/* space_lock: space.lock for a call that changes regions: what a claimed stack waited for
 * (stackcache.h) does not come. */
void space_lock(void) TAKES(space.lock);

/* space_carve: make [start, end) a border of regions: none crosses start or end. 0 or -ENOMEM. */
MUST_CHECK int space_carve(uint64_t start, uint64_t end);

/* space_unmap: remove all regions and pages of [start, end). 0 or -ENOMEM (nothing removed). */
MUST_CHECK int space_unmap(uint64_t start, uint64_t end);

/* space_add: a new region as template says (its file gets a reference); merged with its neighbours
 * where possible. 0 or -ENOMEM. */
MUST_CHECK int space_add(const struct vma *template);

/* space_merge: join v with its neighbours where possible. */
void space_merge(struct vma *v);

/* space_copy: a private copy of the frame at from, NULL when out of memory. */
struct page *space_copy(struct pa from);

/* space_is_text: v is code of a file that the rewriter may change. space_fault_text: resolve a
 * fault at addr in it that is no write, where nothing is mapped. Returns as a file's mmap_page, or
 * -ENOMEM. */
bool space_is_text(const struct vma *v);
MUST_CHECK int space_fault_text(const struct vma *v, uint64_t addr);

/* space_enter_zeroed: fresh zeroed frames for [start, end) of v, at most 4 MiB. Returns 0, -EEXIST
 * (a page is there) or -ENOMEM. */
MUST_CHECK int space_enter_zeroed(const struct vma *v, uint64_t start, uint64_t end);

/* space_enter_ahead: the same before anybody has touched them, as far as memory is plentiful. */
void space_enter_ahead(const struct vma *v, uint64_t start, uint64_t end);

/* space_place: a free place of len bytes for a region without address; hint 0 or an address that is
 * taken when free. 0: none. */
uint64_t space_place(uint64_t hint, uint64_t len);

/* space_may_grow: npages more of a region with like's rights and flags stay within RLIMIT_AS and
 * RLIMIT_DATA. */
bool space_may_grow(const struct vma *like, uint64_t npages);

/* space_may_lock: npages more may be locked: RLIMIT_MEMLOCK. */
bool space_may_lock(uint64_t npages);

/* space_hopeless: len bytes are many times all the memory: the heuristic of Linux's overcommit. */
bool space_hopeless(uint64_t len);

/* space_set_flags: regions in [start, end) get the VMA_* bits set and lose those in clear. Returns
 * 0, -ENOMEM (holes: the mapped parts are done; or no memory for the split). */
MUST_CHECK int space_set_flags(uint64_t start, uint64_t end, unsigned set, unsigned clear);

/* space_forget_page: page index of vnode's object is now the frame at now: mappings of another
 * frame that are not private copies go. */
struct vnode;
void space_forget_page(const struct vnode *vnode, uint64_t index, struct pa now);

/* space_range_ok: page-aligned addr, len rounded up to pages in *end; false when it leaves the
 * program's half. */
bool space_range_ok(uint64_t addr, uint64_t len, uint64_t *end);

#endif
