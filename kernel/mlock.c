/* SPDX-License-Identifier: MIT */
/* Presence of memory: populate, mlock, mincore.
 *
 * Nothing is ever swapped out, so locking means: present now, counted against RLIMIT_MEMLOCK, and
 * refused by MADV_DONTNEED. Takes space.lock. Source: mlock(2), mlockall(2), mincore(2). */
#include <asm/signal.h>

#include <asm/errno.h>
#include <asm/mman.h>
#include <asm/siginfo.h>
#include <asm/stat.h>
#include <linux/capability.h>
#include <linux/resource.h>

#include "kernel/file.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/process.h"
#include "kernel/space.h"
#include "kernel/uaccess.h"

#define INCORE_CHUNK 256

int mmap_populate(uint64_t start, uint64_t end, bool write)
{
    int code;
    unsigned error = FAULT_USER | (write ? FAULT_WRITE : 0);
    for (uint64_t va = start; va < end; va += PAGE_SIZE) {
        struct pmap_entry e = pmap_get(va);
        if (e.flags != 0 && (!write || (e.flags & PMAP_COPY) == 0)) {
            continue;
        }
        int sig = mmap_fault(va, error, 0, &code);
        if (sig != 0) {
            return sig == SIGKILL || code == SEGV_MAPERR ? -ENOMEM : -EFAULT;
        }
    }
    return 0;
}

static uint64_t locked_pages(void)
{
    uint64_t sum = 0;
    for (const struct vma *v = vma_find(&space.tree, 0); v != NULL; v = vma_next(v)) {
        sum += v->flags & VMA_LOCKED ? (v->end - v->start) >> PAGE_SHIFT : 0;
    }
    return sum;
}

bool space_may_lock(uint64_t npages)
{
    uint64_t limit = process.limits[RLIMIT_MEMLOCK].rlim_cur >> PAGE_SHIFT;
    return process_capable(CAP_IPC_LOCK) || locked_pages() + npages <= limit;
}

static bool may_lock_at_all(void)
{
    return process_capable(CAP_IPC_LOCK) || process.limits[RLIMIT_MEMLOCK].rlim_cur != 0;
}

/* The range as whole pages. Returns 0 or -EINVAL. */
static int whole_pages(uint64_t addr, uint64_t len, uint64_t *start, uint64_t *end)
{
    *start = align_down(addr, PAGE_SIZE);
    *end = *start + align_up(len + (addr - *start), PAGE_SIZE); /* both wrap as in Linux */
    return *end < *start ? -EINVAL : 0;
}

/* Pages of [start, end) are readable at all: with PROT_NONE there is nothing to make present. */
static bool all_readable(uint64_t start, uint64_t end)
{
    for (const struct vma *v = vma_find(&space.tree, start); v != NULL && v->start < end;
         v = vma_next(v)) {
        if (v->prot == PROT_NONE) {
            return false;
        }
    }
    return true;
}

int mmap_lock(uint64_t addr, uint64_t len, bool populate)
{
    uint64_t start;
    uint64_t end;
    if (!may_lock_at_all()) {
        return -EPERM;
    }
    int err = whole_pages(addr, len, &start, &end);
    if (err != 0 || start == end) {
        return err;
    }
    rwlock_lock(&space.lock);
    err = space_may_lock((end - start) >> PAGE_SHIFT) ? 0 : -ENOMEM;
    err = err != 0 ? err : space_set_flags(start, end, VMA_LOCKED, 0);
    if (err == 0 && !all_readable(start, end)) {
        err = -ENOMEM;
    }
    rwlock_unlock(&space.lock);
    if (err == 0 && populate && mmap_populate(start, end, false) != 0) {
        err = -ENOMEM;
    }
    return err;
}

int mmap_unlock(uint64_t addr, uint64_t len)
{
    uint64_t start;
    uint64_t end;
    int err = whole_pages(addr, len, &start, &end);
    if (err != 0 || start == end) {
        return err;
    }
    rwlock_lock(&space.lock);
    err = space_set_flags(start, end, 0, VMA_LOCKED);
    rwlock_unlock(&space.lock);
    return err;
}

/* Give every region the flag, or take it away. */
static int lock_present(bool on)
{
    int err = 0;
    uint64_t at = 0;
    for (struct vma *v; err == 0 && (v = vma_find(&space.tree, at)) != NULL;) {
        at = v->end;
        if ((v->flags & VMA_SPECIAL) == 0) {
            err = space_set_flags(v->start, v->end, on ? VMA_LOCKED : 0, on ? 0 : VMA_LOCKED);
        }
    }
    return err;
}

/* The first region from at on that has rights. */
static bool next_usable(uint64_t at, uint64_t *start, uint64_t *end)
{
    rwlock_share(&space.lock);
    const struct vma *v = vma_find(&space.tree, at);
    while (v != NULL && v->prot == PROT_NONE) {
        v = vma_next(v);
    }
    *start = v != NULL ? v->start : 0;
    *end = v != NULL ? v->end : 0;
    rwlock_unshare(&space.lock);
    return v != NULL;
}

int mmap_lock_all(int flags)
{
    bool on = (flags & MCL_CURRENT) != 0;
    if (flags != 0 && !may_lock_at_all()) {
        return -EPERM;
    }
    rwlock_lock(&space.lock);
    int err = on && !space_may_lock(space.tree.pages - locked_pages()) ? -ENOMEM : 0;
    if (err == 0) {
        space.lock_future = (flags & MCL_FUTURE) != 0;
        err = on || flags == 0 ? lock_present(on) : 0;
    }
    rwlock_unlock(&space.lock);
    uint64_t start = 0;
    uint64_t end = 0;
    bool present = err == 0 && on && (flags & MCL_ONFAULT) == 0;
    while (present && next_usable(end, &start, &end)) {
        (void)mmap_populate(start, end, false); /* as Linux: what cannot be is skipped */
    }
    return err;
}

/* Is the page at va of region v in memory? All files are. */
static bool in_core(const struct vma *v, uint64_t va)
{
    struct stat st;
    if (pmap_get(va).flags != 0) {
        return true;
    }
    if (v->file == NULL || v->file->ops->stat == NULL || v->file->ops->stat(v->file, &st) != 0) {
        return false;
    }
    return v->offset + (va - v->start) < (uint64_t)st.st_size;
}

/* Fill out[n] for the pages from va on. Returns 0 or -ENOMEM at a hole. */
static int incore_chunk(uint64_t va, uint8_t *out, size_t n)
{
    int err = 0;
    rwlock_share(&space.lock);
    for (size_t i = 0; err == 0 && i < n; i++, va += PAGE_SIZE) {
        const struct vma *v = vma_at(&space.tree, va);
        err = v == NULL ? -ENOMEM : 0;
        out[i] = v != NULL && in_core(v, va);
    }
    rwlock_unshare(&space.lock);
    return err;
}

int mmap_incore(uint64_t addr, uint64_t len, uint8_t USER *vec)
{
    uint8_t chunk[INCORE_CHUNK];
    if (!is_aligned(addr, PAGE_SIZE)) {
        return -EINVAL;
    }
    if (addr > USER_MAX || len > USER_MAX - addr) {
        return -ENOMEM;
    }
    uint64_t npages = align_up(len, PAGE_SIZE) >> PAGE_SHIFT;
    if (npages != 0 && !uaccess_ok(vec, npages)) {
        return -EFAULT;
    }
    while (npages != 0) {
        size_t n = min(npages, (uint64_t)INCORE_CHUNK);
        int err = incore_chunk(addr, chunk, n);
        if (err != 0) {
            return err;
        }
        if (uaccess_write(vec, chunk, n) != 0) {
            return -EFAULT;
        }
        addr += n * PAGE_SIZE;
        vec += n;
        npages -= n;
    }
    return 0;
}
