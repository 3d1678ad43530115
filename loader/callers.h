/* SPDX-License-Identifier: MIT */
/* Who calls the functions that no table of their file knows. */
#ifndef LOADER_CALLERS_H
#define LOADER_CALLERS_H

#include "kernel/base/base.h"
#include "loader/functions.h"

#define CALLERS_FILE UINT64_MAX /* the file itself says that a function begins there */

enum callers_verdict { CALLERS_UNKNOWN, CALLERS_ASKED, CALLERS_PROVEN, CALLERS_DOUBTFUL };

/* One start of a function, as the bytes of a call or jump somewhere have it. */
struct callers_start {
    uint32_t first, n; /* its callers in callers.from */
    uint32_t at; /* offset in the text */
    uint8_t verdict; /* enum callers_verdict, the user's */
};

struct callers {
    uint64_t base; /* address of the text */
    struct callers_start *starts; /* sorted; heap */
    size_t nstarts;
    uint64_t *keys; /* target << 32 | origin, offsets in the text; sorted; heap */
    size_t nkeys;
};

/* callers_open: find all bytes in f's text that look like a direct call or jump to where no
 * function of known length is, and add what the file's tables name as starts. Whether those bytes
 * are instructions is the user's to find out. Returns 0, -ENOMEM, or -E2BIG (the text is too long:
 * there is nothing in c). callers_close also takes an empty one. Context: may block. */
MUST_CHECK int callers_open(struct callers *c, const struct functions *f);
void callers_close(struct callers *c);

/* callers_below: the last start at or below addr, NULL: none. callers_before: the one before s. */
struct callers_start *callers_below(const struct callers *c, uint64_t addr);
struct callers_start *callers_before(const struct callers *c, struct callers_start *s);

/* callers_origin: the address of caller i < s->n, or CALLERS_FILE. */
uint64_t callers_origin(const struct callers *c, const struct callers_start *s, uint32_t i);

#endif
