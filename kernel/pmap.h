/* SPDX-License-Identifier: MIT */
/* The library OS's own page table of the program: the truth of which frame is behind which address.
 * The hardware tables are the monitor's and cannot be read back; pmap tells it what to change.
 * Every function is one step under pmap.lock: threads that fault in one place at once are told
 * apart by -EEXIST. */
#ifndef KERNEL_PMAP_H
#define KERNEL_PMAP_H

#include "kernel/base/base.h"

/* Flags of an entry. */
#define PMAP_VALID 0x1 /* there is a frame */
#define PMAP_COUNTED 0x2 /* of the page allocator: put when the entry goes */
#define PMAP_COPY 0x4 /* not writable in hardware: a write gets a private or writable frame first */
#define PMAP_HUGE 0x8 /* one 2 MiB frame */

struct pmap_entry {
    struct pa pa; /* of the 4 KiB page asked for, also inside a 2 MiB one */
    unsigned flags; /* 0: no frame */
};

/* pmap_get: what is behind va. */
struct pmap_entry pmap_get(uint64_t va);

/* pmap_gap: the run of pages without entries around the page of va, within [*start, *end) and the
 * same 2 MiB. False: there is an entry at va. */
bool pmap_gap(uint64_t va, uint64_t *start, uint64_t *end);

/* pmap_enter: put npages contiguous frames from pa at va, where nothing may be; prot is the
 * region's; flags are PMAP_COUNTED, PMAP_COPY. Counted frames: one reference each passes to the
 * table.
 * Returns 0, -EEXIST (there is an entry) or -ENOMEM (nothing entered, references stay the
 * caller's). */
MUST_CHECK int pmap_enter(uint64_t va, struct pa pa, unsigned npages, int prot, unsigned flags);

/* pmap_huge_possible: the 2 MiB around va have no entries: pmap_enter_huge can succeed. */
bool pmap_huge_possible(uint64_t va);

/* pmap_enter_huge: one 2 MiB block of the page allocator at an aligned va. Returns as
 * pmap_enter. */
MUST_CHECK int pmap_enter_huge(uint64_t va, struct pa pa, int prot);

/* pmap_replace_many: the frames at up to PMAP_MANY addresses (valid small entries) give way to
 * others, all or none; as pmap_enter. -EEXIST: not all of them are the expected ones any more.
 * Frames and addresses that follow each other are cheaper. */
#define PMAP_MANY 16
struct pmap_frame {
    uint64_t va;
    struct pa pa, was;
};
MUST_CHECK int pmap_replace_many(const struct pmap_frame *frames, unsigned n, int prot,
                                 unsigned flags);

/* pmap_replace: the same for one. */
MUST_CHECK static inline int pmap_replace(const struct pmap_frame *f, int prot, unsigned flags)
{
    return pmap_replace_many(f, 1, prot, flags);
}

/* pmap_remove: forget and unmap [start, end), put counted frames. A 2 MiB page that is only partly
 * inside is split first. Returns 0 or -ENOMEM (for the split; nothing removed). */
MUST_CHECK int pmap_remove(uint64_t start, uint64_t end);

/* pmap_protect: give what is mapped in [start, end) the rights of prot. Returns as pmap_remove. */
MUST_CHECK int pmap_protect(uint64_t start, uint64_t end, int prot);

/* pmap_move: entries of [from, from + len) to the same offsets at to, where nothing is mapped; with
 * the rights of prot. Returns 0 or -ENOMEM (nothing moved). */
MUST_CHECK int pmap_move(uint64_t from, uint64_t to, uint64_t len, int prot);

/* pmap_next: first address >= va and < end with a frame behind it; end when there is none. */
uint64_t pmap_next(uint64_t va, uint64_t end);

/* pmap_private_pages: the number of pages in [start, end) when each is a small one whose frame
 * nobody else has and whose rights are prot's; 0: others are among them. pmap_zero: clear those
 * frames. */
unsigned pmap_private_pages(uint64_t start, uint64_t end, int prot);
void pmap_zero(uint64_t start, uint64_t end);

/* pmap_donate: give the monitor 2 MiB for page tables; for moncall_set_donate. */
bool pmap_donate(void);

/* pmap_table_pages: those of page tables: given to the monitor, which keeps them, and own ones. */
uint64_t pmap_table_pages(void);

struct pmap_stats {
    uint64_t resident, peak_resident, huge; /* pages of 4 KiB; 2 MiB pages entered so far */
};
void pmap_stats(struct pmap_stats *out);

#endif
