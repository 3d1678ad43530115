/* SPDX-License-Identifier: MIT */
/* Stacks of ended threads that keep their frames.
 *
 * Some C libraries map a stack for each thread and unmap it when the thread was joined. Changing
 * the hardware's tables costs more than all the rest of a thread's life, so the frames of such a
 * stack stay where they are, mapped, when its region goes, and serve the next stack of that size.
 * Until then the region does not exist for any call; but an access to the dead stack does not
 * fault.
 * Context of all: space.lock held for writing. */
#ifndef KERNEL_STACKCACHE_H
#define KERNEL_STACKCACHE_H

#include "kernel/base/base.h"

struct vma;

/* stackcache_started: a thread was started with its stack pointer at sp. Takes space.lock. */
void stackcache_started(uint64_t sp);

/* stackcache_keep: [start, end), on a border of regions, is being unmapped: if it is a thread's
 * stack with its guard, worth to be kept, return true; its entries stay in pmap then and the caller
 * leaves them alone. */
bool stackcache_keep(uint64_t start, uint64_t end);

/* stackcache_claim: a place for the new region v of len bytes, where a kept stack of that size
 * lies; 0: there is none. The region gets its frames when stackcache_open finds it opened as stacks
 * are; anything else has to be preceded by stackcache_settle. */
uint64_t stackcache_claim(const struct vma *v, uint64_t len);

/* stackcache_awaits: opening [start, end) with prot is what a claimed stack waits for. */
bool stackcache_awaits(uint64_t start, uint64_t end, int prot);

/* stackcache_open: if that is so, the kept frames become the region's, zeroed, writable, and the
 * result is true. */
bool stackcache_open(uint64_t start, uint64_t end, int prot);

/* stackcache_settle: a claimed stack was no stack: its frames go. */
void stackcache_settle(void);

/* stackcache_evict: something else than a claimed region comes to [start, end): frames kept there
 * go. Returns true when there were some. */
bool stackcache_evict(uint64_t start, uint64_t end);

#endif
