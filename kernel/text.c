/* SPDX-License-Identifier: MIT */
/* The program's code as the rewriter of system calls handles it: where it lies, and pages of it
 * as
 * private copies that are written through the direct map.
 *
 * Pages become private in one monitor call for a whole window, because that call costs as much as
 * copying a dozen of them. Takes space.lock. Source: mmap(2) MAP_PRIVATE. */
#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/file.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/space.h"
#include "platform/pages.h"

int mmap_text_find(uint64_t addr, struct mmap_text *out)
{
    mutex_lock(&space.lock);
    const struct vma *v = vma_at(&space.tree, addr);
    int err = v == NULL || (v->prot & PROT_EXEC) == 0 ? -EFAULT : 0;
    if (err == 0) {
        *out = (struct mmap_text){.start = v->start,
                                  .end = v->end,
                                  .file = v->file,
                                  .offset = v->offset,
                                  .writable = (v->prot & PROT_WRITE) != 0,
                                  .shared = (v->flags & VMA_SHARED) != 0};
    }
    if (err == 0 && v->file != NULL) {
        file_get(v->file);
    }
    mutex_unlock(&space.lock);
    return err;
}

/* May the rewriter change code in v? */
static int check_text(const struct vma *v)
{
    if (v == NULL || (v->prot & PROT_EXEC) == 0) {
        return -EFAULT;
    }
    bool writable = (v->prot & PROT_WRITE) != 0;
    return writable || (v->flags & (VMA_SHARED | VMA_SPECIAL)) != 0 ? -EACCES : 0;
}

/* Private copies of the pages of v from start on whose bit is in mask and which are the
 * object's. */
static int own_pages(const struct vma *v, uint64_t start, uint16_t mask)
{
    struct pmap_frame copies[PMAP_MANY];
    unsigned n = 0;
    for (unsigned i = 0; i < PMAP_MANY; i++) {
        uint64_t va = start + i * PAGE_SIZE;
        struct pmap_entry e = {.flags = 0};
        if ((mask >> i & 1) != 0 && va >= v->start && va < v->end) {
            e = pmap_get(va);
        }
        struct page *p = (e.flags & PMAP_COPY) != 0 ? space_copy(e.pa) : NULL;
        if (p != NULL) {
            copies[n++] = (struct pmap_frame){va, pages_pa(p)};
        }
    }
    int err = n != 0 ? pmap_replace_many(copies, n, v->prot, PMAP_COUNTED) : 0;
    while (err != 0 && n > 0) {
        pages_put(pages_of(copies[--n].pa));
    }
    return err;
}

void mmap_text_own(uint64_t start, uint16_t mask)
{
    mutex_lock(&space.lock);
    for (unsigned i = 0; i < PMAP_MANY && mask != 0; i++) { /* one region, or a few */
        const struct vma *v = vma_at(&space.tree, start + i * PAGE_SIZE);
        if ((mask >> i & 1) != 0 && check_text(v) == 0) {
            (void)own_pages(v, start, mask); /* what fails is done again page by page */
            mask &= (uint16_t)(0xffff << min((v->end - start) >> PAGE_SHIFT, 16UL));
        }
    }
    mutex_unlock(&space.lock);
}

int mmap_text_page(uint64_t addr, uint8_t **out)
{
    int code;
    uint64_t va = align_down(addr, PAGE_SIZE);
    if (pmap_get(va).flags == 0 && mmap_fault(va, FAULT_USER | FAULT_EXEC, 0, &code) != 0) {
        return -EFAULT;
    }
    mutex_lock(&space.lock);
    const struct vma *v = vma_at(&space.tree, va);
    int err = check_text(v);
    err = err != 0 ? err : own_pages(v, va, 1);
    struct pmap_entry e = pmap_get(va);
    if (err == 0 && (e.flags & PMAP_COPY) != 0) {
        err = -ENOMEM;
    }
    if (err == 0) {
        *out = pages_map(e.pa);
    }
    mutex_unlock(&space.lock);
    return err;
}
