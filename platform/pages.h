/* SPDX-License-Identifier: MIT */
/* Physical page frames: a buddy allocator over the RAM of the boot memory map, with reference
 * counts. Every frame it hands out is in the direct map. */
#ifndef PLATFORM_PAGES_H
#define PLATFORM_PAGES_H

#include "kernel/base/base.h"
#include "kernel/base/list.h"

#define PAGES_MAX_ORDER 10 /* largest block: 4 MiB */
#define PAGES_HUGE_ORDER 9 /* 2 MiB */

#define PAGES_ZERO 0x1 /* flag: the block comes zeroed */
#define PAGES_RESERVE 0x2 /* flag: may dip into the reserve kept for the kernel's own needs */
#define PAGES_MODEST 0x4 /* flag: leaves a sixteenth of memory free (files, to the program) */

/* One per frame; 32 bytes. Fields belong to the allocator unless a comment says otherwise. */
struct page {
    struct list link; /* free list; the owner's while the block is allocated */
    uint32_t refs; /* [A] 0 = free */
    uint8_t order; /* of the block, in its head frame */
    uint8_t flags; /* allocator state */
    uint16_t owner_bits; /* the owner's while allocated */
};

/* pages_add: give the allocator the RAM [start, end), page-aligned, mapped at direct_map + pa.
 * Only frames that are touched get their struct page set up, so this costs O(1). */
void pages_add(struct pa start, struct pa end);

/* pages_add_used: the same for frames that are in use by somebody: each has one reference and is
 * free when that is put. Any time. Returns false when they cannot be taken. */
MUST_CHECK bool pages_add_used(struct pa start, struct pa end);

/* pages_set_give_hook: called when there is no frame; returns true when there may be some now. May
 * put frames. Context: no lock of this file is held, but any other. Set at boot. */
void pages_set_give_hook(bool (*hook)(void));

/* pages_init: direct_map is the virtual address of physical 0; the array of struct page for frames
 * below top is carved out of the first range added. Call before pages_add. */
void pages_init(uint64_t direct_map, struct pa top);

/* pages_alloc: a block of 2^order frames with one reference, NULL when there is none. */
struct page *pages_alloc(unsigned order, unsigned flags);

/* pages_get, pages_put: take and drop a reference of the block; the last one frees it. */
void pages_get(struct page *p);
void pages_put(struct page *p);

/* pages_split: turn an allocated block of order n with one reference into 2^n blocks of order 0,
 * each with one reference. */
void pages_split(struct page *p);

/* Conversions. pages_of returns NULL for an address that is not the allocator's RAM (the initrd,
 * devices): such frames are not counted and must not be passed to get and put. */
struct pa pages_pa(const struct page *p);
void *pages_va(const struct page *p);
struct page *pages_of(struct pa pa);
struct page *pages_from_va(const void *va); /* of a direct-map address inside an allocated block */

/* pages_map: the direct-map address of any RAM frame, also one that is not the allocator's. */
void *pages_map(struct pa pa);

/* Counters in frames: total, free now, and the greatest number ever in use. */
struct pages_stats {
    size_t total, free, peak_used;
};
void pages_stats(struct pages_stats *out);

#endif
