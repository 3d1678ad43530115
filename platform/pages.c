/* SPDX-License-Identifier: MIT */
/* Buddy allocator over the RAM ranges of the boot memory map.
 *
 * Each range has a watermark: frames above it were never used, their struct page is not set up and
 * their memory not touched. The free lists are fed from there a block at a time, so that boot costs
 * the same for any amount of RAM and a large machine only pays for what it uses.
 * Invariants: a free block is in the list of its order, its head has refs 0 and PAGE_FREE, the
 * other frames of a block have neither; buddies of one order are never both free. lock guards
 * everything but the reference counts, which are atomic.
 * Source: Knuth, The Art of Computer Programming vol. 1, 2.5 (buddy system). */
#include "platform/pages.h"

#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"

#define MAX_RANGES 16
#define PAGE_FREE 0x1
#define RESERVE_PART 64 /* of RAM is kept for PAGES_RESERVE, */
#define RESERVE_MAX 256 /* at most this many frames */
#define MODEST_PART 16 /* of RAM is out of reach for PAGES_MODEST */

struct range {
    size_t start, end, next; /* frame numbers; [start, next) are set up */
};

static struct spinlock lock;
static struct range ranges[MAX_RANGES]; /* [lock] */
static unsigned nranges;
static struct list free_lists[PAGES_MAX_ORDER + 1];
static struct page *frames; /* [I] indexed by frame number */
static uint64_t direct_base; /* [I] */
static size_t frame_limit; /* [I] */
static bool (*give)(void); /* [I] */
static size_t total, used, peak, reserve; /* [lock] frames */

void pages_init(uint64_t direct_map, struct pa top)
{
    direct_base = direct_map;
    frame_limit = top.v >> PAGE_SHIFT;
    frames = NULL;
    nranges = 0;
    total = used = peak = reserve = 0;
    for (unsigned i = 0; i <= PAGES_MAX_ORDER; i++) {
        list_init(&free_lists[i]);
    }
}

void pages_add(struct pa start, struct pa end)
{
    size_t first = align_up(start.v, PAGE_SIZE) >> PAGE_SHIFT;
    size_t last = min(end.v >> PAGE_SHIFT, frame_limit);
    size_t table = align_up(frame_limit * sizeof(struct page), PAGE_SIZE) >> PAGE_SHIFT;
    if (first >= last || nranges == MAX_RANGES) {
        return;
    }
    if (frames == NULL) {
        if (last - first <= table) {
            return; /* too small to hold the table: a later range will */
        }
        frames = pages_map((struct pa){first << PAGE_SHIFT});
        first += table;
    }
    ranges[nranges++] = (struct range){first, last, first};
    total += last - first;
    reserve = min(total / RESERVE_PART, (size_t)RESERVE_MAX);
}

bool pages_add_used(struct pa start, struct pa end)
{
    size_t first = align_up(start.v, PAGE_SIZE) >> PAGE_SHIFT;
    size_t last = min(end.v >> PAGE_SHIFT, frame_limit);
    spin_lock(&lock);
    bool ok = first < last && nranges < MAX_RANGES;
    if (ok) {
        memset(&frames[first], 0, (last - first) * sizeof(struct page));
        for (size_t i = first; i < last; i++) {
            frames[i].refs = 1;
            list_init(&frames[i].link);
        }
        ranges[nranges++] = (struct range){first, last, last};
        total += last - first;
        used += last - first;
        peak = max(peak, used);
    }
    spin_unlock(&lock);
    return ok;
}

void pages_set_give_hook(bool (*hook)(void))
{
    give = hook;
}

void *pages_map(struct pa pa)
{
    return (void *)(uintptr_t)(direct_base + pa.v);
}

static size_t number_of(const struct page *p)
{
    return (size_t)(p - frames);
}

struct pa pages_pa(const struct page *p)
{
    return (struct pa){number_of(p) << PAGE_SHIFT};
}

void *pages_va(const struct page *p)
{
    return pages_map(pages_pa(p));
}

static const struct range *range_of(size_t number)
{
    for (unsigned i = 0; i < nranges; i++) {
        if (number >= ranges[i].start && number < ranges[i].next) {
            return &ranges[i];
        }
    }
    return NULL;
}

struct page *pages_of(struct pa pa)
{
    size_t number = pa.v >> PAGE_SHIFT;
    return range_of(number) != NULL ? &frames[number] : NULL;
}

struct page *pages_from_va(const void *va)
{
    return &frames[((uintptr_t)va - direct_base) >> PAGE_SHIFT];
}

static void list_block(struct page *p, unsigned order)
{
    p->order = (uint8_t)order;
    p->flags = PAGE_FREE;
    list_push(&free_lists[order], &p->link);
}

/* Take the next block of a range, as large as its place and the range's end allow. */
static bool range_grow(struct range *r)
{
    if (r->next == r->end) {
        return false;
    }
    unsigned order = PAGES_MAX_ORDER;
    while (order > 0 && (!is_aligned(r->next, 1UL << order) || r->end - r->next < 1UL << order)) {
        order--;
    }
    struct page *p = &frames[r->next];
    memset(p, 0, sizeof(*p) << order);
    r->next += 1UL << order;
    list_block(p, order);
    return true;
}

static struct page *take_listed(unsigned order)
{
    for (unsigned from = order; from <= PAGES_MAX_ORDER; from++) {
        struct list *node = list_pop(&free_lists[from]);
        if (node == NULL) {
            continue;
        }
        struct page *p = list_entry(node, struct page, link);
        while (from > order) { /* give the upper halves back */
            from--;
            list_block(p + (1UL << from), from);
        }
        p->flags = 0;
        p->order = (uint8_t)order;
        return p;
    }
    return NULL;
}

static struct page *take_locked(unsigned order)
{
    lock_assert_held(&lock);
    struct page *p = take_listed(order);
    for (unsigned i = 0; p == NULL && i < nranges; i++) {
        while (p == NULL && range_grow(&ranges[i])) {
            p = take_listed(order);
        }
    }
    return p;
}

static struct page *take(unsigned order, unsigned flags)
{
    size_t n = 1UL << order;
    spin_lock(&lock);
    struct page *p = NULL;
    size_t keep = flags & PAGES_RESERVE ? 0 : reserve;
    keep = flags & PAGES_MODEST ? max(keep, total / MODEST_PART) : keep;
    if (used + n + keep <= total) {
        p = take_locked(order);
    }
    if (p != NULL) {
        used += n;
        peak = max(peak, used);
    }
    spin_unlock(&lock);
    return p;
}

struct page *pages_alloc(unsigned order, unsigned flags)
{
    assert(order <= PAGES_MAX_ORDER);
    struct page *p = take(order, flags);
    if (p == NULL && give != NULL && give()) {
        p = take(order, flags);
    }
    if (p == NULL) {
        return NULL;
    }
    __atomic_store_n(&p->refs, 1, __ATOMIC_RELAXED);
    p->owner_bits = 0;
    list_init(&p->link);
    if (flags & PAGES_ZERO) {
        memset(pages_va(p), 0, PAGE_SIZE << order);
    }
    return p;
}

void pages_get(struct page *p)
{
    uint32_t before = __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
    assert(before != 0);
}

/* Free a block and merge it with its buddy as long as that is free too. */
static void free_locked(struct page *p)
{
    lock_assert_held(&lock);
    size_t number = number_of(p);
    const struct range *r = range_of(number);
    unsigned order = p->order;
    used -= 1UL << order;
    while (order < PAGES_MAX_ORDER) {
        size_t buddy = number ^ 1UL << order;
        if (buddy < r->start || buddy + (1UL << order) > r->next) {
            break;
        }
        struct page *b = &frames[buddy];
        if (b->flags != PAGE_FREE || b->order != order) {
            break;
        }
        list_remove(&b->link);
        b->flags = 0;
        number = min(number, buddy);
        order++;
    }
    list_block(&frames[number], order);
}

void pages_put(struct page *p)
{
    /* release and acquire: the frame's last user is done before it is handed out again */
    uint32_t before = __atomic_fetch_sub(&p->refs, 1, __ATOMIC_ACQ_REL);
    assert(before != 0);
    if (before != 1) {
        return;
    }
    spin_lock(&lock);
    free_locked(p);
    spin_unlock(&lock);
}

void pages_split(struct page *p)
{
    size_t n = 1UL << p->order;
    assert(__atomic_load_n(&p->refs, __ATOMIC_RELAXED) == 1);
    for (size_t i = 0; i < n; i++) {
        p[i].order = 0;
        p[i].flags = 0;
        p[i].refs = 1;
        p[i].owner_bits = 0;
        list_init(&p[i].link);
    }
}

void pages_stats(struct pages_stats *out)
{
    spin_lock(&lock);
    *out = (struct pages_stats){.total = total, .free = total - used, .peak_used = peak};
    spin_unlock(&lock);
}
