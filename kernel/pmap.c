/* SPDX-License-Identifier: MIT */
/* Entering, replacing, removing and protecting frames behind the program's addresses.
 *
 * Invariants: whatever the hardware maps, an entry describes; an entry with frames is mapped in
 * hardware with the rights of its region, less W when PMAP_COPY is set. Frames are put only after
 * the monitor has unmapped them everywhere. pmap_lock serialises; which regions there are is the
 * business of mmap.c, under space.lock, which comes first. Source: pmapwalk.c for the tables. */
#include "kernel/pmap.h"

#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/pmapwalk.h"
#include "platform/moncall.h"
#include "platform/pages.h"

#define DONATE_TRIES 8

static struct pmap_stats stats; /* [pmap_lock] */

static void count_resident(int64_t npages)
{
    stats.resident += (uint64_t)npages;
    stats.peak_resident = max(stats.peak_resident, stats.resident);
}

static struct pmap_entry get_locked(uint64_t va) NEEDS(pmap_lock)
{
    struct pmap_entry none = {{0}, 0};
    const uint64_t *word = pmapwalk_huge(va, false);
    if (word == NULL || *word == 0) {
        return none;
    }
    uint64_t offset = va & (HUGE_SIZE - 1) & PAGE_MASK;
    if ((*word & PMAP_HUGE) == 0) {
        word = pmapwalk_small(va, false);
        offset = 0;
    }
    return (struct pmap_entry){{(*word & ~PMAP_FLAG_BITS) + offset},
                               (unsigned)(*word & PMAP_FLAG_BITS)};
}

struct pmap_entry pmap_get(uint64_t va)
{
    spin_lock(&pmap_lock);
    struct pmap_entry e = get_locked(va);
    spin_unlock(&pmap_lock);
    return e;
}

bool pmap_gap(uint64_t va, uint64_t *start, uint64_t *end)
{
    uint64_t low = max(*start, align_down(va, HUGE_SIZE));
    uint64_t high = min(*end, align_down(va, HUGE_SIZE) + HUGE_SIZE);
    uint64_t page = align_down(va, PAGE_SIZE);
    spin_lock(&pmap_lock);
    const uint64_t *huge = pmapwalk_huge(va, false);
    bool empty = huge == NULL || pmapwalk_huge_free(huge);
    bool free = empty || get_locked(va).flags == 0;
    *start = empty ? low : page;
    *end = empty ? high : page + PAGE_SIZE;
    while (free && *start > low && get_locked(*start - PAGE_SIZE).flags == 0) {
        *start -= PAGE_SIZE;
    }
    while (free && *end < high && get_locked(*end).flags == 0) {
        *end += PAGE_SIZE;
    }
    spin_unlock(&pmap_lock);
    return free;
}

/* Make sure that every leaf table of the range exists and is free there, so that entering cannot
 * fail half-way. */
static int tables_reserve(uint64_t va, unsigned npages) NEEDS(pmap_lock)
{
    for (unsigned i = 0; i < npages; i++, va += PAGE_SIZE) {
        const uint64_t *huge = pmapwalk_huge(va, true);
        if (huge != NULL && (*huge & PMAP_HUGE) != 0) {
            return -EEXIST;
        }
        const uint64_t *word = huge != NULL ? pmapwalk_small(va, true) : NULL;
        if (word == NULL || *word != 0) {
            return word == NULL ? -ENOMEM : -EEXIST;
        }
    }
    return 0;
}

static int enter_locked(uint64_t va, struct pa pa, unsigned npages, int prot, unsigned flags)
    NEEDS(pmap_lock)
{
    int err = tables_reserve(va, npages);
    if (err != 0) {
        return err;
    }
    flags |= PMAP_VALID;
    if (prot != PROT_NONE) {
        struct mon_range r = {va, pa.v, npages, pmapwalk_map_flags(prot, flags), 0};
        err = moncall_map(&r, 1);
    }
    if (err != 0) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < npages; i++, va += PAGE_SIZE) {
        uint64_t word = (pa.v + i * PAGE_SIZE) | flags | pmapwalk_rights(prot);
        pmapwalk_set(va, pmapwalk_small(va, false), word);
    }
    count_resident(npages);
    return 0;
}

int pmap_enter(uint64_t va, struct pa pa, unsigned npages, int prot, unsigned flags)
{
    spin_lock(&pmap_lock);
    int err = enter_locked(va, pa, npages, prot, flags);
    spin_unlock(&pmap_lock);
    return err;
}

bool pmap_huge_possible(uint64_t va)
{
    spin_lock(&pmap_lock);
    const uint64_t *word = pmapwalk_huge(va, false);
    bool possible = word == NULL || pmapwalk_huge_free(word);
    spin_unlock(&pmap_lock);
    return possible;
}

static int enter_huge_locked(uint64_t va, struct pa pa, int prot) NEEDS(pmap_lock)
{
    uint64_t *word = pmapwalk_huge(va, true);
    if (word == NULL || !pmapwalk_huge_free(word)) {
        return word == NULL ? -ENOMEM : -EEXIST;
    }
    struct mon_range r = {va, pa.v, 1, pmapwalk_map_flags(prot, 0) | MAP_HUGE, 0};
    if (moncall_map(&r, 1) != 0) {
        return -ENOMEM;
    }
    pmapwalk_huge_clear(word);
    *word = pa.v | PMAP_VALID | PMAP_COUNTED | PMAP_HUGE | pmapwalk_rights(prot);
    stats.huge++;
    count_resident(PMAP_HUGE_PAGES);
    return 0;
}

int pmap_enter_huge(uint64_t va, struct pa pa, int prot)
{
    spin_lock(&pmap_lock);
    int err = enter_huge_locked(va, pa, prot);
    spin_unlock(&pmap_lock);
    return err;
}

static void frame_put(uint64_t word)
{
    if (word & PMAP_COUNTED) {
        pages_put(pages_of((struct pa){word & ~PMAP_FLAG_BITS}));
    }
}

static bool is_expected(const struct pmap_frame *f) NEEDS(pmap_lock)
{
    const uint64_t *word = pmapwalk_small(f->va, false);
    return word != NULL && *word != 0 && (*word & ~PMAP_FLAG_BITS) == f->was.v;
}

static int replace_locked(const struct pmap_frame *frames, unsigned n, int prot, unsigned flags)
    NEEDS(pmap_lock)
{
    struct pmap_batch b = {.send = moncall_map};
    int err = 0;
    for (unsigned i = 0; err == 0 && i < n; i++) {
        err = is_expected(&frames[i]) ? 0 : -EEXIST;
    }
    uint32_t map_flags = pmapwalk_map_flags(prot, flags) | MAP_REPLACE;
    for (unsigned i = 0; err == 0 && prot != PROT_NONE && i < n; i++) {
        err = pmapwalk_add(&b, frames[i].va, frames[i].pa.v, 1, map_flags);
    }
    err = err != 0 ? err : pmapwalk_flush(&b);
    for (unsigned i = 0; err == 0 && i < n; i++) {
        uint64_t *word = pmapwalk_small(frames[i].va, false);
        uint64_t old = *word;
        *word = frames[i].pa.v | flags | PMAP_VALID | pmapwalk_rights(prot);
        frame_put(old);
    }
    return err;
}

int pmap_replace_many(const struct pmap_frame *frames, unsigned n, int prot, unsigned flags)
{
    assert(n <= PMAP_MANY && PMAP_MANY <= PMAP_BATCH);
    spin_lock(&pmap_lock);
    int err = replace_locked(frames, n, prot, flags);
    spin_unlock(&pmap_lock);
    return err;
}

static int forget_word(void *ctx, uint64_t va, uint64_t *word,
                       unsigned npages) LOCK_ITSELF /* pmapwalk_each's caller has pmap_lock */
{
    uint64_t old = *word;
    (void)ctx;
    if (npages == 1) {
        pmapwalk_set(va, word, 0);
    } else {
        *word = 0;
    }
    frame_put(old);
    count_resident(-(int64_t)npages);
    return 0;
}

static int remove_locked(uint64_t start, uint64_t end) NEEDS(pmap_lock)
{
    struct pmap_batch b = {.send = moncall_unmap};
    int err = pmapwalk_split_edges(start, end);
    if (err != 0) {
        return err;
    }
    err = pmapwalk_each(start, end, pmapwalk_collect_unmap, &b);
    err = err != 0 ? err : pmapwalk_flush(&b);
    assert(err == 0);
    return pmapwalk_each(start, end, forget_word, NULL);
}

int pmap_remove(uint64_t start, uint64_t end)
{
    spin_lock(&pmap_lock);
    int err = remove_locked(start, end);
    spin_unlock(&pmap_lock);
    return err;
}

/* How the rights of a range change. Mapping again is one quick call when the frames follow each
 * other; else entries are changed in place, where all of them are present. */
struct protect {
    struct pmap_batch batch;
    int prot;
    uint64_t next_va, next_pa; /* where the frames would go on */
    unsigned runs;
    bool absent; /* there are entries without rights: not in the hardware */
};

static int protect_look(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    struct protect *p = ctx;
    uint64_t pa = *word & ~PMAP_FLAG_BITS;
    p->runs += va != p->next_va || pa != p->next_pa;
    p->next_va = va + npages * PAGE_SIZE;
    p->next_pa = pa + npages * PAGE_SIZE;
    p->absent |= pmapwalk_rights_of(*word) == PROT_NONE;
    return 0;
}

static int protect_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    struct protect *p = ctx;
    uint32_t huge = npages != 1 ? MAP_HUGE : 0;
    *word = pmapwalk_with_rights(*word, p->prot);
    if (p->prot == PROT_NONE) {
        return pmapwalk_collect_unmap(&p->batch, va, word, npages);
    }
    uint32_t flags = pmapwalk_map_flags(p->prot, *word) | huge;
    flags |= p->batch.send == moncall_map ? MAP_REPLACE : 0;
    return pmapwalk_add(&p->batch, va, *word & ~PMAP_FLAG_BITS, 1, flags);
}

static int protect_locked(uint64_t start, uint64_t end, int prot) NEEDS(pmap_lock)
{
    struct protect p = {.prot = prot};
    int err = pmapwalk_split_edges(start, end);
    if (err != 0) {
        return err;
    }
    (void)pmapwalk_each(start, end, protect_look, &p);
    bool in_place = p.runs > 1 && !p.absent;
    p.batch.send = in_place ? moncall_protect : moncall_map;
    p.batch.send = prot == PROT_NONE ? moncall_unmap : p.batch.send;
    err = pmapwalk_each(start, end, protect_word, &p);
    err = err != 0 ? err : pmapwalk_flush(&p.batch);
    return err != 0 ? -ENOMEM : 0;
}

int pmap_protect(uint64_t start, uint64_t end, int prot)
{
    spin_lock(&pmap_lock);
    int err = protect_locked(start, end, prot);
    spin_unlock(&pmap_lock);
    return err;
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
    spin_lock(&pmap_lock);
    (void)pmapwalk_each(va, end, first_word, &found);
    spin_unlock(&pmap_lock);
    return found;
}

struct private_pages {
    int prot;
    unsigned n;
};

static int count_private(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    struct private_pages *p = ctx;
    (void)va;
    bool plain = npages == 1 && (*word & (PMAP_COUNTED | PMAP_COPY)) == PMAP_COUNTED &&
                 pmapwalk_rights_of(*word) == p->prot;
    if (!plain) {
        return 1;
    }
    const struct page *frame = pages_of((struct pa){*word & ~PMAP_FLAG_BITS});
    p->n++;
    return __atomic_load_n(&frame->refs, __ATOMIC_RELAXED) != 1;
}

unsigned pmap_private_pages(uint64_t start, uint64_t end, int prot)
{
    struct private_pages p = {.prot = prot};
    spin_lock(&pmap_lock);
    int other = pmapwalk_each(start, end, count_private, &p);
    spin_unlock(&pmap_lock);
    return other == 0 ? p.n : 0;
}

static int zero_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    (void)ctx, (void)va;
    memset(pages_map((struct pa){*word & ~PMAP_FLAG_BITS}), 0, npages * PAGE_SIZE);
    return 0;
}

void pmap_zero(uint64_t start, uint64_t end)
{
    spin_lock(&pmap_lock);
    (void)pmapwalk_each(start, end, zero_word, NULL);
    spin_unlock(&pmap_lock);
}

static uint64_t donated; /* [A] pages */

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
    if (done) {
        __atomic_fetch_add(&donated, HUGE_SIZE / PAGE_SIZE, __ATOMIC_RELAXED);
    }
    return done;
}

uint64_t pmap_table_pages(void)
{
    return __atomic_load_n(&donated, __ATOMIC_RELAXED) + pmapwalk_tables();
}

void pmap_stats(struct pmap_stats *out)
{
    spin_lock(&pmap_lock);
    *out = stats;
    spin_unlock(&pmap_lock);
}
