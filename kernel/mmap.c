/* SPDX-License-Identifier: MIT */
/* The program's regions: map, unmap, protect, and what is derived from them.
 *
 * Owns the region tree; pmap.c knows the frames. A region without PROT bits keeps its frames but
 * none is mapped. space.lock is a sleeping lock, because objects may block while they find a page;
 * nothing under it touches the program's memory. Source: mmap(2), munmap(2), mprotect(2), brk(2),
 * proc(5). */
#include "kernel/mmap.h"

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/mman.h>
#include <asm/stat.h>
#include <linux/mman.h>

#include "kernel/ahead.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/pmap.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/space.h"
#include "kernel/stackcache.h"
#include "kernel/uaccess.h"
#include "platform/pages.h"

#define PROT_ALL (PROT_READ | PROT_WRITE | PROT_EXEC)
#define STACK_GAP (256UL << 20) /* mmap area starts this far below the stack */
/* A hypervisor with shadow page tables looks at so many entries at once, from an aligned one up to
 * the first that is absent: for a region that begins there it is asked an eighth as often. */
#define GROUP_LEN (8 * PAGE_SIZE)
#define OVERCOMMIT 16 /* times the memory: more than that is refused at once */

struct space space;

void mmap_init(const uint64_t entropy[4])
{
    (void)entropy; /* random.c was seeded with it */
    rwlock_init(&space.lock);
    uint64_t shift = random_u64() % SPACE_RANDOM_PAGES * PAGE_SIZE;
    space.mmap_top = SPACE_STACK_TOP - STACK_GAP - (1UL << 40) - shift;
}

void mmap_set_forget_hook(void (*forget)(uint64_t start, uint64_t end))
{
    space.forget = forget;
}

bool space_range_ok(uint64_t addr, uint64_t len, uint64_t *end)
{
    if (!is_aligned(addr, PAGE_SIZE) || addr > USER_MAX || len > USER_MAX) {
        return false;
    }
    *end = addr + align_up(len, PAGE_SIZE);
    return *end <= USER_MAX;
}

static int cut_at(uint64_t at)
{
    struct vma *v = vma_at(&space.tree, at);
    if (v == NULL || v->start == at) {
        return 0;
    }
    struct vma *upper = heap_alloc(sizeof(*upper));
    if (upper == NULL) {
        return -ENOMEM;
    }
    vma_cut(&space.tree, v, at, upper);
    if (upper->file != NULL) {
        file_get(upper->file);
    }
    return 0;
}

int space_carve(uint64_t start, uint64_t end)
{
    int err = cut_at(start);
    return err != 0 ? err : cut_at(end);
}

static void vma_destroy(struct vma *v)
{
    vma_remove(&space.tree, v);
    if (v->file != NULL) {
        file_put(v->file);
    }
    heap_free(v);
}

void space_merge(struct vma *v)
{
    struct vma *below = vma_prev(v);
    if (below != NULL && vma_can_merge(below, v)) {
        uint64_t end = v->end;
        vma_destroy(v);
        vma_extend(&space.tree, below, below->start, end);
        v = below;
    }
    struct vma *above = vma_next(v);
    if (above != NULL && vma_can_merge(v, above)) {
        uint64_t end = above->end;
        vma_destroy(above);
        vma_extend(&space.tree, v, v->start, end);
    }
}

void space_lock(void)
{
    rwlock_lock(&space.lock);
    stackcache_settle();
}

int space_add(const struct vma *template)
{
    struct vma *v = heap_alloc(sizeof(*v));
    if (v == NULL) {
        return -ENOMEM;
    }
    *v = *template;
    if (v->file != NULL) {
        file_get(v->file);
    }
    stackcache_evict(v->start, v->end);
    vma_insert(&space.tree, v);
    space_merge(v);
    return 0;
}

int space_unmap(uint64_t start, uint64_t end)
{
    int err = space_carve(start, end);
    if (err == 0 && !stackcache_keep(start, end)) {
        err = pmap_remove(start, end);
    }
    if (err != 0) {
        return err;
    }
    ahead_gone(start, end);
    bool text = false;
    for (struct vma *v = vma_find(&space.tree, start); v != NULL && v->start < end;) {
        struct vma *next = vma_next(v);
        text |= (v->prot & PROT_EXEC) != 0;
        vma_destroy(v);
        v = next;
    }
    if (text && space.forget != NULL) {
        space.forget(start, end);
    }
    return 0;
}

uint64_t space_place(uint64_t hint, uint64_t len)
{
    hint = align_down(hint, PAGE_SIZE);
    if (hint >= USER_MIN && hint < USER_MAX && len <= USER_MAX - hint) {
        const struct vma *v = vma_find(&space.tree, hint);
        if (v == NULL || v->start >= hint + len) {
            return hint;
        }
    }
    uint64_t at = 0;
    uint64_t unit = len >= HUGE_SIZE ? HUGE_SIZE : len >= GROUP_LEN ? GROUP_LEN : 0;
    if (unit != 0) { /* aligned for 2 MiB pages, or groups, when there is room */
        uint64_t wide = vma_gap_below(&space.tree, USER_MIN, space.mmap_top, len + unit);
        at = wide != 0 ? align_down(wide + unit, unit) : 0; /* no hole above that need not be */
    }
    return at != 0 ? at : vma_gap_below(&space.tree, USER_MIN, space.mmap_top, len);
}

/* Checks of mmap(2) that depend on the file. */
static int check_file(const struct file *f, int prot, int flags)
{
    unsigned mode = f->flags & O_ACCMODE;
    if (mode == O_WRONLY ||
        ((flags & MAP_TYPE) != MAP_PRIVATE && (prot & PROT_WRITE) != 0 && mode != O_RDWR)) {
        return -EACCES;
    }
    return f->ops->mmap_page != NULL ? 0 : -ENODEV;
}

static int check_flags(int flags, uint64_t len, bool anonymous)
{
    int type = flags & MAP_TYPE;
    bool valid = type == MAP_PRIVATE || type == MAP_SHARED || type == MAP_SHARED_VALIDATE;
    if (!valid || len == 0 || (flags & MAP_HUGETLB) != 0) {
        return -EINVAL;
    }
    if (type == MAP_SHARED_VALIDATE && (flags & MAP_SYNC) != 0) {
        return -EOPNOTSUPP;
    }
    return !anonymous && (flags & MAP_GROWSDOWN) != 0 ? -EINVAL : 0;
}

/* Where the mapping goes: the address, or a negative errno. Fixed places are cleared. */
static long choose_place(uint64_t addr, uint64_t len, int flags, const struct vma *like)
{
    uint64_t end;
    if ((flags & (MAP_FIXED | MAP_FIXED_NOREPLACE)) == 0) {
        uint64_t at = addr == 0 ? stackcache_claim(like, len) : 0;
        at = at != 0 ? at : space_place(addr, len);
        return at != 0 ? (long)at : -ENOMEM;
    }
    if (!is_aligned(addr, PAGE_SIZE)) {
        return -EINVAL;
    }
    if (!space_range_ok(addr, len, &end)) {
        return -ENOMEM;
    }
    if (addr < USER_MIN) {
        return -EPERM; /* below vm.mmap_min_addr */
    }
    const struct vma *v = vma_find(&space.tree, addr);
    if (v != NULL && v->start < end) {
        if ((flags & MAP_FIXED_NOREPLACE) != 0) {
            return -EEXIST;
        }
        int err = space_unmap(addr, end);
        if (err != 0) {
            return err;
        }
    }
    return (long)addr;
}

/* RLIMIT_DATA counts what a program fills itself: private, writable, no stack. */
static bool is_data(const struct vma *v)
{
    return (v->prot & PROT_WRITE) != 0 && (v->flags & (VMA_SHARED | VMA_GROWS)) == 0;
}

static bool fits_data(const struct vma *like, uint64_t npages)
{
    const struct rlimit64 *r = &process.limits[RLIMIT_DATA];
    uint64_t limit = r->rlim_cur != 0 ? r->rlim_cur : r->rlim_max; /* as Linux: 0 is for brk only */
    if (limit == RLIM64_INFINITY || !is_data(like)) {
        return true;
    }
    for (const struct vma *v = vma_find(&space.tree, 0); v != NULL; v = vma_next(v)) {
        npages += is_data(v) ? (v->end - v->start) >> PAGE_SHIFT : 0;
    }
    return npages <= limit >> PAGE_SHIFT;
}

bool space_may_grow(const struct vma *like, uint64_t npages)
{
    uint64_t limit = process.limits[RLIMIT_AS].rlim_cur;
    bool fits = limit == RLIM64_INFINITY || space.tree.pages + npages <= limit >> PAGE_SHIFT;
    return fits && fits_data(like, npages);
}

bool space_hopeless(uint64_t len)
{
    struct pages_stats frames;
    pages_stats(&frames);
    return len >> PAGE_SHIFT > frames.total * OVERCOMMIT;
}

/* Pages of [start, end) that are mapped now and that a fixed mapping there would replace. */
static uint64_t pages_within(uint64_t start, uint64_t end)
{
    uint64_t sum = 0;
    for (const struct vma *v = vma_find(&space.tree, start); v != NULL && v->start < end;
         v = vma_next(v)) {
        sum += (min(v->end, end) - max(v->start, start)) >> PAGE_SHIFT;
    }
    return sum;
}

/* v would write to an object that is sealed against it. */
static bool is_sealed(const struct vma *v, int prot)
{
    return (v->flags & VMA_SHARED) != 0 && (prot & PROT_WRITE) != 0 && v->file != NULL &&
           v->file->ops->mmap_sealed != NULL && v->file->ops->mmap_sealed(v->file);
}

static long map_locked(uint64_t addr, uint64_t len, struct vma *v, int flags)
{
    if (is_sealed(v, v->prot)) { /* asked under space.lock: see mmap_seal */
        return -EPERM;
    }
    uint64_t replaced = flags & MAP_FIXED ? pages_within(addr, addr + len) : 0;
    if (!space_may_grow(v, (len >> PAGE_SHIFT) - replaced)) {
        return -ENOMEM;
    }
    if ((flags & MAP_LOCKED) != 0 && !space_may_lock(len >> PAGE_SHIFT)) {
        return -EAGAIN;
    }
    long at = choose_place(addr, len, flags, v);
    if (at < 0) {
        return at;
    }
    v->start = (uint64_t)at;
    v->end = v->start + len;
    int err = space_add(v);
    return err != 0 ? err : at;
}

long mmap_map(uint64_t addr, uint64_t len, int prot, int flags, struct file *f, uint64_t offset)
{
    bool anonymous = (flags & MAP_ANONYMOUS) != 0;
    int err = check_flags(flags, len, anonymous);
    if (err == 0 && !anonymous && !is_aligned(offset, PAGE_SIZE)) {
        err = -EINVAL;
    }
    if (err == 0 && !anonymous) {
        err = f == NULL ? -EBADF : check_file(f, prot, flags);
    }
    if (err != 0) {
        return err;
    }
    bool commits = (prot & PROT_WRITE) != 0 && (flags & MAP_NORESERVE) == 0;
    if (len > USER_MAX || (commits && space_hopeless(len))) {
        return -ENOMEM;
    }
    len = align_up(len, PAGE_SIZE);
    struct vma v = {.prot = prot & PROT_ALL, .file = anonymous ? NULL : f};
    v.offset = anonymous ? 0 : offset;
    v.flags = (flags & MAP_TYPE) != MAP_PRIVATE ? VMA_SHARED : 0;
    v.flags |= flags & MAP_GROWSDOWN ? VMA_GROWS : 0;
    v.flags |= flags & MAP_STACK ? VMA_NOHUGE : 0;
    space_lock();
    flags |= space.lock_future ? MAP_LOCKED : 0;
    v.flags |= flags & MAP_LOCKED ? VMA_LOCKED : 0;
    long at = map_locked(addr, len, &v, flags);
    if (at >= 0 && (flags & (MAP_NORESERVE | MAP_POPULATE | MAP_LOCKED)) == 0) {
        ahead_mapped(v.start, v.end);
    }
    rwlock_unlock(&space.lock);
    bool wanted = (flags & (MAP_POPULATE | MAP_LOCKED)) != 0 && (flags & MAP_NONBLOCK) == 0;
    if (at >= 0 && wanted) { /* as Linux: failing to populate is not an error */
        (void)mmap_populate((uint64_t)at, (uint64_t)at + len, (prot & PROT_WRITE) != 0);
    }
    return at;
}

int mmap_unmap(uint64_t addr, uint64_t len)
{
    uint64_t end;
    if (len == 0 || !space_range_ok(addr, len, &end)) {
        return -EINVAL;
    }
    space_lock();
    int err = space_unmap(addr, end);
    rwlock_unlock(&space.lock);
    return err;
}

/* May v get the rights of prot? */
static int protect_check(const struct vma *v, int prot)
{
    if ((v->flags & VMA_SPECIAL) != 0 && (prot & PROT_WRITE) != 0) {
        return -EACCES;
    }
    bool shared_file = v->file != NULL && (v->flags & VMA_SHARED) != 0;
    if (shared_file && (prot & PROT_WRITE) != 0 && (v->file->flags & O_ACCMODE) != O_RDWR) {
        return -EACCES;
    }
    return is_sealed(v, prot & ~v->prot) ? -EACCES : 0;
}

static int protect_one(struct vma *v, uint64_t start, uint64_t end, int prot)
{
    int err = protect_check(v, prot);
    if (err != 0 || v->prot == prot) {
        return err;
    }
    uint64_t from = max(v->start, start);
    uint64_t to = min(v->end, end);
    err = space_carve(from, to);
    if (err != 0) {
        return err;
    }
    v = vma_at(&space.tree, from);
    bool was_text = (v->prot & PROT_EXEC) != 0;
    bool was_closed = v->prot == PROT_NONE;
    bool jit = (prot & (PROT_WRITE | PROT_EXEC)) == (PROT_WRITE | PROT_EXEC);
    space.jit_pages += jit ? (to - from) >> PAGE_SHIFT : 0;
    bool kept = was_closed && stackcache_open(from, to, prot);
    err = kept ? 0 : pmap_protect(from, to, prot);
    if (err != 0) {
        return err;
    }
    v->prot = prot;
    if (kept || (was_closed && ahead_opened(from, to))) {
        v->flags |= VMA_STACK;
    }
    bool text = (prot & (PROT_WRITE | PROT_EXEC)) == PROT_EXEC;
    if (was_text && !text && space.forget != NULL) {
        space.forget(from, to);
    }
    return 0;
}

static int protect_locked(uint64_t start, uint64_t end, int prot)
{
    int err = 0;
    uint64_t done = start;
    while (err == 0 && done < end) {
        struct vma *v = vma_at(&space.tree, done);
        uint64_t next = v != NULL ? min(v->end, end) : end;
        err = v != NULL ? protect_one(v, done, end, prot) : -ENOMEM;
        done = err == 0 ? next : done;
    }
    for (uint64_t at = start; at < done;) { /* join equals, also with what lies around */
        struct vma *v = vma_at(&space.tree, at);
        at = v->end;
        space_merge(v);
    }
    return err;
}

int mmap_protect(uint64_t addr, uint64_t len, int prot)
{
    uint64_t end;
    if (!is_aligned(addr, PAGE_SIZE) || (prot & ~(PROT_ALL | PROT_GROWSDOWN | PROT_GROWSUP)) != 0) {
        return -EINVAL;
    }
    if (len == 0) {
        return 0;
    }
    if (!space_range_ok(addr, len, &end)) {
        return -ENOMEM;
    }
    rwlock_lock(&space.lock);
    if (!stackcache_awaits(addr, end, prot)) {
        stackcache_settle();
    }
    if ((prot & PROT_GROWSDOWN) != 0) {
        const struct vma *v = vma_at(&space.tree, addr);
        addr = v != NULL && (v->flags & VMA_GROWS) != 0 ? v->start : addr;
    }
    int err = protect_locked(addr, end, prot & PROT_ALL);
    rwlock_unlock(&space.lock);
    return err;
}

long mmap_special(uint64_t addr, struct pa pa, unsigned npages, int prot, const char *name)
{
    uint64_t len = npages * PAGE_SIZE;
    struct vma v = {.prot = prot, .flags = VMA_SPECIAL | VMA_NOHUGE, .pa = pa.v, .name = name};
    if (addr != 0 && (addr < USER_MIN || !space_range_ok(addr, len, &v.end))) {
        return -EINVAL;
    }
    space_lock();
    v.start = addr != 0 ? addr : space_place(0, len);
    v.end = v.start + len;
    const struct vma *next = vma_find(&space.tree, v.start);
    int err = v.start == 0 ? -ENOMEM : 0;
    err = err == 0 && next != NULL && next->start < v.end ? -EEXIST : err;
    err = err != 0 ? err : space_add(&v);
    err = err != 0 ? err : pmap_enter(v.start, pa, npages, prot, 0);
    rwlock_unlock(&space.lock);
    return err != 0 ? err : (long)v.start;
}
