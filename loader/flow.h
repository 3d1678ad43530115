/* SPDX-License-Identifier: MIT */
/* Where the instructions of a function begin, and where its own jumps lead. */
#ifndef LOADER_FLOW_H
#define LOADER_FLOW_H

#include "kernel/base/base.h"
#include "loader/insn.h"

#define FLOW_BEHIND 32 /* readable bytes behind a function, for what fills up to the next */
#define FLOW_MAX (64UL << 10) /* bytes of the longest function that is decoded */

/* Bytes of the program's text. */
struct text {
    const uint8_t *bytes;
    uint64_t addr; /* of the first one */
    size_t len;
};

struct flow {
    struct text text; /* of bytes */
    size_t room; /* bits of each map: the longest function */
    uint64_t *starts; /* bit per byte: an instruction begins there */
    uint64_t *targets; /* ... a direct jump or call leads there */
    uint8_t bytes[]; /* room + FLOW_BEHIND */
};

/* flow_create: for a function of up to len bytes, at most FLOW_MAX. The caller then writes bytes
 * and text.addr, text.len. NULL: out of memory. flow_destroy takes NULL, too. */
struct flow *flow_create(size_t len);
void flow_destroy(struct flow *f);

/* flow_clear: forget what was found, for other bytes. */
void flow_clear(struct flow *f);

/* flow_linear: decode the function of len bytes at the text's start from end to end. True when
 * each instruction is one and the last ends exactly at len: together with nothing that leads into
 * the middle of one near a site (plan_site), that is the proof for what file tables call a
 * function. Pure. */
bool flow_linear(struct flow *f, size_t len);

/* flow_descend: follow control from the text's first instruction: on behind each, and along direct
 * jumps and calls, as far as the text goes. True when all that is reached is instructions and none
 * begins inside another. Where the first one is known to be code, so is all that starts then. Pure.
 */
bool flow_descend(struct flow *f);

/* flow_starts: an instruction begins at addr. flow_enters: a jump or call leads there. */
bool flow_starts(const struct flow *f, uint64_t addr);
bool flow_enters(const struct flow *f, uint64_t addr);

/* flow_decode: the instruction at addr in text. 0 or -EILSEQ. */
MUST_CHECK int flow_decode(const struct text *text, uint64_t addr, struct insn *out);

#endif
