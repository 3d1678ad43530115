/* SPDX-License-Identifier: MIT */
/* Turn system-call sites that have trapped into direct jumps to the gate. */
#ifndef LOADER_REWRITE_H
#define LOADER_REWRITE_H

#include "kernel/base/base.h"

/* rewrite_init: gate = address of the gate in the library OS. Until then nothing is rewritten. */
void rewrite_init(uint64_t gate, bool enabled);

/* rewrite_site: a syscall instruction at addr just trapped: rewrite it if that is sound, else remember
 * the reason. Cheap for sites already judged. Context: may allocate; not from a fault. */
void rewrite_site(uint64_t addr);

/* rewrite_resolve: if rip lies in a stub, the address of the site's own instruction that corresponds
 * to it (for signal frames and traces) and true. */
bool rewrite_resolve(uint64_t rip, uint64_t *site_rip);

/* rewrite_stray: if rip lies in the overwritten bytes of a rewritten site, where a jump there was meant to
 * go: the relocated copy, and true. */
bool rewrite_stray(uint64_t rip, uint64_t *copy_rip);

/* rewrite_forget: [start, end) was unmapped or replaced: forget sites and stubs' sites there. */
void rewrite_forget(uint64_t start, uint64_t end);

/* rewrite_report: lines for --stats through emit: totals, then each site that still traps with
 * address, module and reason. */
void rewrite_report(void (*emit)(const char *line));

#endif
