/* SPDX-License-Identifier: MIT */
/* Judging of system-call sites and writing of their stubs.
 *
 * Two shapes. Backward, where the site's function is proven: `jmp stub` lies inside one
 * instruction in
 * front of the syscall, so no jump can land in the middle of it, and jumps to anything else still
 * work. Forward: `jmp stub` lies over the syscall and what follows; whatever instruction began in
 * there begins with an invalid opcode now, so that a jump to it faults and is sent to its moved
 * copy.
 * RCX is the site's return address whenever the program's own instructions run, as after the
 * instruction itself. Pure: no state, no locks. Source: Intel SDM volume 2 (encodings). */
#include "loader/plan.h"

#include <asm/errno.h>

#include "kernel/base/string.h"

#define NEAR 64 /* bytes in front of the site in which the patch may lie */

const char *const plan_reason_text[PLAN_NREASONS] = {
    [PLAN_OK] = "rewritten",
    [PLAN_UNPROVEN] = "code around it is not certain",
    [PLAN_IMMOVABLE] = "code around it cannot move",
    [PLAN_MAPPING_END] = "the mapping ends behind it",
    [PLAN_SHARED] = "shared or special mapping",
    [PLAN_WRITABLE] = "writable code",
    [PLAN_NO_PLACE] = "no place for a stub within reach",
    [PLAN_NO_MEMORY] = "out of memory",
    [PLAN_CHANGED] = "code differs from its file",
    [PLAN_ENTERED] = "the program jumps into the bytes behind it",
};

/* Bytes that only fill up: int3 and the no-operation forms that compilers align with. */
static bool is_padding(const struct text *text, uint64_t addr, const struct insn *in)
{
    const uint8_t *b = text->bytes + (addr - text->addr);
    unsigned i = 0;
    while (i < in->len && (b[i] == 0x66 || b[i] == 0x2e)) {
        i++;
    }
    unsigned left = in->len - i;
    return (left == 1 && (b[i] == 0x90 || b[i] == 0xcc)) ||
           (left >= 3 && b[i] == 0x0f && b[i + 1] == 0x1f);
}

/* Instructions behind the site that the patch covers: those that f has proven, or (f NULL, certain)
 * that follow what was executed. Behind a jump or return only padding is believed. */
static enum plan_reason collect_behind(const struct text *text, const struct flow *f, bool certain,
                                       struct plan *out)
{
    uint64_t site = out->site;
    uint64_t addr = site + PLAN_SYSCALL_LEN;
    while (addr < site + PLAN_PATCH_LEN) {
        struct insn in;
        if (addr - text->addr >= text->len) {
            return PLAN_MAPPING_END;
        }
        if (flow_decode(text, addr, &in) != 0) {
            return PLAN_UNPROVEN;
        }
        bool lock = text->bytes[addr - text->addr] == 0xf0; /* jumped over by old C libraries */
        bool believed = certain && (f == NULL || flow_starts(f, addr));
        if (lock || (!believed && !is_padding(text, addr, &in))) {
            return PLAN_UNPROVEN;
        }
        out->moved[out->nmoved++] = (struct plan_insn){(uint8_t)(addr - site), in};
        out->invalid |= (uint8_t)(1U << (addr - site));
        certain = certain && !insn_ends(&in);
        addr += in.len;
    }
    return PLAN_OK;
}

static bool movable(const struct text *text, const struct plan *p)
{
    uint8_t out[INSN_MOVED_MAX];
    for (unsigned i = 0; i < p->nmoved; i++) {
        uint64_t addr = p->patch + p->moved[i].at;
        const uint8_t *code = text->bytes + (addr - text->addr);
        if (insn_move(code, &p->moved[i].insn, addr, addr, out) < 0) {
            return false;
        }
    }
    return true;
}

static enum plan_reason plan_forward(const struct text *text, const struct flow *f, uint64_t site,
                                     bool certain, struct plan *out)
{
    *out = (struct plan){.site = site, .patch = site, .forward = true};
    enum plan_reason why = collect_behind(text, f, certain, out);
    if (why != PLAN_OK) {
        return why;
    }
    return movable(text, out) ? PLAN_OK : PLAN_IMMOVABLE;
}

/* The instruction that ends at addr, where control comes from it. */
static bool decode_before(const struct flow *f, uint64_t addr, uint64_t *at, struct insn *out)
{
    for (*at = addr - 1; addr - *at <= INSN_MAX; --*at) {
        if (flow_starts(f, *at)) {
            return flow_decode(&f->text, *at, out) == 0 && *at + out->len == addr &&
                   !insn_ends(out);
        }
    }
    return false;
}

/* A backward plan from the nearest instruction that can hold the jump. */
static bool plan_backward(const struct flow *f, uint64_t site, struct plan *out)
{
    struct plan_insn before[PLAN_MOVED_MAX]; /* nearest first; at = distance in front of the site */
    uint64_t at = site;
    unsigned n = 0;
    do {
        if (n == PLAN_MOVED_MAX || !decode_before(f, at, &at, &before[n].insn) ||
            site - at >= NEAR) {
            return false;
        }
        before[n].at = (uint8_t)(site - at);
    } while (before[n++].insn.len < PLAN_PATCH_LEN);
    *out = (struct plan){.site = site, .patch = at};
    while (n-- != 0) {
        struct plan_insn moved = {(uint8_t)(site - at - before[n].at), before[n].insn};
        out->moved[out->nmoved++] = moved;
    }
    return movable(&f->text, out);
}

/* A direct jump leads into (from, to], to any instruction or (misled) into the middle of one. */
static bool is_entered(const struct flow *f, uint64_t from, uint64_t to, bool misled)
{
    for (uint64_t addr = from + 1; addr <= to; addr++) {
        if (flow_enters(f, addr) && !(misled && flow_starts(f, addr))) {
            return true;
        }
    }
    return false;
}

enum plan_reason plan_site(const struct flow *f, uint64_t site, struct plan *out)
{
    struct insn in;
    struct plan forward;
    if (!flow_starts(f, site) || flow_decode(&f->text, site, &in) != 0 || in.kind != INSN_SYSCALL ||
        in.len != PLAN_SYSCALL_LEN) {
        return PLAN_UNPROVEN;
    }
    bool can_back = plan_backward(f, site, out) && !is_entered(f, out->patch, site, true);
    if (can_back && !is_entered(f, out->patch, site, false)) {
        return PLAN_OK;
    }
    enum plan_reason why = plan_forward(&f->text, f, site, true, &forward);
    if (why == PLAN_OK && !is_entered(f, site, site + PLAN_PATCH_LEN - 1, true)) {
        *out = forward;
        return PLAN_OK;
    }
    return can_back ? PLAN_OK : why == PLAN_OK ? PLAN_UNPROVEN : why;
}

enum plan_reason plan_executed(const struct text *text, bool returns, struct plan *out)
{
    return plan_forward(text, NULL, text->addr, returns, out);
}

bool plan_fits(const struct plan *p, uint64_t stub)
{
    int64_t rel = (int64_t)(stub - (p->patch + PLAN_PATCH_LEN));
    if (rel != (int32_t)rel) {
        return false;
    }
    for (unsigned i = 1; i < PLAN_PATCH_LEN; i++) {
        if ((p->invalid >> i & 1) != 0 && !insn_is_invalid((uint8_t)(rel >> (8 * (i - 1))))) {
            return false;
        }
    }
    return true;
}

/* The stub while it is being written. */
struct writer {
    const struct plan *p;
    const struct text *text;
    uint64_t stub;
    uint8_t *out;
    unsigned at;
    int err;
};

static void put(struct writer *w, const void *bytes, unsigned n)
{
    memcpy(w->out + w->at, bytes, n);
    w->at += n;
}

/* opcode bytes followed by a displacement to target. */
static void put_relative(struct writer *w, const void *opcode, unsigned n, uint64_t target)
{
    put(w, opcode, n);
    int64_t rel = (int64_t)(target - (w->stub + w->at + 4));
    int32_t rel32 = (int32_t)rel;
    w->err = rel != rel32 ? -ERANGE : w->err;
    put(w, &rel32, sizeof(rel32));
}

static void put_return_address(struct writer *w, uint64_t target)
{
    static const uint8_t lea_rcx[] = {0x48, 0x8d, 0x0d};
    put_relative(w, lea_rcx, sizeof(lea_rcx), target);
}

static void put_gate(struct writer *w, uint64_t gate_slot)
{
    static const uint8_t jmp_slot[] = {0xff, 0x25};
    put_relative(w, jmp_slot, sizeof(jmp_slot), gate_slot);
}

static void put_moved(struct writer *w, struct plan_stub *layout)
{
    for (unsigned i = 0; i < w->p->nmoved && w->err == 0; i++) {
        uint64_t addr = w->p->patch + w->p->moved[i].at;
        const uint8_t *code = w->text->bytes + (addr - w->text->addr);
        uint8_t moved[INSN_MOVED_MAX];
        int n = insn_move(code, &w->p->moved[i].insn, addr, w->stub + w->at, moved);
        layout->moved[i] = (uint8_t)w->at;
        if (n < 0) {
            w->err = n;
            return;
        }
        put(w, moved, (unsigned)n);
    }
}

static void put_forward(struct writer *w, uint64_t gate_slot, struct plan_stub *layout)
{
    static const uint8_t jmp = 0xe9;
    const struct plan_insn *last = &w->p->moved[w->p->nmoved - 1];
    uint64_t back = w->p->site + PLAN_SYSCALL_LEN;
    layout->resume = 13; /* behind the two instructions that follow */
    put_return_address(w, w->stub + layout->resume);
    put_gate(w, gate_slot);
    put_return_address(w, back);
    put_moved(w, layout);
    if (!insn_ends(&last->insn)) {
        put_relative(w, &jmp, sizeof(jmp), w->p->patch + last->at + last->insn.len);
    }
}

int plan_build(const struct plan *p, const struct text *text, uint64_t stub, uint64_t gate_slot,
               struct plan_stub *out)
{
    static const uint8_t jmp = 0xe9;
    memset(out, 0, sizeof(*out));
    struct writer w = {.p = p, .text = text, .stub = stub, .out = out->code};
    if (p->forward) {
        put_forward(&w, gate_slot, out);
    } else {
        put_moved(&w, out);
        out->enter = (uint8_t)w.at;
        put_return_address(&w, p->site + PLAN_SYSCALL_LEN);
        put_gate(&w, gate_slot);
    }
    out->len = (uint8_t)w.at;
    struct writer j = {.stub = p->patch, .out = out->patch, .err = w.err};
    put_relative(&j, &jmp, sizeof(jmp), stub);
    return j.err;
}
