/* SPDX-License-Identifier: MIT */
/* Advice on regions, and telling objects and their mappings of each other's changes.
 *
 * Takes space.lock; an object's own lock comes after it, and no object is called with a spinlock
 * held. Source: madvise(2), msync(2). */
#include <asm/errno.h>
#include <asm/mman.h>
#include <linux/falloc.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "kernel/base/print.h"
#include "kernel/file.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/space.h"
#include "kernel/uaccess.h"

int space_set_flags(uint64_t start, uint64_t end, unsigned set, unsigned clear)
{
    int err = space_carve(start, end);
    if (err != 0) {
        return err;
    }
    uint64_t at = start;
    for (struct vma *v = vma_find(&space.tree, start); v != NULL && v->start < end;
         v = vma_next(v)) {
        err = v->start > at ? -ENOMEM : err;
        v->flags = (v->flags & ~clear) | set;
        at = v->end;
    }
    err = at < end ? -ENOMEM : err;
    for (at = start; at < end;) {
        struct vma *v = vma_find(&space.tree, at);
        if (v == NULL) {
            break;
        }
        at = v->end;
        space_merge(v);
    }
    return err;
}

/* Drop the pages of [start, end) in v: they come back as zeros or from the object. */
static int drop_pages(struct vma *v, uint64_t start, uint64_t end)
{
    if ((v->flags & VMA_SPECIAL) != 0) {
        return -EINVAL;
    }
    if (v->file == NULL && (v->flags & VMA_SHARED) != 0) {
        return 0; /* the object keeps them, and these pages are the object */
    }
    return pmap_remove(start, end);
}

static int advise_unneeded(struct vma *v, uint64_t start, uint64_t end)
{
    return (v->flags & VMA_LOCKED) != 0 ? -EINVAL : drop_pages(v, start, end);
}

static int advise_free(struct vma *v, uint64_t start, uint64_t end)
{
    bool private = v->file == NULL && (v->flags & (VMA_SHARED | VMA_LOCKED)) == 0;
    return private ? drop_pages(v, start, end) : -EINVAL;
}

static int advise_huge(struct vma *v, uint64_t start, uint64_t end)
{
    return v->flags & VMA_SPECIAL ? -EINVAL : space_set_flags(start, end, VMA_HUGE, VMA_NOHUGE);
}

static int advise_small(struct vma *v, uint64_t start, uint64_t end)
{
    return v->flags & VMA_SPECIAL ? -EINVAL : space_set_flags(start, end, VMA_NOHUGE, VMA_HUGE);
}

/* Advice without effect here: nothing is swapped, read ahead, dumped or inherited. */
static int advise_nothing(struct vma *v, uint64_t start, uint64_t end)
{
    (void)v, (void)start, (void)end;
    return 0;
}

static int advise_cold(struct vma *v, uint64_t start, uint64_t end)
{
    (void)start, (void)end;
    return (v->flags & (VMA_LOCKED | VMA_SPECIAL)) != 0 ? -EINVAL : 0;
}

static int advise_wipe(struct vma *v, uint64_t start, uint64_t end)
{
    (void)start, (void)end;
    return v->file != NULL || (v->flags & VMA_SHARED) != 0 ? -EINVAL : 0;
}

typedef int (*advice_fn)(struct vma *v, uint64_t start, uint64_t end);

static const struct {
    int advice;
    advice_fn act;
} advices[] = {
    {MADV_NORMAL, advise_nothing},      {MADV_RANDOM, advise_nothing},
    {MADV_SEQUENTIAL, advise_nothing},  {MADV_WILLNEED, advise_nothing},
    {MADV_DONTNEED, advise_unneeded},   {MADV_FREE, advise_free},
    {MADV_DONTFORK, advise_nothing},    {MADV_DOFORK, advise_nothing},
    {MADV_HUGEPAGE, advise_huge},       {MADV_NOHUGEPAGE, advise_small},
    {MADV_DONTDUMP, advise_nothing},    {MADV_DODUMP, advise_nothing},
    {MADV_WIPEONFORK, advise_wipe},     {MADV_KEEPONFORK, advise_nothing},
    {MADV_COLD, advise_cold},           {MADV_PAGEOUT, advise_cold},
    {MADV_DONTNEED_LOCKED, drop_pages},
};

/* Apply act to every region in [start, end). Holes: -ENOMEM, after the rest was done. */
static int advise_range(uint64_t start, uint64_t end, advice_fn act)
{
    int hole = 0;
    for (uint64_t at = start; at < end;) {
        struct vma *v = vma_find(&space.tree, at);
        if (v == NULL || v->start >= end) {
            return -ENOMEM;
        }
        hole = v->start > at ? -ENOMEM : hole;
        uint64_t from = max(v->start, at);
        at = min(v->end, end);
        int err = act(v, from, at);
        if (err != 0) {
            return err;
        }
    }
    return hole;
}

/* MADV_REMOVE: a hole in the file behind the first region of [start, end); *next is where to go on.
 * The file is called without space.lock, because it tells the mappings of the change. */
static int remove_one(uint64_t start, uint64_t end, uint64_t *next)
{
    rwlock_share(&space.lock);
    const struct vma *v = vma_at(&space.tree, start);
    int err = v == NULL ? -ENOMEM : 0;
    if (err == 0 && (v->file == NULL || (v->flags & VMA_LOCKED) != 0)) {
        err = -EINVAL;
    }
    if (err == 0 && ((v->flags & VMA_SHARED) == 0 || (v->prot & PROT_WRITE) == 0)) {
        err = -EACCES;
    }
    if (err == 0 && v->file->ops->fallocate == NULL) {
        err = -EOPNOTSUPP;
    }
    struct file *f = err == 0 ? v->file : NULL;
    uint64_t offset = err == 0 ? v->offset + (start - v->start) : 0;
    *next = err == 0 ? min(v->end, end) : end;
    if (f != NULL) {
        file_get(f);
    }
    rwlock_unshare(&space.lock);
    if (f != NULL) {
        int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        err = f->ops->fallocate(f, mode, offset, *next - start);
        file_put(f);
    }
    return err;
}

static int advise_remove(uint64_t start, uint64_t end)
{
    int err = 0;
    while (err == 0 && start < end) {
        err = remove_one(start, end, &start);
    }
    return err;
}

static int advise_populate(uint64_t start, uint64_t end, bool write)
{
    rwlock_share(&space.lock);
    int need = write ? PROT_WRITE : PROT_READ;
    int err = 0;
    for (uint64_t at = start; err == 0 && at < end;) {
        const struct vma *v = vma_at(&space.tree, at);
        err = v == NULL ? -ENOMEM : (v->prot & need) == 0 ? -EINVAL : 0;
        at = v != NULL ? v->end : end;
    }
    rwlock_unshare(&space.lock);
    return err != 0 ? err : mmap_populate(start, end, write);
}

/* Private memory drops its pages as a reader, as faults enter them: allocators of many threads do
 * this all the time. */
static bool is_anonymous(uint64_t start, uint64_t end)
{
    const struct vma *v = vma_at(&space.tree, start);
    return v != NULL && v->end >= end && v->file == NULL && (v->flags & VMA_SHARED) == 0;
}

static int advise_some(uint64_t start, uint64_t end, advice_fn act)
{
    bool drops = act == advise_unneeded || act == advise_free;
    rwlock_share(&space.lock);
    bool shared = drops && is_anonymous(start, end);
    int err = shared ? advise_range(start, end, act) : 0;
    rwlock_unshare(&space.lock);
    if (shared) {
        return err;
    }
    rwlock_lock(&space.lock);
    err = advise_range(start, end, act);
    rwlock_unlock(&space.lock);
    return err;
}

static int advise_table(uint64_t start, uint64_t end, int advice)
{
    for (unsigned i = 0; i < ARRAY_LEN(advices); i++) {
        if (advices[i].advice == advice) {
            return start < end ? advise_some(start, end, advices[i].act) : 0;
        }
    }
    log(MM, INFO, "madvise: advice %d is not supported", advice);
    return -EINVAL;
}

int mmap_advise(uint64_t addr, uint64_t len, int advice)
{
    uint64_t end;
    if (!is_aligned(addr, PAGE_SIZE) || len > UINT64_MAX - PAGE_SIZE ||
        !add_ok(addr, align_up(len, PAGE_SIZE), &end)) {
        return -EINVAL;
    }
    switch (advice) {
    case MADV_REMOVE: return advise_remove(addr, end);
    case MADV_POPULATE_READ:
    case MADV_POPULATE_WRITE: return advise_populate(addr, end, advice == MADV_POPULATE_WRITE);
    default: return advise_table(addr, end, advice);
    }
}

/* Sync the first region of [*at, end), going on at *at. Returns 0, -ENOMEM for a hole, -EBUSY, or
 * what the object says. */
static int sync_one(uint64_t *at, uint64_t end, int flags)
{
    rwlock_share(&space.lock);
    const struct vma *v = vma_find(&space.tree, *at);
    int hole = v == NULL || v->start > *at ? -ENOMEM : 0;
    struct file *f = NULL;
    bool busy = false;
    if (v != NULL && v->start < end) {
        busy = (flags & MS_INVALIDATE) != 0 && (v->flags & VMA_LOCKED) != 0;
        f = (flags & MS_SYNC) != 0 && (v->flags & VMA_SHARED) != 0 && !busy ? v->file : NULL;
    }
    *at = v != NULL ? min(v->end, end) : end;
    if (f != NULL) {
        file_get(f);
    }
    rwlock_unshare(&space.lock);
    int err = busy ? -EBUSY : 0;
    if (f != NULL) {
        err = f->ops->sync != NULL ? f->ops->sync(f) : 0;
        file_put(f);
    }
    return err != 0 ? err : hole;
}

int mmap_sync(uint64_t addr, uint64_t len, int flags)
{
    uint64_t end;
    if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) != 0 || !is_aligned(addr, PAGE_SIZE) ||
        (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC)) {
        return -EINVAL;
    }
    if (len > UINT64_MAX - PAGE_SIZE || !add_ok(addr, align_up(len, PAGE_SIZE), &end)) {
        return -ENOMEM;
    }
    int hole = 0;
    while (addr < end) {
        int err = sync_one(&addr, end, flags);
        if (err != 0 && err != -ENOMEM) {
            return err;
        }
        hole = err != 0 ? err : hole;
    }
    return hole;
}

/* Unmap [start, end) of v: everything, or only what still is the object's own page. */
static void forget_pages(const struct vma *v, uint64_t start, uint64_t end, bool copies)
{
    if (copies || (v->flags & VMA_SHARED) != 0) {
        int err = pmap_remove(start, end);
        assert(err == 0); /* files have no 2 MiB pages to split */
        return;
    }
    for (uint64_t va = pmap_next(start, end); va < end; va = pmap_next(va + PAGE_SIZE, end)) {
        if ((pmap_get(va).flags & PMAP_COPY) != 0) {
            int err = pmap_remove(va, va + PAGE_SIZE);
            assert(err == 0);
        }
    }
}

void space_forget_page(const struct vnode *vnode, uint64_t index, struct pa now)
{
    for (const struct vma *v = vma_find(&space.tree, 0); v != NULL; v = vma_next(v)) {
        uint64_t base = v->offset >> PAGE_SHIFT;
        bool maps = v->file != NULL && v->file->vnode == vnode && index >= base &&
                    index - base < (v->end - v->start) >> PAGE_SHIFT;
        if (!maps) {
            continue;
        }
        uint64_t va = v->start + ((index - base) << PAGE_SHIFT);
        struct pmap_entry e = pmap_get(va);
        if (e.flags != 0 && e.pa.v != now.v) {
            forget_pages(v, va, va + PAGE_SIZE, false);
        }
    }
}

void mmap_forget_file(const struct vnode *vnode, uint64_t first, uint64_t end, bool copies)
{
    rwlock_lock(&space.lock);
    for (const struct vma *v = vma_find(&space.tree, 0); v != NULL; v = vma_next(v)) {
        if (v->file == NULL || v->file->vnode != vnode) {
            continue;
        }
        uint64_t base = v->offset >> PAGE_SHIFT;
        uint64_t npages = (v->end - v->start) >> PAGE_SHIFT;
        uint64_t from = max(first, base);
        uint64_t to = min(end, base + npages);
        if (from < to) {
            uint64_t at = v->start + ((from - base) << PAGE_SHIFT);
            forget_pages(v, at, at + ((to - from) << PAGE_SHIFT), copies);
        }
    }
    rwlock_unlock(&space.lock);
}

int mmap_seal(const struct vnode *vnode, uint32_t *seals, uint32_t add)
{
    int err = 0;
    bool frozen = (*seals & F_SEAL_FUTURE_WRITE) != 0; /* mappings only to read stay so */
    rwlock_lock(&space.lock);
    for (const struct vma *v = vma_find(&space.tree, 0); v != NULL; v = vma_next(v)) {
        bool shared = v->file != NULL && v->file->vnode == vnode && (v->flags & VMA_SHARED) != 0;
        bool writes = frozen ? (v->prot & PROT_WRITE) != 0 : shared && file_writable(v->file);
        err = shared && writes ? -EBUSY : err;
    }
    if (err == 0) {
        __atomic_fetch_or(seals, add, __ATOMIC_RELAXED);
    }
    rwlock_unlock(&space.lock);
    return err;
}
