/* SPDX-License-Identifier: MIT */
/* The tables under pmap.h, for the files that make it up: words, walks, batches of monitor
 * calls. */
#ifndef KERNEL_PMAPWALK_H
#define KERNEL_PMAPWALK_H

#include "kernel/base/lock.h"
#include "kernel/pmap.h"
#include "platform/monitor/abi.h"

#define PMAP_FLAG_BITS 0xfffUL
#define PMAP_HUGE_PAGES ((unsigned)(HUGE_SIZE / PAGE_SIZE))
#define PMAP_BATCH 64 /* ranges collected for one monitor call */

/* Guards the tables and the counters; held while the monitor is called, so that both agree. */
extern struct spinlock pmap_lock;

/* pmapwalk_huge, pmapwalk_small: the word of va at the level of 2 MiB, of 4 KiB. NULL when absent
 * and not to be made, or out of memory; small also where a 2 MiB page is. */
uint64_t *pmapwalk_huge(uint64_t va, bool make) NEEDS(pmap_lock);
uint64_t *pmapwalk_small(uint64_t va, bool make) NEEDS(pmap_lock);

/* pmapwalk_set: store value in the small word of va, counting what its table holds. */
void pmapwalk_set(uint64_t va, uint64_t *word, uint64_t value) NEEDS(pmap_lock);

/* pmapwalk_huge_free: nothing is mapped in the 2 MiB of va; pmapwalk_huge_clear drops the empty
 * table that may be there, so that the word at word can become a 2 MiB page. */
bool pmapwalk_huge_free(const uint64_t *word) NEEDS(pmap_lock);
void pmapwalk_huge_clear(uint64_t *word) NEEDS(pmap_lock);

/* pmapwalk_each: call act for each word with frames in [start, end): va, word, number of 4 KiB
 * pages. Stops at the first result other than 0 and returns it. */
typedef int (*pmapwalk_fn)(void *ctx, uint64_t va, uint64_t *word, unsigned npages);
int pmapwalk_each(uint64_t start, uint64_t end, pmapwalk_fn act, void *ctx) NEEDS(pmap_lock);

/* pmapwalk_split: turn the 2 MiB page around va, if there is one, into small pages; _edges: those
 * that [start, end) cuts. 0 or -ENOMEM. */
MUST_CHECK int pmapwalk_split(uint64_t va) NEEDS(pmap_lock);
MUST_CHECK int pmapwalk_split_edges(uint64_t start, uint64_t end) NEEDS(pmap_lock);

/* The rights in a word, and the monitor's flags for prot and a word's flags. */
uint64_t pmapwalk_rights(int prot);
int pmapwalk_rights_of(uint64_t word);
uint64_t pmapwalk_with_rights(uint64_t word, int prot);
uint32_t pmapwalk_map_flags(int prot, uint64_t word);

/* Ranges for one monitor call; what does not fit is sent before. */
struct pmap_batch {
    int (*send)(const struct mon_range *ranges, size_t n);
    struct mon_range range[PMAP_BATCH];
    unsigned n;
};
/* pmapwalk_add: npages at va, to the last range where that continues it. pmapwalk_flush: send what
 * is left. Return 0 or what the monitor says. */
MUST_CHECK int pmapwalk_add(struct pmap_batch *b, uint64_t va, uint64_t pa, uint32_t npages,
                            uint32_t flags);
MUST_CHECK int pmapwalk_flush(struct pmap_batch *b);
/* pmapwalk_collect_unmap: a pmapwalk_fn that adds each word to the batch ctx. */
int pmapwalk_collect_unmap(void *ctx, uint64_t va, uint64_t *word, unsigned npages);

/* pmapwalk_tables: pages of this table. */
uint64_t pmapwalk_tables(void);

#endif
