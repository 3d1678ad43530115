/* SPDX-License-Identifier: MIT */
/* Instruction boundaries of one function, as two maps with a bit per byte.
 *
 * No state of its own, no locks. Bytes are data from a file: anything may be in them.
 * Source: ARCHITECTURE.md, the system-call path. */
#include "loader/flow.h"

#include <asm/errno.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"

#define WORD_BITS 64U
#define PENDING_MAX 128U /* jumps that are still to be followed */

struct walk {
    struct flow *f;
    uint64_t pending[PENDING_MAX];
    unsigned n;
};

static size_t words_of(size_t len)
{
    return (len + WORD_BITS - 1) / WORD_BITS;
}

struct flow *flow_create(size_t len)
{
    if (len > FLOW_MAX) {
        return NULL;
    }
    size_t words = words_of(len);
    size_t bytes = align_up(len + FLOW_BEHIND, sizeof(uint64_t));
    struct flow *f = heap_zalloc(sizeof(*f) + bytes + 2 * words * sizeof(uint64_t));
    if (f != NULL) {
        f->room = len;
        f->text.bytes = f->bytes;
        f->starts = (uint64_t *)(void *)(f->bytes + bytes);
        f->targets = f->starts + words;
    }
    return f;
}

void flow_clear(struct flow *f)
{
    memset(f->starts, 0, 2 * words_of(f->room) * sizeof(uint64_t));
}

void flow_destroy(struct flow *f)
{
    heap_free(f);
}

static bool bit_get(const struct flow *f, const uint64_t *map, uint64_t addr)
{
    uint64_t at = addr - f->text.addr;
    return at < f->room && (map[at / WORD_BITS] >> at % WORD_BITS & 1) != 0;
}

static void bit_set(const struct flow *f, uint64_t *map, uint64_t addr)
{
    uint64_t at = addr - f->text.addr;
    if (at < f->room) {
        map[at / WORD_BITS] |= 1UL << at % WORD_BITS;
    }
}

bool flow_starts(const struct flow *f, uint64_t addr)
{
    return bit_get(f, f->starts, addr);
}

bool flow_enters(const struct flow *f, uint64_t addr)
{
    return bit_get(f, f->targets, addr);
}

int flow_decode(const struct text *text, uint64_t addr, struct insn *out)
{
    uint64_t at = addr - text->addr;
    return at >= text->len ? -EILSEQ : insn_decode(text->bytes + at, text->len - at, addr, out);
}

bool flow_linear(struct flow *f, size_t len)
{
    uint64_t addr = f->text.addr;
    uint64_t end = addr + len;
    struct insn in;
    while (addr < end) {
        if (flow_decode(&f->text, addr, &in) != 0) {
            return false;
        }
        bit_set(f, f->starts, addr);
        if (in.target != 0) {
            bit_set(f, f->targets, in.target);
        }
        addr += in.len;
    }
    return addr == end && len <= f->room;
}

static bool in_text(const struct flow *f, uint64_t addr)
{
    return addr - f->text.addr < f->text.len && addr - f->text.addr < f->room;
}

/* Note where the instruction leads. False: too many places. */
static bool note_target(struct walk *w, const struct insn *in)
{
    if (in->target == 0 || !in_text(w->f, in->target) || flow_enters(w->f, in->target)) {
        return true;
    }
    bit_set(w->f, w->f->targets, in->target);
    if (w->n == PENDING_MAX) {
        return false;
    }
    w->pending[w->n++] = in->target;
    return true;
}

/* From addr on until control ends, leaves the text, or comes to what is known. */
static bool walk_on(struct walk *w, uint64_t addr)
{
    struct flow *f = w->f;
    struct insn in;
    while (in_text(f, addr) && !flow_starts(f, addr)) {
        if (flow_decode(&f->text, addr, &in) != 0) {
            return f->text.addr + f->text.len - addr < INSN_MAX; /* cut off */
        }
        bit_set(f, f->starts, addr);
        if (!note_target(w, &in)) {
            return false;
        }
        if (insn_ends(&in)) {
            return true;
        }
        addr += in.len;
    }
    return true;
}

/* No instruction that was reached begins inside another. */
static bool is_consistent(const struct flow *f)
{
    uint64_t end = f->text.addr + min(f->text.len, f->room);
    uint64_t busy = 0; /* end of the last instruction */
    for (uint64_t addr = f->text.addr; addr < end; addr++) {
        struct insn in;
        if (!flow_starts(f, addr)) {
            continue;
        }
        if (addr < busy || flow_decode(&f->text, addr, &in) != 0) {
            return false;
        }
        busy = addr + in.len;
    }
    return true;
}

bool flow_descend(struct flow *f)
{
    struct walk w = {.f = f, .pending = {f->text.addr}, .n = 1};
    while (w.n != 0) {
        if (!walk_on(&w, w.pending[--w.n])) {
            return false;
        }
    }
    return is_consistent(f);
}
