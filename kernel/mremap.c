/* SPDX-License-Identifier: MIT */
/* Moving and resizing mappings: mremap(2).
 *
 * A region that moves keeps its frames: only their addresses change. The new region comes first,
 * then the frames, then the old one goes, so that a failure leaves both consistent.
 * Takes space.lock. Source: mremap(2). */
#include <asm/errno.h>
#include <asm/mman.h>
#include <linux/mman.h>

#include "kernel/base/print.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/space.h"
#include "kernel/stackcache.h"
#include "kernel/uaccess.h"

/* A request, lengths in whole pages. */
struct remap {
    uint64_t old, old_len, new_len, place;
    int flags;
};

static int check_request(const struct remap *r)
{
    bool move = (r->flags & MREMAP_MAYMOVE) != 0;
    bool fixed = (r->flags & MREMAP_FIXED) != 0;
    bool keep = (r->flags & MREMAP_DONTUNMAP) != 0;
    if ((r->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0 ||
        ((fixed || keep) && !move) || (keep && r->old_len != r->new_len)) {
        return -EINVAL;
    }
    if (!is_aligned(r->old, PAGE_SIZE) || r->new_len == 0) {
        return -EINVAL;
    }
    if (!fixed && !keep) {
        return 0;
    }
    if (!is_aligned(r->place, PAGE_SIZE) || r->new_len > USER_MAX ||
        r->place > USER_MAX - r->new_len) {
        return -EINVAL;
    }
    bool overlap = r->old + r->old_len > r->place && r->place + r->new_len > r->old;
    return overlap ? -EINVAL : 0;
}

/* May v at r->old become r->new_len long? */
static int check_region(const struct vma *v, const struct remap *r)
{
    if (v == NULL) {
        return -EFAULT;
    }
    if (r->old_len == 0 && ((v->flags & VMA_SHARED) == 0 || v->file == NULL)) {
        return -EINVAL; /* a second mapping: of an object only */
    }
    if ((v->flags & VMA_SPECIAL) != 0 && (r->flags & MREMAP_DONTUNMAP) != 0) {
        return -EINVAL;
    }
    if (r->old_len > v->end - r->old) {
        return -EFAULT;
    }
    if (r->new_len <= r->old_len) {
        return 0;
    }
    if ((v->flags & VMA_SPECIAL) != 0) {
        return -EFAULT;
    }
    uint64_t more = r->new_len - r->old_len;
    if ((v->flags & VMA_LOCKED) != 0 && !space_may_lock(more >> PAGE_SHIFT)) {
        return -EAGAIN;
    }
    bool commits = v->file == NULL || (v->flags & VMA_SHARED) == 0;
    if (!space_may_grow(v, more >> PAGE_SHIFT) || (commits && space_hopeless(r->new_len))) {
        return -ENOMEM;
    }
    return 0;
}

/* Longer in place, when v ends there and nothing follows. */
static bool grow_in_place(struct vma *v, const struct remap *r)
{
    const struct vma *above = vma_next(v);
    uint64_t end = r->old + r->new_len;
    bool last = r->old + r->old_len == v->end && r->old_len != 0;
    if (!last || end > USER_MAX || (above != NULL && above->start < end)) {
        return false;
    }
    stackcache_evict(v->end, end);
    vma_extend(&space.tree, v, v->start, end);
    space_merge(v);
    return true;
}

/* A place that keeps the position within 2 MiB, so that large pages can move whole. */
static uint64_t similar_place(const struct remap *r)
{
    if (r->new_len < HUGE_SIZE) {
        return space_place(0, r->new_len);
    }
    uint64_t wide = vma_gap_below(&space.tree, USER_MIN, space.mmap_top, r->new_len + HUGE_SIZE);
    if (wide == 0) {
        return space_place(0, r->new_len);
    }
    uint64_t shift = (r->old - wide) & (HUGE_SIZE - 1);
    return wide + shift;
}

static long move_region(const struct vma *v, const struct remap *r, uint64_t to)
{
    struct vma fresh = *v;
    fresh.start = to;
    fresh.end = to + r->new_len;
    fresh.offset = v->file != NULL ? v->offset + (r->old - v->start) : 0;
    fresh.pa = v->flags & VMA_SPECIAL ? v->pa + (r->old - v->start) : 0;
    fresh.flags &= ~(unsigned)(VMA_GROWS | VMA_STACK | VMA_THREAD);
    int prot = v->prot;
    int err = space_carve(r->old, r->old + r->old_len);
    err = err != 0 ? err : space_add(&fresh);
    if (err != 0) {
        return err;
    }
    uint64_t len = min(r->old_len, r->new_len);
    if ((prot & PROT_EXEC) != 0 && space.forget != NULL) {
        space.forget(r->old, r->old + r->old_len); /* rewritten code must not move */
    }
    err = len != 0 ? pmap_move(r->old, to, len, prot) : 0;
    if (err != 0) {
        int gone = space_unmap(to, to + r->new_len);
        assert(gone == 0);
        return err;
    }
    if ((r->flags & MREMAP_DONTUNMAP) == 0 && r->old_len != 0) {
        err = space_unmap(r->old, r->old + r->old_len);
    }
    return err != 0 ? err : (long)to;
}

/* To a given place, or (MREMAP_DONTUNMAP) to one of our choice. */
static long remap_to(struct remap *r)
{
    bool fixed = (r->flags & MREMAP_FIXED) != 0;
    if (fixed && r->place < USER_MIN) {
        return -EPERM;
    }
    int err = fixed ? space_unmap(r->place, r->place + r->new_len) : 0;
    if (err == 0 && r->old_len > r->new_len) {
        err = space_unmap(r->old + r->new_len, r->old + r->old_len);
        r->old_len = r->new_len;
    }
    const struct vma *v = vma_at(&space.tree, r->old);
    err = err != 0 ? err : check_region(v, r);
    if (err != 0) {
        return err;
    }
    if ((r->flags & MREMAP_DONTUNMAP) != 0 && !space_may_grow(v, r->new_len >> PAGE_SHIFT)) {
        return -ENOMEM;
    }
    uint64_t to = fixed ? r->place : similar_place(r);
    return to != 0 ? move_region(v, r, to) : -ENOMEM;
}

static long remap_locked(struct remap *r)
{
    struct vma *v = vma_at(&space.tree, r->old);
    if (v == NULL) {
        return -EFAULT;
    }
    if ((r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) != 0) {
        return remap_to(r);
    }
    if (r->old_len >= r->new_len) {
        uint64_t end = r->old + r->old_len;
        int err = r->old_len > r->new_len ? space_unmap(r->old + r->new_len, end) : 0;
        return err != 0 ? err : (long)r->old;
    }
    int err = check_region(v, r);
    if (err != 0) {
        return err;
    }
    if (grow_in_place(v, r)) {
        return (long)r->old;
    }
    uint64_t to = r->flags & MREMAP_MAYMOVE ? similar_place(r) : 0;
    return to != 0 ? move_region(v, r, to) : -ENOMEM;
}

long mmap_remap(uint64_t old, uint64_t old_len, uint64_t new_len, int flags, uint64_t new_addr)
{
    if (new_len > USER_MAX) {
        return -EINVAL;
    }
    if (old_len > USER_MAX || old > USER_MAX) {
        return !is_aligned(old, PAGE_SIZE) ? -EINVAL : -EFAULT;
    }
    struct remap r = {old, align_up(old_len, PAGE_SIZE), align_up(new_len, PAGE_SIZE), new_addr,
                      flags};
    int err = check_request(&r);
    if (err != 0) {
        return err;
    }
    space_lock();
    long at = remap_locked(&r);
    const struct vma *v = at >= 0 ? vma_at(&space.tree, (uint64_t)at) : NULL;
    bool locked = v != NULL && (v->flags & VMA_LOCKED) != 0;
    rwlock_unlock(&space.lock);
    if (locked) {
        (void)mmap_populate((uint64_t)at, (uint64_t)at + r.new_len, false);
    }
    return at;
}
