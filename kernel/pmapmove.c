/* SPDX-License-Identifier: MIT */
/* Frames that move to other addresses, for mremap(2): mapped at both places first, then the old one
 * goes, so that a failure can be undone. Under pmap_lock. Source: mremap(2). */
#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/base/print.h"
#include "kernel/pmap.h"
#include "kernel/pmapwalk.h"
#include "platform/moncall.h"

static int first_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages)
{
    (void)word, (void)npages;
    *(uint64_t *)ctx = va;
    return 1;
}

static uint64_t next_locked(uint64_t va, uint64_t end) NEEDS(pmap_lock)
{
    uint64_t found = end;
    (void)pmapwalk_each(va, end, first_word, &found);
    return found;
}

/* Map the 2 MiB page of word at target too. -EINVAL, -ENOMEM: it cannot stay one there. */
static int huge_map_at(uint64_t target, uint64_t word, int prot) NEEDS(pmap_lock)
{
    if (!is_aligned(target, HUGE_SIZE)) {
        return -EINVAL;
    }
    uint64_t *there = pmapwalk_huge(target, true);
    if (there == NULL || !pmapwalk_huge_free(there)) {
        return -ENOMEM;
    }
    if (prot == PROT_NONE) { /* the monitor would keep the table that may be there */
        return *there == 0 ? 0 : -ENOMEM;
    }
    uint32_t flags = pmapwalk_map_flags(prot, word) | MAP_HUGE;
    struct mon_range r = {target, word & ~PMAP_FLAG_BITS, 1, flags, 0};
    if (moncall_map(&r, 1) != 0) {
        return -ENOMEM;
    }
    pmapwalk_huge_clear(there);
    return 0;
}

/* Map what is at [from, end) also at the same offsets from to, and have tables ready there. */
static int move_map(uint64_t from, uint64_t end, uint64_t to, int prot) NEEDS(pmap_lock)
{
    struct pmap_batch b = {.send = moncall_map};
    for (uint64_t va = next_locked(from, end); va < end; va = next_locked(va + PAGE_SIZE, end)) {
        uint64_t target = to + (va - from);
        uint64_t *word = pmapwalk_huge(va, false);
        if ((*word & PMAP_HUGE) != 0 && huge_map_at(target, *word, prot) == 0) {
            va += HUGE_SIZE - PAGE_SIZE;
            continue;
        }
        int err = pmapwalk_split(va);
        if (err != 0 || pmapwalk_small(target, true) == NULL) {
            return -ENOMEM;
        }
        word = pmapwalk_small(va, false);
        if (prot != PROT_NONE) {
            uint32_t flags = pmapwalk_map_flags(prot, *word);
            err = pmapwalk_add(&b, target, *word & ~PMAP_FLAG_BITS, 1, flags);
        }
        if (err != 0) {
            return -ENOMEM;
        }
    }
    return pmapwalk_flush(&b) != 0 ? -ENOMEM : 0;
}

struct move {
    struct pmap_batch unmap;
    uint64_t shift; /* to - from, modulo 2^64 */
    int prot;
};

static int move_undo(void *ctx, uint64_t va, uint64_t *word, unsigned npages) LOCK_ITSELF
{
    struct move *m = ctx;
    const uint64_t *there = pmapwalk_huge(va + m->shift, false);
    (void)word;
    if (npages != 1 && (!is_aligned(va + m->shift, HUGE_SIZE) || there == NULL || *there != 0)) {
        return 0; /* it was not mapped there */
    }
    return pmapwalk_add(&m->unmap, va + m->shift, 0, 1, npages != 1 ? MAP_HUGE : 0);
}

static int move_word(void *ctx, uint64_t va, uint64_t *word, unsigned npages) LOCK_ITSELF
{
    const struct move *m = ctx;
    uint64_t target = va + m->shift;
    if (npages != 1) {
        *pmapwalk_huge(target, false) = pmapwalk_with_rights(*word, m->prot);
        *word = 0;
        return 0;
    }
    uint64_t moved = pmapwalk_with_rights(*word, m->prot);
    pmapwalk_set(target, pmapwalk_small(target, false), moved);
    pmapwalk_set(va, word, 0);
    return 0;
}

static int move_locked(uint64_t from, uint64_t to, uint64_t len, int prot) NEEDS(pmap_lock)
{
    struct move m = {.unmap = {.send = moncall_unmap}, .shift = to - from, .prot = prot};
    uint64_t end = from + len;
    int err = pmapwalk_split_edges(from, end);
    if (err != 0) {
        return err;
    }
    if (move_map(from, end, to, prot) != 0) {
        err = pmapwalk_each(from, end, move_undo, &m);
        err = err != 0 ? err : pmapwalk_flush(&m.unmap);
        assert(err == 0);
        return -ENOMEM;
    }
    err = pmapwalk_each(from, end, pmapwalk_collect_unmap, &m.unmap);
    err = err != 0 ? err : pmapwalk_flush(&m.unmap);
    assert(err == 0);
    return pmapwalk_each(from, end, move_word, &m);
}

int pmap_move(uint64_t from, uint64_t to, uint64_t len, int prot)
{
    spin_lock(&pmap_lock);
    int err = move_locked(from, to, len, prot);
    spin_unlock(&pmap_lock);
    return err;
}
