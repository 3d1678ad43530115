/* SPDX-License-Identifier: MIT */
/* Soft page table: four levels of 512 words, as the hardware's, in the program's half. Leaf word:
 * frame address | PMAP_* flags | rights << RIGHTS_SHIFT. A word of level 1 (2 MiB) is a table
 * pointer, or a leaf with PMAP_HUGE. A table of small pages counts its words in use in its frame's
 * owner_bits; empty ones stay until a 2 MiB page takes their place, as the monitor's do.
 * All under pmap_lock. Source: AMD64 APM vol. 2 ch. 5 for the shape. */
#include "kernel/pmapwalk.h"

#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/base/print.h"
#include "platform/moncall.h"
#include "platform/pages.h"

#define ENTRIES 512
#define TOP_ENTRIES 256
#define RIGHTS_SHIFT 4 /* PROT_READ, _WRITE, _EXEC of the entry: what a split needs to know */
#define RIGHTS_MASK (7UL << RIGHTS_SHIFT)
#define UNMAP_GAP 64 /* absent pages that are cheaper to clear again than to go around */

struct table {
    uint64_t word[ENTRIES];
};

struct spinlock pmap_lock; /* pmap.lock */

static uint64_t top[TOP_ENTRIES]; /* [pmap_lock] */
static uint64_t ntables; /* [pmap_lock] to write, [A] */

static unsigned index_of(uint64_t va, unsigned level)
{
    return (unsigned)(va >> (PAGE_SHIFT + 9 * level)) & (ENTRIES - 1);
}

static struct table *table_of(uint64_t word)
{
    return (struct table *)(uintptr_t)(word & ~PMAP_FLAG_BITS);
}

static struct page *table_page(uint64_t word)
{
    return pages_from_va(table_of(word));
}

static void count_tables(int n)
{
    __atomic_store_n(&ntables, ntables + (uint64_t)(long)n, __ATOMIC_RELAXED);
}

uint64_t pmapwalk_tables(void)
{
    return __atomic_load_n(&ntables, __ATOMIC_RELAXED);
}

static bool table_add(uint64_t *word)
{
    struct page *p = pages_alloc(0, PAGES_ZERO | PAGES_RESERVE);
    *word = p != NULL ? (uint64_t)(uintptr_t)pages_va(p) : 0;
    count_tables(p != NULL ? 1 : 0);
    return p != NULL;
}

uint64_t *pmapwalk_huge(uint64_t va, bool make)
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

uint64_t *pmapwalk_small(uint64_t va, bool make)
{
    uint64_t *word = pmapwalk_huge(va, make);
    if (word == NULL || (*word & PMAP_HUGE) != 0) {
        return NULL;
    }
    if (*word == 0 && (!make || !table_add(word))) {
        return NULL;
    }
    return &table_of(*word)->word[index_of(va, 0)];
}

void pmapwalk_set(uint64_t va, uint64_t *word, uint64_t value)
{
    const uint64_t *huge = pmapwalk_huge(va, false);
    struct page *p = table_page(*huge);
    p->owner_bits = (uint16_t)(p->owner_bits + (value != 0) - (*word != 0));
    *word = value;
}

bool pmapwalk_huge_free(const uint64_t *word)
{
    return *word == 0 || ((*word & PMAP_HUGE) == 0 && table_page(*word)->owner_bits == 0);
}

void pmapwalk_huge_clear(uint64_t *word)
{
    assert(pmapwalk_huge_free(word));
    if (*word != 0) {
        pages_put(table_page(*word));
        count_tables(-1);
    }
    *word = 0;
}

uint64_t pmapwalk_rights(int prot)
{
    return ((uint64_t)(unsigned)prot << RIGHTS_SHIFT) & RIGHTS_MASK;
}

int pmapwalk_rights_of(uint64_t word)
{
    return (int)((word & RIGHTS_MASK) >> RIGHTS_SHIFT);
}

uint64_t pmapwalk_with_rights(uint64_t word, int prot)
{
    return (word & ~RIGHTS_MASK) | pmapwalk_rights(prot);
}

uint32_t pmapwalk_map_flags(int prot, uint64_t word)
{
    uint32_t flags = MAP_R;
    bool write = (prot & PROT_WRITE) != 0 && (word & PMAP_COPY) == 0;
    flags |= write ? MAP_W : 0;
    flags |= prot & PROT_EXEC ? MAP_X : 0;
    flags |= write && (prot & PROT_EXEC) ? MAP_JIT : 0;
    return flags;
}

int pmapwalk_flush(struct pmap_batch *b)
{
    unsigned n = b->n;
    b->n = 0;
    return n != 0 ? b->send(b->range, n) : 0;
}

int pmapwalk_add(struct pmap_batch *b, uint64_t va, uint64_t pa, uint32_t npages, uint32_t flags)
{
    struct mon_range *last = b->n != 0 ? &b->range[b->n - 1] : NULL;
    uint64_t unit = flags & MAP_HUGE ? HUGE_SIZE : PAGE_SIZE;
    if (last != NULL && last->flags == flags && last->va + last->npages * unit == va &&
        (b->send != moncall_map || last->pa + last->npages * unit == pa)) {
        last->npages += npages;
        return 0;
    }
    if (b->n == PMAP_BATCH) {
        int err = pmapwalk_flush(b);
        if (err != 0) {
            return err;
        }
    }
    b->range[b->n++] = (struct mon_range){va, pa, npages, flags, 0};
    return 0;
}

int pmapwalk_collect_unmap(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    struct pmap_batch *b = ctx;
    (void)word;
    struct mon_range *last = b->n != 0 ? &b->range[b->n - 1] : NULL;
    if (npages == 1 && last != NULL && last->flags == 0) { /* bridge a gap within one table */
        uint64_t end = last->va + last->npages * PAGE_SIZE;
        bool same_unit = last->va >> HUGE_SHIFT == va >> HUGE_SHIFT;
        if (same_unit && va - end <= UNMAP_GAP * PAGE_SIZE) {
            last->npages = (uint32_t)((va - last->va) >> PAGE_SHIFT) + 1;
            return 0;
        }
    }
    return pmapwalk_add(b, va, 0, 1, npages != 1 ? MAP_HUGE : 0);
}

static int each_small(struct table *t, uint64_t va, uint64_t end, pmapwalk_fn act, void *ctx)
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

int pmapwalk_each(uint64_t start, uint64_t end, pmapwalk_fn act, void *ctx)
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
            err = act(ctx, va, word, PMAP_HUGE_PAGES);
        } else if (!pmapwalk_huge_free(word)) {
            err = each_small(table_of(*word), va, next, act, ctx);
        }
        va = next;
    }
    return err;
}

int pmapwalk_split(uint64_t va)
{
    uint64_t *word = pmapwalk_huge(va, false);
    if (word == NULL || (*word & PMAP_HUGE) == 0) {
        return 0;
    }
    struct page *fresh = pages_alloc(0, PAGES_RESERVE);
    if (fresh == NULL) {
        return -ENOMEM;
    }
    uint64_t base = align_down(va, HUGE_SIZE);
    uint64_t pa = *word & ~PMAP_FLAG_BITS;
    int prot = pmapwalk_rights_of(*word);
    struct table *t = pages_va(fresh);
    for (unsigned i = 0; i < ENTRIES; i++) {
        t->word[i] = (pa + i * PAGE_SIZE) | PMAP_VALID | PMAP_COUNTED | pmapwalk_rights(prot);
    }
    struct mon_range gone = {base, 0, 1, MAP_HUGE, 0};
    struct mon_range small = {base, pa, PMAP_HUGE_PAGES, pmapwalk_map_flags(prot, 0), 0};
    if (moncall_unmap(&gone, 1) != 0 || (prot != PROT_NONE && moncall_map(&small, 1) != 0)) {
        pages_put(fresh);
        return -ENOMEM;
    }
    pages_split(pages_of((struct pa){pa}));
    fresh->owner_bits = ENTRIES;
    count_tables(1);
    *word = (uint64_t)(uintptr_t)t;
    return 0;
}

int pmapwalk_split_edges(uint64_t start, uint64_t end)
{
    int err = is_aligned(start, HUGE_SIZE) ? 0 : pmapwalk_split(start);
    if (err == 0 && !is_aligned(end, HUGE_SIZE)) {
        err = pmapwalk_split(end);
    }
    return err;
}
