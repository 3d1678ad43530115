/* SPDX-License-Identifier: MIT */
/* Changing a few bytes of code that other processors may be executing. */
#ifndef LOADER_PATCH_H
#define LOADER_PATCH_H

#include "loader/plan.h"

struct patch {
    uint64_t addr; /* where the program has the bytes */
    uint8_t bytes[PLAN_PATCH_LEN]; /* what they become */
    /* bit i: an instruction begins at byte i, before or after; traps[i] in place of its first byte
     * raises #UD. Bit 0 is set. */
    uint8_t starts;
    uint8_t traps[PLAN_PATCH_LEN];
};

#define PATCH_TRAP 0x06 /* raises #UD */

/* patch_write: make the change. Whoever executes there meanwhile sees all of the old bytes, all of
 * the new ones, or #UD, of which patch_pending knows.
 *   pages  direct-map addresses of the pages of the first and the last byte; NULL: not there
 * Context: space.lock is held, which makes it one at a time. */
void patch_write(const struct patch *p, uint8_t *const pages[2]);

/* patch_matches: the bytes at addr are these, as far as their pages are there. */
bool patch_matches(uint64_t addr, const uint8_t *bytes, uint8_t *const pages[2]);

/* patch_pending: #UD at rip may come from bytes that are being changed or have been lately: their
 * address; 0: it does not. Not for ever: it says so a few times for each change. */
uint64_t patch_pending(uint64_t rip);

/* patch_renew: write the bytes at addr again as they are. QEMU, on several processors, now and then
 * keeps what it translated while they changed. Context: as patch_write. */
void patch_renew(uint64_t addr, uint8_t *const pages[2]);

#endif
