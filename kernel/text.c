/* SPDX-License-Identifier: MIT */
/* The program's code as the rewriter of system calls handles it: where it lies, and pages of it as
 * private copies that are written through the direct map.
 *
 * A page of a file's code that seems to hold system calls comes only when it is itself touched, and
 * as a private copy at once; pages around one without calls come along as the object's. So what the
 * program never executes is neither copied nor judged. Takes space.lock. Source: mmap(2)
 * MAP_PRIVATE. */
#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/file.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/space.h"
#include "platform/pages.h"

#define CHANGE_TRIES 8 /* another thread may unmap what was just faulted in */
#define AROUND_LEN (32 * PAGE_SIZE) /* aligned window that comes with a page, where it is cheap */

static bool (*holds_calls)(const uint8_t *page); /* [I] */

void mmap_set_text_hook(bool (*hook)(const uint8_t *page))
{
    holds_calls = hook;
}

int mmap_text_find(uint64_t addr, struct mmap_text *out)
{
    rwlock_share(&space.lock);
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
    rwlock_unshare(&space.lock);
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

/* A private copy in place of the page at va, if that is still the object's. */
static int own_page(const struct vma *v, uint64_t va)
{
    struct pmap_entry e = pmap_get(va);
    if ((e.flags & PMAP_COPY) == 0) {
        return 0;
    }
    struct page *p = space_copy(e.pa);
    if (p == NULL) {
        return -ENOMEM;
    }
    struct pmap_frame now = {va, pages_pa(p), e.pa};
    int err = pmap_replace(&now, v->prot, PMAP_COUNTED);
    if (err != 0) {
        pages_put(p);
    }
    return err;
}

/* The object's frame for va, as reads see it. */
static int object_page(const struct vma *v, uint64_t va, struct file_page *out)
{
    uint64_t index = (v->offset + (va - v->start)) >> PAGE_SHIFT;
    return v->file->ops->mmap_page(v->file, index, false, out);
}

/* The page at va as a private copy. -EAGAIN: it is not there. */
static int text_page(uint64_t va, uint8_t **out)
{
    const struct vma *v = vma_at(&space.tree, va);
    int err = check_text(v);
    if (err == 0 && pmap_get(va).flags == 0) {
        err = -EAGAIN;
    }
    err = err == 0 ? own_page(v, va) : err;
    if (err == 0) {
        *out = pages_map(pmap_get(va).pa);
    }
    return err;
}

int mmap_text_change(uint64_t addr, size_t len, int (*change)(void *ctx, uint8_t *const pages[2]),
                     void *ctx)
{
    uint64_t first = align_down(addr, PAGE_SIZE);
    uint64_t last = align_down(addr + len - 1, PAGE_SIZE);
    uint8_t *pages[2];
    int err = -EAGAIN;
    for (unsigned i = 0; err == -EAGAIN && i < CHANGE_TRIES; i++) {
        rwlock_lock(&space.lock);
        err = text_page(first, &pages[0]);
        err = err == 0 ? text_page(last, &pages[1]) : err;
        err = err == 0 ? change(ctx, pages) : err;
        rwlock_unlock(&space.lock);
        for (uint64_t va = first; err == -EAGAIN && va <= last; va += PAGE_SIZE) {
            int code;
            bool there = pmap_get(va).flags != 0;
            if (!there && mmap_fault(va, FAULT_USER | FAULT_EXEC, 0, &code) != 0) {
                return -EFAULT;
            }
        }
    }
    return err == -EAGAIN ? -EFAULT : err;
}

bool space_is_text(const struct vma *v)
{
    return holds_calls != NULL && v->file != NULL && check_text(v) == 0;
}

/* A private copy of the object's page at va, where nothing is mapped. */
static int enter_copy(const struct vma *v, uint64_t va, const struct file_page *fp)
{
    struct page *p = space_copy(fp->pa);
    int err = p != NULL ? pmap_enter(va, pages_pa(p), 1, v->prot, PMAP_COUNTED) : -ENOMEM;
    if (err != 0 && p != NULL) {
        pages_put(p);
    }
    return err;
}

/* Whether va can be entered in one run with fp, the frame at base: next to each other in memory as
 * in the program, and without calls. */
static bool continues(const struct vma *v, uint64_t va, uint64_t base, const struct file_page *fp)
{
    struct file_page next;
    if (va < v->start || va >= v->end || pmap_get(va).flags != 0 ||
        object_page(v, va, &next) != 0) {
        return false;
    }
    if (next.page != NULL) {
        pages_put(next.page);
        return false;
    }
    return next.pa.v - fp->pa.v == va - base && !holds_calls(pages_map(next.pa));
}

/* One run of pages, because each costs the monitor more than a fault spares. */
static int enter_run(const struct vma *v, uint64_t page, const struct file_page *fp)
{
    uint64_t start = page;
    uint64_t end = page + PAGE_SIZE;
    if (fp->page != NULL) {
        return pmap_enter(page, fp->pa, 1, v->prot, PMAP_COPY | PMAP_COUNTED);
    }
    while (!is_aligned(start, AROUND_LEN) && continues(v, start - PAGE_SIZE, page, fp)) {
        start -= PAGE_SIZE;
    }
    while (!is_aligned(end, AROUND_LEN) && continues(v, end, page, fp)) {
        end += PAGE_SIZE;
    }
    struct pa pa = {fp->pa.v - (page - start)};
    return pmap_enter(start, pa, (unsigned)((end - start) >> PAGE_SHIFT), v->prot, PMAP_COPY);
}

int space_fault_text(const struct vma *v, uint64_t addr)
{
    struct file_page fp;
    uint64_t page = align_down(addr, PAGE_SIZE);
    int err = object_page(v, page, &fp);
    if (err != 0) {
        return err;
    }
    bool copy = holds_calls(pages_map(fp.pa));
    err = copy ? enter_copy(v, page, &fp) : enter_run(v, page, &fp);
    if (fp.page != NULL && (copy || err != 0)) {
        pages_put(fp.page);
    }
    return err;
}
