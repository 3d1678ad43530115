/* SPDX-License-Identifier: MIT */
/* Pages that come with the mapping, before the program touches them. */
#ifndef KERNEL_AHEAD_H
#define KERNEL_AHEAD_H

#include "kernel/base/base.h"

/* ahead_mapped: [start, end) was just mapped: enter its first pages if that is likely to pay.
 * ahead_grown: the same for a heap that grew, where it always is. Context: space.lock held for
 * writing. */
void ahead_mapped(uint64_t start, uint64_t end);
void ahead_grown(uint64_t start, uint64_t end);

/* ahead_opened: [start, end) had no rights and can be written now: a thread's stack gets its first
 * pages. Returns whether that is what it looks like. Context: as above. */
bool ahead_opened(uint64_t start, uint64_t end);

/* ahead_touched: there was a fault at va. ahead_gone: [start, end) is being unmapped. Context:
 * space.lock held. */
void ahead_touched(uint64_t va);
void ahead_gone(uint64_t start, uint64_t end);

#endif
