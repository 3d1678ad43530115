/* SPDX-License-Identifier: MIT */
/* Page faults of the program, and of the kernel on the program's behalf.
 *
 * Anonymous memory comes 16 pages at a time, more where faults follow each other, or 2 MiB where
 * the region allows and memory is plentiful; a private file page is mapped from the object until it
 * is written, then copied. A fault and its monitor call cost as much as zeroing or copying dozens
 * of pages, so neighbours come along.
 * Faults are readers of space.lock: those of different regions, and of one, run side by side up to
 * the step that enters their pages, which is pmap's; who comes second there lets the first's stand.
 * Context: takes space.lock; may block in the object. Source: mmap(2), sigaction(2) si_code. */
#include "kernel/mmap.h"

#include <asm/signal.h>

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/mman.h>
#include <asm/siginfo.h>
#include <linux/resource.h>

#include "kernel/ahead.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/pmap.h"
#include "kernel/process.h"
#include "kernel/space.h"
#include "kernel/stackcache.h"
#include "kernel/uaccess.h"
#include "platform/pages.h"

#define AROUND_ORDER 4 /* pages that one fault enters, log2; */
#define AROUND_LEN (PAGE_SIZE << AROUND_ORDER)
#define AROUND_MAX 9 /* the same when faults follow each other */
#define DATA_LEN (256UL << 10) /* a program's data up to this size is copied at the first touch */
#define AROUND_RUNS 16 /* monitor calls that one fault may take */
#define STACK_GUARD (256 * PAGE_SIZE) /* as Linux's stack_guard_gap */
#define FREE_PART 16 /* more than is asked for comes while it is less than 1/16 of what is free */

static bool plentiful(size_t need)
{
    struct pages_stats s;
    pages_stats(&s);
    return s.free / FREE_PART > need;
}

/* The pages around page that a fault there should bring, clipped to v and to what has no entries.
 * Where nothing lies below, memory is probably touched upwards. Two threads may disturb each
 * other's sequence here: they get smaller or larger windows, nothing worse.
 * Returns false when there is an entry at page. */
static bool window_around(struct vma *v, uint64_t page, uint64_t *start, uint64_t *end)
{
    unsigned order = AROUND_ORDER;
    bool follows = __atomic_load_n(&v->around_next, __ATOMIC_RELAXED) == page;
    if (follows) {
        unsigned last = __atomic_load_n(&v->around_order, __ATOMIC_RELAXED);
        order = min(max(last, order) + 1, (unsigned)AROUND_MAX);
    }
    __atomic_store_n(&v->around_order, order, __ATOMIC_RELAXED);
    *start = follows ? page : max(align_down(page, AROUND_LEN), v->start);
    *end = min(page + (PAGE_SIZE << order), v->end);
    if (!pmap_gap(page, start, end)) {
        return false;
    }
    if (*start < page) {
        *end = min(*end, align_down(page, AROUND_LEN) + AROUND_LEN);
    }
    return true;
}

static void window_done(struct vma *v, uint64_t end)
{
    __atomic_store_n(&v->around_next, end, __ATOMIC_RELAXED);
}

static bool huge_fits(const struct vma *v, uint64_t addr)
{
    uint64_t base = align_down(addr, HUGE_SIZE);
    return (v->flags & VMA_NOHUGE) == 0 && base >= v->start && base + HUGE_SIZE <= v->end &&
           pmap_huge_possible(base) && plentiful(1UL << PAGES_HUGE_ORDER);
}

static int enter_huge(const struct vma *v, uint64_t addr)
{
    struct page *p = pages_alloc(PAGES_HUGE_ORDER, PAGES_ZERO);
    if (p == NULL) {
        return -ENOMEM;
    }
    int err = pmap_enter_huge(align_down(addr, HUGE_SIZE), pages_pa(p), v->prot);
    if (err != 0) {
        pages_put(p);
    }
    return err;
}

/* n frames that follow each other, each with a reference; NULL: there are none. */
static struct page *frames_alloc(unsigned n)
{
    unsigned order = n > 1 ? 32 - (unsigned)__builtin_clz(n - 1) : 0;
    struct page *p = pages_alloc(order, 0);
    if (p == NULL) {
        return NULL;
    }
    pages_split(p);
    for (unsigned i = n; i < 1U << order; i++) {
        pages_put(p + i);
    }
    return p;
}

static void frames_put(struct page *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        pages_put(p + i);
    }
}

int space_enter_zeroed(const struct vma *v, uint64_t start, uint64_t end)
{
    unsigned n = (unsigned)((end - start) >> PAGE_SHIFT);
    struct page *p = frames_alloc(n);
    if (p == NULL) {
        return -ENOMEM;
    }
    memset(pages_va(p), 0, end - start);
    int err = pmap_enter(start, pages_pa(p), n, v->prot, PMAP_COUNTED);
    if (err != 0) {
        frames_put(p, n);
    }
    return err;
}

void space_enter_ahead(const struct vma *v, uint64_t start, uint64_t end)
{
    while (start < end) {
        uint64_t next = min(end, align_down(start, HUGE_SIZE) + HUGE_SIZE);
        if (!plentiful((next - start) >> PAGE_SHIFT) || space_enter_zeroed(v, start, next) != 0) {
            return;
        }
        start = next;
    }
}

static int fault_anonymous(struct vma *v, uint64_t page)
{
    uint64_t start;
    uint64_t end;
    if (huge_fits(v, page)) {
        int err = enter_huge(v, page);
        if (err != -ENOMEM) {
            return err;
        }
    }
    if (!window_around(v, page, &start, &end)) {
        return -EEXIST;
    }
    int err = -ENOMEM;
    if (plentiful((end - start) >> PAGE_SHIFT)) {
        err = space_enter_zeroed(v, start, end);
        window_done(v, end);
    }
    return err == -ENOMEM ? space_enter_zeroed(v, page, page + PAGE_SIZE) : err;
}

/* The object's frame for va. Returns 0, -ENXIO past its end, -ENOMEM. */
static int object_page(const struct vma *v, uint64_t va, bool write, struct file_page *out)
{
    uint64_t index = (v->offset + (va - v->start)) >> PAGE_SHIFT;
    int err = v->file->ops->mmap_page(v->file, index, write, out);
    if (err == 0 && write && out->replaces && v->file->vnode != NULL) {
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

/* Nobody can change the object's pages through v's file: copies may be made before they are
 * needed. */
static bool is_steady(const struct vma *v)
{
    return (v->file->flags & O_ACCMODE) == O_RDONLY;
}

/* Copy the object's pages for [*start, *end) to the frames from p on. Those that cannot be had
 * shorten the range, but for page itself. */
static int copy_object(const struct vma *v, uint64_t page, uint64_t *start, uint64_t *end,
                       struct page *p)
{
    for (uint64_t va = *start; va < *end; va += PAGE_SIZE) {
        struct file_page fp;
        int err = object_page(v, va, false, &fp);
        if (err != 0 && va > page) {
            *end = va;
            return 0;
        }
        if (err != 0 && va < page) { /* begin again with page */
            *start = page;
            va = page - PAGE_SIZE;
            continue;
        }
        if (err != 0) {
            return err;
        }
        memcpy(pages_va(p + ((va - *start) >> PAGE_SHIFT)), pages_map(fp.pa), PAGE_SIZE);
        page_drop(&fp);
    }
    return 0;
}

/* Private copies of [start, end), where nothing is mapped. */
static int enter_copies(const struct vma *v, uint64_t page, uint64_t start, uint64_t end)
{
    unsigned n = (unsigned)((end - start) >> PAGE_SHIFT);
    struct page *p = frames_alloc(n);
    if (p == NULL) {
        return -ENOMEM;
    }
    int err = copy_object(v, page, &start, &end, p);
    unsigned used = err == 0 ? (unsigned)((end - start) >> PAGE_SHIFT) : 0;
    err = err != 0 ? err : pmap_enter(start, pages_pa(p), used, v->prot, PMAP_COUNTED);
    frames_put(p + (err == 0 ? used : 0), err == 0 ? n - used : n);
    return err;
}

/* First write to a private file page that is not mapped yet. */
static int fault_file_write(const struct vma *v, uint64_t page)
{
    struct file_page fp;
    int there = object_page(v, page, false, &fp);
    if (there != 0) { /* said before memory is asked for */
        return there;
    }
    page_drop(&fp);
    uint64_t start = max(align_down(page, AROUND_LEN), v->start);
    uint64_t end = min(align_down(page, AROUND_LEN) + AROUND_LEN, v->end);
    if (!pmap_gap(page, &start, &end)) {
        return -EEXIST;
    }
    int err = -ENOMEM;
    if (is_steady(v) && plentiful((end - start) >> PAGE_SHIFT)) {
        err = enter_copies(v, page, start, end);
    }
    return err == -ENOMEM ? enter_copies(v, page, page, page + PAGE_SIZE) : err;
}

/* Enter [va, va + n pages) of frames that follow each other from that of va on; more pages are
 * fetched and added as long as they do. Returns the number entered, or a negative errno when not
 * even the first was. */
static long enter_run(const struct vma *v, uint64_t va, uint64_t end, bool write, unsigned flags)
{
    struct file_page first;
    struct file_page next;
    int err = object_page(v, va, write, &first);
    if (err != 0) {
        return err;
    }
    unsigned n = 1;
    for (uint64_t at = va + PAGE_SIZE; at < end; at += PAGE_SIZE, n++) {
        if (object_page(v, at, write, &next) != 0) {
            break;
        }
        bool counted = next.page != NULL;
        if (counted != (first.page != NULL) || next.pa.v != first.pa.v + n * PAGE_SIZE) {
            page_drop(&next);
            break;
        }
    }
    flags |= first.page != NULL ? PMAP_COUNTED : 0;
    err = pmap_enter(va, first.pa, n, v->prot, flags);
    for (unsigned i = 0; err != 0 && first.page != NULL && i < n; i++) {
        pages_put(pages_of((struct pa){first.pa.v + i * PAGE_SIZE}));
    }
    return err != 0 ? err : (long)n;
}

static void enter_runs(const struct vma *v, uint64_t va, uint64_t end, bool write, unsigned flags)
{
    for (unsigned runs = 0; va < end && runs < AROUND_RUNS; runs++) {
        long n = enter_run(v, va, end, write, flags);
        if (n <= 0) {
            return;
        }
        va += (uint64_t)n * PAGE_SIZE;
    }
}

static int fault_file(struct vma *v, uint64_t page, bool write)
{
    bool shared = (v->flags & VMA_SHARED) != 0;
    bool writable = (v->prot & PROT_WRITE) != 0;
    bool small_data = writable && v->end - v->start <= DATA_LEN && is_steady(v);
    if (!shared && (write || small_data)) {
        return fault_file_write(v, page);
    }
    if (space_is_text(v)) {
        return space_fault_text(v, page);
    }
    uint64_t start;
    uint64_t end;
    if (!window_around(v, page, &start, &end)) {
        return -EEXIST;
    }
    window_done(v, end);
    bool write_through = shared && writable;
    unsigned flags = write_through ? 0 : PMAP_COPY;
    long n = enter_run(v, page, end, write_through, flags);
    if (n < 0) {
        return (int)n;
    }
    enter_runs(v, page + (uint64_t)n * PAGE_SIZE, end, write_through, flags);
    enter_runs(v, start, page, write_through, flags);
    return 0;
}

static bool is_copy(uint64_t va)
{
    return (pmap_get(va).flags & PMAP_COPY) != 0;
}

/* Private copies of the object's frames mapped around page, in one step. */
static int copy_mapped(const struct vma *v, uint64_t page, bool around)
{
    static_assert(PMAP_MANY == 1 << AROUND_ORDER, "a window is replaced at once");
    struct pmap_frame frames[PMAP_MANY];
    uint64_t start = page;
    uint64_t end = page + PAGE_SIZE;
    uint64_t low = max(align_down(page, AROUND_LEN), v->start);
    uint64_t high = min(align_down(page, AROUND_LEN) + AROUND_LEN, v->end);
    while (around && start > low && is_copy(start - PAGE_SIZE)) {
        start -= PAGE_SIZE;
    }
    while (around && end < high && is_copy(end)) {
        end += PAGE_SIZE;
    }
    unsigned n = (unsigned)((end - start) >> PAGE_SHIFT);
    struct page *p = frames_alloc(n);
    if (p == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        uint64_t va = start + i * PAGE_SIZE;
        frames[i] = (struct pmap_frame){va, pages_pa(p + i), pmap_get(va).pa};
        if (frames[i].was.v != 0) { /* else it has just gone, and replacing will fail */
            memcpy(pages_va(p + i), pages_map(frames[i].was), PAGE_SIZE);
        }
    }
    int err = pmap_replace_many(frames, n, v->prot, PMAP_COUNTED);
    if (err != 0) {
        frames_put(p, n);
    }
    return err;
}

/* A write to an entry that is read-only in hardware: give it a private or a writable frame. */
static int fault_copy(const struct vma *v, uint64_t page, const struct pmap_entry *e)
{
    if ((v->flags & VMA_SHARED) == 0) {
        bool around = is_steady(v) && plentiful(PMAP_MANY);
        int err = around ? copy_mapped(v, page, true) : -ENOMEM;
        return err == -ENOMEM ? copy_mapped(v, page, false) : err;
    }
    struct file_page fp;
    int err = object_page(v, page, true, &fp);
    if (err != 0) {
        return err;
    }
    unsigned flags = fp.page != NULL ? PMAP_COUNTED : 0;
    struct pmap_frame now = {page, fp.pa, e->pa};
    err = pmap_get(page).flags != 0 ? pmap_replace_many(&now, 1, v->prot, flags)
                                    : pmap_enter(page, fp.pa, 1, v->prot, flags);
    if (err != 0) {
        page_drop(&fp);
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
    stackcache_evict(start, v->start);
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

static int resolve(struct vma *v, uint64_t page, unsigned error)
{
    bool write = (error & FAULT_WRITE) != 0;
    struct pmap_entry e = pmap_get(page);
    if (e.flags == 0) {
        ahead_touched(page);
        return v->file != NULL ? fault_file(v, page, write) : fault_anonymous(v, page);
    }
    if (write && (e.flags & PMAP_COPY) != 0) {
        return fault_copy(v, page, &e);
    }
    /* There is a frame but the hardware disagrees: rights were set aside by a split. */
    return pmap_protect(page, page + PAGE_SIZE, v->prot);
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

/* Must this fault be alone? See struct space. */
static bool fault_excludes(const struct vma *v, uint64_t addr)
{
    if (v == NULL) {
        const struct vma *above = vma_find(&space.tree, addr);
        return above != NULL && (above->flags & VMA_GROWS) != 0;
    }
    return v->file != NULL && (v->flags & VMA_SHARED) != 0 && (v->prot & PROT_WRITE) != 0;
}

static int fault_locked(struct vma *v, uint64_t addr, unsigned error, int *code)
{
    *code = v == NULL ? SEGV_MAPERR : SEGV_ACCERR;
    if (v == NULL || !allowed(v, error)) {
        return SIGSEGV;
    }
    *code = BUS_ADRERR;
    int err = resolve(v, align_down(addr, PAGE_SIZE), error);
    if (err == 0 || err == -EEXIST) { /* EEXIST: another thread was faster */
        return 0;
    }
    return err == -ENOMEM ? SIGKILL : SIGBUS;
}

int mmap_fault(uint64_t addr, unsigned error, uint64_t rsp, int *code)
{
    (void)rsp;
    __atomic_fetch_add(&space.faults, 1, __ATOMIC_RELAXED);
    rwlock_share(&space.lock);
    struct vma *v = vma_at(&space.tree, addr);
    bool alone = fault_excludes(v, addr);
    int sig = alone ? 0 : fault_locked(v, addr, error, code);
    rwlock_unshare(&space.lock);
    if (!alone && sig != SIGKILL) { /* SIGKILL: out of memory; kept stacks go first */
        return sig;
    }
    rwlock_lock(&space.lock);
    v = vma_at(&space.tree, addr);
    v = v != NULL ? v : grow_stack(addr);
    sig = fault_locked(v, addr, error, code);
    if (sig == SIGKILL && stackcache_evict(0, USER_MAX)) {
        sig = fault_locked(v, addr, error, code);
    }
    rwlock_unlock(&space.lock);
    return sig;
}
