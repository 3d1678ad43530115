/* SPDX-License-Identifier: MIT */
/* Turn system-call sites into direct jumps to the gate: at their first trap, or before. */
#ifndef LOADER_REWRITE_H
#define LOADER_REWRITE_H

#include "kernel/base/base.h"

/* rewrite_init: gate = address of the gate in the library OS. Until then nothing is rewritten. */
void rewrite_init(uint64_t gate, bool on);

/* rewrite_site: a syscall instruction at addr just trapped: rewrite it if that is sound, else
 * remember
 * the reason. Cheap for sites already judged. Context: may allocate and block; not from a fault.
 *   nr  the number of the call
 * Returns where the call goes back to: behind the instruction, or what stands for that now. */
uint64_t rewrite_site(uint64_t addr, uint64_t nr);

/* rewrite_text: the program's fetch at addr brought in its page: rewrite the sites in it that are
 * proven. Context: on a fault of the program's own, before it goes on; may block. */
void rewrite_text(uint64_t addr);

/* rewrite_holds_calls: a page of code has bytes of a syscall instruction in it. Pure. */
bool rewrite_holds_calls(const uint8_t *page);

/* rewrite_resolve: if rip lies in a stub, the address of the site's own instruction that
 * corresponds
 * to it (for signal frames and traces) and true. */
bool rewrite_resolve(uint64_t rip, uint64_t *site_rip);

/* rewrite_stray: if rip lies in the overwritten bytes of a rewritten site, where a jump there was
 * meant to go: the relocated copy, and true. */
bool rewrite_stray(uint64_t rip, uint64_t *copy_rip);

/* rewrite_forget: [start, end) is no longer unchanging code (unmapped, writable ...): put back
 * the
 * original bytes where they are still mapped and forget sites and stubs there. Does not block. */
void rewrite_forget(uint64_t start, uint64_t end);

/* rewrite_report: lines for --stats through emit: totals, then each site that still traps with
 * address, module and reason. */
void rewrite_report(void (*emit)(const char *line));

#endif
