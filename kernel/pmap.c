/* SPDX-License-Identifier: MIT */
/* Soft page table: four levels of 512 words, as the hardware's, in the program's half. Leaf word:
 * frame address | PMAP_* flags | rights << RIGHTS_SHIFT. A word of level 1 (2 MiB) is a table
 * pointer, or a leaf with PMAP_HUGE. Invariant: whatever the hardware maps, an entry here
 * describes; an entry with frames is mapped in hardware with the rights of its region, less W when
 * PMAP_COPY is set. Tables stay, also empty ones: those of the monitor do, and where it has a table
 * of small pages it takes no 2 MiB page any more.
 * The owner of the address space (mmap.c) serialises all calls with space.lock.
 * Source: AMD64 APM vol. 2 ch. 5 for the shape. */
#include "kernel/pmap.h"

#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/uaccess.h"
#include "platform/moncall.h"
#include "platform/pages.h"

#define ENTRIES 512
#define TOP_ENTRIES 256
#define HUGE_PAGES (HUGE_SIZE / PAGE_SIZE)
#define FLAG_BITS 0xfffUL
#define RIGHTS_SHIFT 4 /* PROT_READ, _WRITE, _EXEC of the entry: what a split needs to know */
#define RIGHTS_MASK (7UL << RIGHTS_SHIFT)
#define BATCH 64 /* ranges collected for one monitor call */
#define DONATE_TRIES 8

struct table {
    uint64_t word[ENTRIES];
};

struct batch {
    int (*send)(const struct mon_range *ranges, size_t n);
    struct mon_range range[BATCH];
    unsigned n;
};

static uint64_t top[TOP_ENTRIES];
static struct pmap_stats stats;

static unsigned index_of(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

static struct table *table_of(uint64_t word)
{
    return (struct table *)(uintptr_t)(word & ~FLAG_BITS);
}

static bool table_add(uint64_t *word)
{
    struct page *p = pages_alloc(0, PAGES_ZERO | PAGES_RESERVE);
    *word = p != NULL ? (uint64_t)(uintptr_t)pages_va(p) : 0;
    return p != NULL;
}

/* The word of va at level 1 (2 MiB); NULL when absent and not to be made, or out of memory. */
static uint64_t *word_huge(uint64_t va, bool make)
{
    uint64_t *word = &top[index_of(va, 3) & (TOP_ENTRIES - 1)];
    for (unsigned level = 2; level >= 1; level--) {
        if (*word == 0 && (!make || !table_add(word))) {
            return NULL;
        }
        word = &table_of(*word)->word[index_of(va, level)];
    }
    return word;
}

static uint64_t *word_small(uint64_t va, bool make)
{
    uint64_t *word = word_huge(va, make);
    if (word == NULL || (*word & PMAP_HUGE) != 0) {
        return NULL;
    }
    if (*word == 0 && (!make || !table_add(word))) {
        return NULL;
    }
    return &table_of(*word)->word[index_of(va, 0)];
}

static uint64_t rights(int prot)
{
    return ((uint64_t)(unsigned)prot << RIGHTS_SHIFT) & RIGHTS_MASK;
}

static int rights_of(uint64_t entry)
{
    return (int)((entry & RIGHTS_MASK) >> RIGHTS_SHIFT);
}

static uint32_t map_flags(int prot, uint64_t entry)
{
    uint32_t flags = MAP_R;
    bool write = (prot & PROT_WRITE) != 0 && (entry & PMAP_COPY) == 0;
    flags |= write ? MAP_W : 0;
    flags |= prot & PROT_EXEC ? MAP_X : 0;
    flags |= write && (prot & PROT_EXEC) ? MAP_JIT : 0;
    return flags;
}

static int batch_flush(struct batch *b)
{
    unsigned n = b->n;
    b->n = 0;
    return n != 0 ? b->send(b->range, n) : 0;
}

/* Add npages at va, to the last range where that continues it. */
static int batch_add(struct batch *b, uint64_t va, uint64_t pa, uint32_t npages, uint32_t flags)
{
    struct mon_range *last = b->n != 0 ? &b->range[b->n - 1] : NULL;
    uint64_t unit = flags & MAP_HUGE ? HUGE_SIZE : PAGE_SIZE;
    if (last != NULL && last->flags == flags && last->va + last->npages * unit == va &&
        (b->send != moncall_map || last->pa + last->npages * unit == pa)) {
        last->npages += npages;
        return 0;
    }
    if (b->n == BATCH) {
        int err = batch_flush(b);
        if (err != 0) {
            return err;
        }
    }
    b->range[b->n++] = (struct mon_range){va, pa, npages, flags, 0};
    return 0;
}

static void count_resident(int64_t npages)
{
    stats.resident += (uint64_t)npages;
    stats.peak_resident = max(stats.peak_resident, stats.resident);
}

struct pmap_entry pmap_get(uint64_t va)
{
    struct pmap_entry none = {{0}, 0};
    const uint64_t *word = word_huge(va, false);
    if (word == NULL || *word == 0) {
        return none;
    }
    uint64_t offset = va & (HUGE_SIZE - 1) & PAGE_MASK;
    if ((*word & PMAP_HUGE) == 0) {
        word = &table_of(*word)->word[index_of(va, 0)];
        offset = 0;
    }
    return (struct pmap_entry){{(*word & ~FLAG_BITS) + offset}, (unsigned)(*word & FLAG_BITS)};
}

/* Make sure that every leaf table of the range exists, so that entering cannot fail half-way. */
static int tables_reserve(uint64_t va, unsigned npages)
{
    uint64_t end = va + npages * PAGE_SIZE;
    for (uint64_t at = va; at < end; at = align_down(at, HUGE_SIZE) + HUGE_SIZE) {
        if (word_small(at, true) == NULL) {
            return -ENOMEM;
        }
    }
    return 0;
}

int pmap_enter(uint64_t va, struct pa pa, unsigned npages, int prot, unsigned flags)
{
    int err = tables_reserve(va, npages);
    if (err != 0) {
        return err;
    }
    flags |= PMAP_VALID;
    if (prot != PROT_NONE) {
        struct mon_range r = {va, pa.v, npages, map_flags(prot, flags), 0};
        err = moncall_map(&r, 1);
    }
    if (err != 0) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < npages; i++) {
        uint64_t *word = word_small(va + i * PAGE_SIZE, false);
        assert(*word == 0);
        *word = (pa.v + i * PAGE_SIZE) | flags | rights(prot);
    }
    count_resident(npages);
    return 0;
}

bool pmap_huge_possible(uint64_t va)
{
    const uint64_t *word = word_huge(va, false);
    return word == NULL || *word == 0;
}

int pmap_enter_huge(uint64_t va, struct pa pa, int prot)
{
    uint64_t *word = word_huge(va, true);
    if (word == NULL || *word != 0) {
        return -ENOMEM;
    }
    struct mon_range r = {va, pa.v, 1, map_flags(prot, 0) | MAP_HUGE, 0};
    if (moncall_map(&r, 1) != 0) {
        return -ENOMEM;
    }
    *word = pa.v | PMAP_VALID | PMAP_COUNTED | PMAP_HUGE | rights(prot);
    stats.huge++;
    count_resident(HUGE_PAGES);
    return 0;
}

static void frame_put(uint64_t entry)
{
    if (entry & PMAP_COUNTED) {
        pages_put(pages_of((struct pa){entry & ~FLAG_BITS}));
    }
}

int pmap_replace(uint64_t va, struct pa pa, int prot, unsigned flags)
{
    struct mon_range r = {va, pa.v, 1, map_flags(prot, flags), 0};
    int err = prot != PROT_NONE ? moncall_map(&r, 1) : 0;
    if (err == 0) {
        uint64_t *word = word_small(va, false);
        frame_put(*word);
        *word = pa.v | flags | PMAP_VALID | rights(prot);
    }
    return err;
}

/* Turn the 2 MiB page around va, if there is one, into small pages. */
static int split_huge(uint64_t va)
{
    uint64_t *word = word_huge(va, false);
    if (word == NULL || (*word & PMAP_HUGE) == 0) {
        return 0;
    }
    struct page *fresh = pages_alloc(0, PAGES_RESERVE);
    if (fresh == NULL) {
        return -ENOMEM;
    }
    uint64_t base = align_down(va, HUGE_SIZE);
    uint64_t pa = *word & ~FLAG_BITS;
    int prot = rights_of(*word);
    struct table *t = pages_va(fresh);
    for (unsigned i = 0; i < ENTRIES; i++) {
        t->word[i] = (pa + i * PAGE_SIZE) | PMAP_VALID | PMAP_COUNTED | rights(prot);
    }
    struct mon_range gone = {base, 0, 1, MAP_HUGE, 0};
    struct mon_range small = {base, pa, HUGE_PAGES, map_flags(prot, 0), 0};
    if (moncall_unmap(&gone, 1) != 0 || (prot != PROT_NONE && moncall_map(&small, 1) != 0)) {
        pages_put(fresh);
        return -ENOMEM;
    }
    pages_split(pages_of((struct pa){pa}));
    *word = (uint64_t)(uintptr_t)t;
    return 0;
}

/* Split the 2 MiB pages that [start, end) cuts. */
static int split_edges(uint64_t start, uint64_t end)
{
    int err = is_aligned(start, HUGE_SIZE) ? 0 : split_huge(start);
    if (err == 0 && !is_aligned(end, HUGE_SIZE)) {
        err = split_huge(end);
    }
    return err;
}

/* Call act for each word with frames in [start, end): va, word, number of small pages. */
typedef int (*word_fn)(void *ctx, uint64_t va, uint64_t *word, unsigned npages);

static int each_small(struct table *t, uint64_t va, uint64_t end, word_fn act, void *ctx)
{
    int err = 0;
    for (; err == 0 && va < end; va += PAGE_SIZE) {
        uint64_t *word = &t->word[index_of(va, 0)];
        if (*word != 0) {
            err = act(ctx, va, word, 1);
        }
    }
    return err;
}

/* Size of the address range that one word of level covers. */
static uint64_t span_of(unsigned level)
{
    return PAGE_SIZE << (9 * level);
}

static int each_word(uint64_t start, uint64_t end, word_fn act, void *ctx)
{
    int err = 0;
    for (uint64_t va = start; err == 0 && va < end;) {
        uint64_t *word = &top[index_of(va, 3) & (TOP_ENTRIES - 1)];
        unsigned level = 3;
        while (level > 1 && *word != 0) {
            level--;
            word = &table_of(*word)->word[index_of(va, level)];
        }
        uint64_t next = min(align_down(va, span_of(level)) + span_of(level), end);
        if (*word != 0 && (*word & PMAP_HUGE) != 0) {
            err = act(ctx, va, word, HUGE_PAGES);
        } else if (*word != 0) {
            err = each_small(table_of(*word), va, next, act, ctx);
        }
        va = next;
    }
    return err;
}

static int collect_unmap(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    (void)word;
    bool huge = npages != 1;
    return batch_add(ctx, va, 0, 1, huge ? MAP_HUGE : 0);
}

static int forget_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    (void)ctx, (void)va;
    uint64_t old = *word;
    *word = 0;
    frame_put(old);
    count_resident(-(int64_t)npages);
    return 0;
}

int pmap_remove(uint64_t start, uint64_t end)
{
    struct batch b = {.send = moncall_unmap};
    int err = split_edges(start, end);
    if (err != 0) {
        return err;
    }
    err = each_word(start, end, collect_unmap, &b);
    err = err != 0 ? err : batch_flush(&b);
    assert(err == 0);
    return each_word(start, end, forget_word, NULL);
}

struct protect_ctx {
    struct batch map, unmap;
    int prot;
};

static int protect_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    struct protect_ctx *c = ctx;
    *word = (*word & ~RIGHTS_MASK) | rights(c->prot);
    uint32_t huge = npages != 1 ? MAP_HUGE : 0;
    if (c->prot == PROT_NONE) {
        return batch_add(&c->unmap, va, 0, 1, huge);
    }
    uint32_t flags = map_flags(c->prot, *word) | huge | MAP_REPLACE;
    return batch_add(&c->map, va, *word & ~FLAG_BITS, 1, flags);
}

int pmap_protect(uint64_t start, uint64_t end, int prot)
{
    struct protect_ctx c = {.map = {.send = moncall_map}, .unmap = {.send = moncall_unmap}};
    int err = split_edges(start, end);
    if (err != 0) {
        return err;
    }
    c.prot = prot;
    err = each_word(start, end, protect_word, &c);
    err = err != 0 ? err : batch_flush(&c.map);
    err = err != 0 ? err : batch_flush(&c.unmap);
    return err != 0 ? -ENOMEM : 0;
}

static int first_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    (void)word, (void)npages;
    *(uint64_t *)ctx = va;
    return 1;
}

uint64_t pmap_next(uint64_t va, uint64_t end)
{
    uint64_t found = end;
    (void)each_word(va, end, first_word, &found);
    return found;
}

/* Map the 2 MiB page of word at target too. -EINVAL, -ENOMEM: it cannot stay one there. */
static int huge_map_at(uint64_t target, uint64_t word, int prot)
{
    if (!is_aligned(target, HUGE_SIZE)) {
        return -EINVAL;
    }
    uint64_t *there = word_huge(target, true);
    if (there == NULL || *there != 0) {
        return -ENOMEM;
    }
    struct mon_range r = {target, word & ~FLAG_BITS, 1, map_flags(prot, word) | MAP_HUGE, 0};
    return prot == PROT_NONE || moncall_map(&r, 1) == 0 ? 0 : -ENOMEM;
}

/* Map what is at [from, end) also at the same offsets from to, and have tables ready there. */
static int move_map(uint64_t from, uint64_t end, uint64_t to, int prot)
{
    struct batch b = {.send = moncall_map};
    for (uint64_t va = pmap_next(from, end); va < end; va = pmap_next(va + PAGE_SIZE, end)) {
        uint64_t target = to + (va - from);
        uint64_t *word = word_huge(va, false);
        if ((*word & PMAP_HUGE) != 0 && huge_map_at(target, *word, prot) == 0) {
            va += HUGE_SIZE - PAGE_SIZE;
            continue;
        }
        int err = split_huge(va);
        if (err != 0 || word_small(target, true) == NULL) {
            return -ENOMEM;
        }
        word = word_small(va, false);
        if (prot != PROT_NONE) {
            err = batch_add(&b, target, *word & ~FLAG_BITS, 1, map_flags(prot, *word));
        }
        if (err != 0) {
            return -ENOMEM;
        }
    }
    return batch_flush(&b) != 0 ? -ENOMEM : 0;
}

struct move_ctx {
    struct batch unmap;
    uint64_t shift; /* to - from, modulo 2^64 */
};

static int move_undo(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    struct move_ctx *c = ctx;
    (void)word;
    if (npages != 1 && !pmap_huge_possible(va + c->shift)) {
        return 0; /* it was not mapped there */
    }
    return batch_add(&c->unmap, va + c->shift, 0, 1, npages != 1 ? MAP_HUGE : 0);
}

static int move_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    const struct move_ctx *c = ctx;
    uint64_t *there =
        npages != 1 ? word_huge(va + c->shift, false) : word_small(va + c->shift, false);
    *there = *word;
    *word = 0;
    return 0;
}

int pmap_move(uint64_t from, uint64_t to, uint64_t len, int prot)
{
    struct move_ctx c = {.unmap = {.send = moncall_unmap}, .shift = to - from};
    uint64_t end = from + len;
    int err = split_edges(from, end);
    if (err != 0) {
        return err;
    }
    if (move_map(from, end, to, prot) != 0) {
        err = each_word(from, end, move_undo, &c);
        err = err != 0 ? err : batch_flush(&c.unmap);
        assert(err == 0);
        return -ENOMEM;
    }
    err = each_word(from, end, collect_unmap, &c.unmap);
    err = err != 0 ? err : batch_flush(&c.unmap);
    assert(err == 0);
    return each_word(from, end, move_word, &c);
}

bool pmap_donate(void)
{
    struct page *held[DONATE_TRIES];
    unsigned n = 0;
    bool done = false;
    while (!done && n < DONATE_TRIES) {
        struct page *p = pages_alloc(PAGES_HUGE_ORDER, PAGES_RESERVE);
        if (p == NULL) {
            break;
        }
        done = moncall(MON_DONATE, pages_pa(p).v, 0, 0) == 0;
        if (!done) { /* the monitor takes units of the first GiB only */
            held[n++] = p;
        }
    }
    while (n != 0) {
        pages_put(held[--n]);
    }
    return done;
}

void pmap_stats(struct pmap_stats *out)
{
    *out = stats;
}
