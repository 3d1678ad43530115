/* SPDX-License-Identifier: MIT */
/* Page faults of the program, and of the kernel on the program's behalf.
 *
 * Anonymous memory comes 16 pages at a time, or 2 MiB where the region allows and memory is
 * plentiful; a private file page is mapped from the object until it is written, then copied. Every
 * monitor call costs as much as copying several pages, so neighbours come along when they are
 * cheap.
 * Context: takes space.lock; may block in the object. Source: mmap(2), sigaction(2) si_code. */
#include "kernel/mmap.h"

#include <asm/signal.h>

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/mman.h>
#include <asm/siginfo.h>
#include <linux/resource.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/pmap.h"
#include "kernel/process.h"
#include "kernel/space.h"
#include "kernel/uaccess.h"
#include "platform/pages.h"

#define AROUND_ORDER 4
#define AROUND_LEN (PAGE_SIZE << AROUND_ORDER)
#define COPY_AROUND 4 /* private file pages that one write fault copies */
#define STACK_GUARD (256 * PAGE_SIZE) /* as Linux's stack_guard_gap */
#define HUGE_PART 4 /* 2 MiB pages while more than 1/4 of memory is free, */
#define AROUND_PART 8 /* fault-around while more than 1/8 is */

static bool plentiful(unsigned part, size_t need)
{
    struct pages_stats s;
    pages_stats(&s);
    return s.free > need + s.total / part;
}

/* [*start, *end): the part of the aligned window around addr that v covers and nothing is mapped
 * in. */
static void window_around(const struct vma *v, uint64_t addr, uint64_t len, uint64_t *start,
                          uint64_t *end)
{
    uint64_t low = align_down(addr, len);
    uint64_t high = min(low + len, v->end);
    low = max(low, v->start);
    *start = align_down(addr, PAGE_SIZE);
    *end = *start + PAGE_SIZE;
    while (*start > low && pmap_get(*start - PAGE_SIZE).flags == 0) {
        *start -= PAGE_SIZE;
    }
    while (*end < high && pmap_get(*end).flags == 0) {
        *end += PAGE_SIZE;
    }
}

static bool huge_fits(const struct vma *v, uint64_t addr)
{
    uint64_t base = align_down(addr, HUGE_SIZE);
    return (v->flags & VMA_NOHUGE) == 0 && base >= v->start && base + HUGE_SIZE <= v->end &&
           pmap_huge_possible(base) && plentiful(HUGE_PART, 1UL << PAGES_HUGE_ORDER);
}

static bool enter_huge(const struct vma *v, uint64_t addr)
{
    struct page *p = pages_alloc(PAGES_HUGE_ORDER, PAGES_ZERO);
    if (p == NULL) {
        return false;
    }
    if (pmap_enter_huge(align_down(addr, HUGE_SIZE), pages_pa(p), v->prot) != 0) {
        pages_put(p);
        return false;
    }
    return true;
}

/* Enter a fresh block of 2^order zeroed pages at va. */
static int enter_zeroed(const struct vma *v, uint64_t va, unsigned order)
{
    struct page *p = pages_alloc(order, PAGES_ZERO);
    if (p == NULL) {
        return -ENOMEM;
    }
    pages_split(p);
    int err = pmap_enter(va, pages_pa(p), 1U << order, v->prot, PMAP_COUNTED);
    for (unsigned i = 0; err != 0 && i < 1U << order; i++) {
        pages_put(p + i);
    }
    return err;
}

static int fault_anonymous(const struct vma *v, uint64_t addr)
{
    uint64_t start;
    uint64_t end;
    if (huge_fits(v, addr) && enter_huge(v, addr)) {
        return 0;
    }
    uint64_t page = align_down(addr, PAGE_SIZE);
    if (plentiful(AROUND_PART, 1UL << AROUND_ORDER)) {
        window_around(v, addr, AROUND_LEN, &start, &end);
        for (unsigned order = AROUND_ORDER; order > 0; order--) {
            uint64_t at = align_down(page, PAGE_SIZE << order);
            bool fits = at >= start && at + (PAGE_SIZE << order) <= end;
            if (fits && enter_zeroed(v, at, order) == 0) {
                return 0;
            }
        }
    }
    return enter_zeroed(v, page, 0);
}

/* The object's frame for va. Returns 0, -ENXIO past its end, -ENOMEM. */
static int object_page(const struct vma *v, uint64_t va, bool write, struct file_page *out)
{
    uint64_t index = (v->offset + (va - v->start)) >> PAGE_SHIFT;
    int err = v->file->ops->mmap_page(v->file, index, write, out);
    if (err == 0 && write && v->file->vnode != NULL) { /* may be another than was mapped so far */
        space_forget_page(v->file->vnode, index, out->pa);
    }
    return err;
}

static void page_drop(const struct file_page *fp)
{
    if (fp->page != NULL) {
        pages_put(fp->page);
    }
}

struct page *space_copy(struct pa from)
{
    struct page *p = pages_alloc(0, 0);
    if (p != NULL) {
        memcpy(pages_va(p), pages_map(from), PAGE_SIZE);
    }
    return p;
}

/* First write to a private file page that is not mapped yet. */
static int enter_copy(const struct vma *v, uint64_t va)
{
    struct file_page fp;
    int err = object_page(v, va, false, &fp);
    if (err != 0) {
        return err;
    }
    struct page *p = space_copy(fp.pa);
    page_drop(&fp);
    if (p == NULL) {
        return -ENOMEM;
    }
    err = pmap_enter(va, pages_pa(p), 1, v->prot, PMAP_COUNTED);
    if (err != 0) {
        pages_put(p);
    }
    return err;
}

static int fault_file_write(const struct vma *v, uint64_t addr)
{
    uint64_t start;
    uint64_t end;
    uint64_t page = align_down(addr, PAGE_SIZE);
    int err = enter_copy(v, page);
    /* else later writes must show in the rest */
    bool steady = (v->file->flags & O_ACCMODE) == O_RDONLY;
    if (err != 0 || !steady || !plentiful(AROUND_PART, COPY_AROUND)) {
        return err;
    }
    window_around(v, addr, COPY_AROUND * PAGE_SIZE, &start, &end);
    for (uint64_t va = page + PAGE_SIZE; va < end; va += PAGE_SIZE) {
        if (enter_copy(v, va) != 0) {
            break;
        }
    }
    return 0;
}

/* Enter [va, va + n pages) of frames that follow each other from fp; more pages are fetched and
 * added as long as they do. Returns the number entered, or a negative errno when not even the first
 * was. */
static long enter_run(const struct vma *v, uint64_t va, uint64_t end, bool write, unsigned flags)
{
    struct file_page first;
    int err = object_page(v, va, write, &first);
    if (err != 0) {
        return err;
    }
    unsigned n = 1;
    if (first.page == NULL) { /* frames of the image: uncounted, mostly contiguous */
        struct file_page next;
        for (uint64_t at = va + PAGE_SIZE; at < end; at += PAGE_SIZE, n++) {
            if (object_page(v, at, write, &next) != 0) {
                break;
            }
            if (next.page != NULL || next.pa.v != first.pa.v + n * PAGE_SIZE) {
                page_drop(&next);
                break;
            }
        }
    } else {
        flags |= PMAP_COUNTED;
    }
    err = pmap_enter(va, first.pa, n, v->prot, flags);
    if (err != 0) {
        page_drop(&first);
        return err;
    }
    return (long)n;
}

static int fault_file(const struct vma *v, uint64_t addr, bool write)
{
    bool shared = (v->flags & VMA_SHARED) != 0;
    bool writable = shared && (v->prot & PROT_WRITE) != 0;
    uint64_t start;
    uint64_t end;
    if (write && !shared) {
        return fault_file_write(v, addr);
    }
    if (space_is_text(v)) {
        return space_fault_text(v, addr);
    }
    window_around(v, addr, AROUND_LEN, &start, &end);
    uint64_t page = align_down(addr, PAGE_SIZE);
    unsigned flags = writable ? 0 : PMAP_COPY;
    long n = enter_run(v, page, end, writable, flags);
    if (n < 0) {
        return (int)n;
    }
    for (uint64_t va = page + (uint64_t)n * PAGE_SIZE; va < end; va += (uint64_t)n * PAGE_SIZE) {
        n = enter_run(v, va, end, writable, flags);
        if (n <= 0) {
            break;
        }
    }
    for (uint64_t va = start; va < page; va += (uint64_t)n * PAGE_SIZE) {
        n = enter_run(v, va, page, writable, flags);
        if (n <= 0) {
            break;
        }
    }
    return 0;
}

/* A write to an entry that is read-only in hardware: give it a private or a writable frame. */
static int fault_copy(const struct vma *v, uint64_t addr, const struct pmap_entry *e)
{
    uint64_t va = align_down(addr, PAGE_SIZE);
    if ((v->flags & VMA_SHARED) != 0) {
        struct file_page fp;
        int err = object_page(v, va, true, &fp);
        if (err != 0) {
            return err;
        }
        unsigned flags = fp.page != NULL ? PMAP_COUNTED : 0;
        err = pmap_get(va).flags != 0 ? pmap_replace(va, fp.pa, v->prot, flags)
                                      : pmap_enter(va, fp.pa, 1, v->prot, flags);
        if (err != 0) {
            page_drop(&fp);
        }
        return err;
    }
    struct page *p = space_copy(e->pa);
    if (p == NULL) {
        return -ENOMEM;
    }
    int err = pmap_replace(va, pages_pa(p), v->prot, PMAP_COUNTED);
    if (err != 0) {
        pages_put(p);
    }
    return err;
}

/* The stack region below which addr lies grows down to it, keeping its distance from what is
 * there. */
static struct vma *grow_stack(uint64_t addr)
{
    struct vma *v = vma_find(&space.tree, addr);
    if (v == NULL || (v->flags & VMA_GROWS) == 0) {
        return NULL;
    }
    uint64_t start = align_down(addr, PAGE_SIZE);
    const struct vma *below = vma_prev(v);
    uint64_t limit = process.limits[RLIMIT_STACK].rlim_cur;
    bool clear = below == NULL || start - below->end >= STACK_GUARD || below->prot == PROT_NONE;
    if (!clear || v->end - start > limit || !space_may_grow(v, (v->start - start) >> PAGE_SHIFT)) {
        return NULL;
    }
    vma_extend(&space.tree, v, start, v->end);
    return v;
}

static bool allowed(const struct vma *v, unsigned error)
{
    if (error & FAULT_WRITE) {
        return (v->prot & PROT_WRITE) != 0;
    }
    if (error & FAULT_EXEC) {
        return (v->prot & PROT_EXEC) != 0;
    }
    return v->prot != PROT_NONE;
}

static int resolve(const struct vma *v, uint64_t addr, unsigned error)
{
    bool write = (error & FAULT_WRITE) != 0;
    struct pmap_entry e = pmap_get(addr);
    uint64_t va = align_down(addr, PAGE_SIZE);
    if (e.flags == 0) {
        return v->file != NULL ? fault_file(v, addr, write) : fault_anonymous(v, addr);
    }
    if (write && (e.flags & PMAP_COPY) != 0) {
        return fault_copy(v, addr, &e);
    }
    /* There is a frame but the hardware disagrees: rights were set aside by a split. */
    return pmap_protect(va, va + PAGE_SIZE, v->prot);
}

void mmap_report_full(void)
{
    struct pages_stats s;
    struct mmap_stats m;
    pages_stats(&s);
    mmap_stats(&m);
    log(MM, ERROR,
        "out of memory: %lu of %lu KiB in use, %lu KiB by the program; it is killed. "
        "Give the machine more with -m",
        (s.total - s.free) * 4, s.total * 4, m.resident_pages * 4);
}

int mmap_fault(uint64_t addr, unsigned error, uint64_t rsp, int *code)
{
    (void)rsp;
    mutex_lock(&space.lock);
    space.faults++;
    const struct vma *v = vma_at(&space.tree, addr);
    v = v != NULL ? v : grow_stack(addr);
    *code = v == NULL ? SEGV_MAPERR : SEGV_ACCERR;
    int sig = SIGSEGV;
    if (v != NULL && allowed(v, error)) {
        int err = resolve(v, addr, error);
        sig = err == 0 ? 0 : SIGBUS;
        *code = BUS_ADRERR;
        sig = err == -ENOMEM ? SIGKILL : sig;
    }
    mutex_unlock(&space.lock);
    return sig;
}
