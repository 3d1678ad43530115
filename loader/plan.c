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

#define HISTORY 8 /* instructions remembered in front of the site */
#define NEAR 64 /* jump targets this far in front of the site are remembered, one bit each */
#define FORWARD_MAX 4

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

/* What a linear pass over a function found. */
struct pass {
    const struct text *text;
    uint64_t site;
    struct plan_insn before[HISTORY]; /* ring; at = distance in front of the site */
    unsigned nbefore;
    uint64_t before_addr[HISTORY];
    struct insn after[FORWARD_MAX];
    unsigned nafter;
    bool site_seen;
    uint64_t targets; /* bit i: a jump to site - i, i < NEAR */
    uint8_t targets_behind; /* bit i: a jump to site + i, i < PLAN_PATCH_LEN */
};

static int decode_at(const struct text *text, uint64_t addr, struct insn *out)
{
    size_t at = addr - text->addr;
    return at >= text->len ? -EILSEQ : insn_decode(text->bytes + at, text->len - at, addr, out);
}

static void note_target(struct pass *p, const struct insn *in)
{
    if (in->target <= p->site && p->site - in->target < NEAR) {
        p->targets |= 1UL << (p->site - in->target);
    }
    if (in->target > p->site && in->target - p->site < PLAN_PATCH_LEN) {
        p->targets_behind |= (uint8_t)(1U << (in->target - p->site));
    }
}

static void note_insn(struct pass *p, uint64_t addr, const struct insn *in)
{
    if (in->target != 0) {
        note_target(p, in);
    }
    if (addr < p->site) {
        p->before[p->nbefore % HISTORY].insn = *in;
        p->before_addr[p->nbefore % HISTORY] = addr;
        p->nbefore++;
    } else if (addr == p->site) {
        p->site_seen = in->kind == INSN_SYSCALL;
    } else if (p->site_seen && p->nafter < FORWARD_MAX && addr < p->site + PLAN_PATCH_LEN) {
        p->after[p->nafter++] = *in;
    }
}

/* Decode from the text's start to end, or (end 0) until the patch behind the site is covered. */
static bool run_pass(struct pass *p, uint64_t end)
{
    uint64_t addr = p->text->addr;
    uint64_t stop = end != 0 ? end : p->site + PLAN_PATCH_LEN;
    while (addr < stop) {
        struct insn in;
        if (decode_at(p->text, addr, &in) != 0) {
            return false;
        }
        note_insn(p, addr, &in);
        addr += in.len;
    }
    return p->site_seen && (end == 0 || addr == end);
}

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

/* Instructions behind the site that the patch covers, when known (a function's pass) or decoded
 * here:
 * behind a jump or return only padding is believed. */
static enum plan_reason collect_behind(const struct text *text, uint64_t known_end, bool certain,
                                       struct plan *out)
{
    uint64_t site = out->site;
    uint64_t addr = site + PLAN_SYSCALL_LEN;
    while (addr < site + PLAN_PATCH_LEN) {
        struct insn in;
        if (addr - text->addr >= text->len) {
            return PLAN_MAPPING_END;
        }
        if (decode_at(text, addr, &in) != 0) {
            return PLAN_UNPROVEN;
        }
        bool lock = text->bytes[addr - text->addr] == 0xf0; /* jumped over by old C libraries */
        if (lock || (!certain && addr >= known_end && !is_padding(text, addr, &in))) {
            return PLAN_UNPROVEN;
        }
        out->moved[out->nmoved++] = (struct plan_insn){(uint8_t)(addr - site), in};
        out->invalid |= (uint8_t)(1U << (addr - site));
        certain = certain && addr + in.len != known_end && !insn_ends(&in);
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

static enum plan_reason plan_forward(const struct text *text, uint64_t site, uint64_t known_end,
                                     bool certain, struct plan *out)
{
    *out = (struct plan){.site = site, .patch = site, .forward = true};
    enum plan_reason why = collect_behind(text, known_end, certain, out);
    if (why != PLAN_OK) {
        return why;
    }
    return movable(text, out) ? PLAN_OK : PLAN_IMMOVABLE;
}

/* A backward plan from the nearest instruction that can hold the jump. */
static bool plan_backward(const struct pass *p, struct plan *out)
{
    unsigned first;
    for (first = 1; first <= min(p->nbefore, (unsigned)HISTORY); first++) {
        unsigned i = (p->nbefore - first) % HISTORY;
        const struct insn *in = &p->before[i].insn;
        if (insn_ends(in) || p->site - p->before_addr[i] >= NEAR) {
            return false;
        }
        if (in->len >= PLAN_PATCH_LEN) {
            break;
        }
    }
    if (first > min(p->nbefore, (unsigned)HISTORY)) {
        return false;
    }
    *out = (struct plan){.site = p->site};
    out->patch = p->before_addr[(p->nbefore - first) % HISTORY];
    for (unsigned k = first; k > 0; k--) {
        unsigned i = (p->nbefore - k) % HISTORY;
        uint8_t at = (uint8_t)(p->before_addr[i] - out->patch);
        out->moved[out->nmoved++] = (struct plan_insn){at, p->before[i].insn};
    }
    return movable(p->text, out);
}

/* Targets of direct jumps in (from, site]. */
static bool entered(const struct pass *p, uint64_t from)
{
    uint64_t between = (1UL << (p->site - from)) - 1;
    return (p->targets & between) != 0;
}

/* No direct jump lands in the middle of an instruction that p moves. */
static bool targets_agree(const struct pass *pass, const struct plan *p)
{
    if (p->forward) {
        return (pass->targets_behind & ~p->invalid & ~1U) == 0;
    }
    uint64_t starts = 1;
    for (unsigned i = 0; i < p->nmoved; i++) {
        starts |= 1UL << (p->site - p->patch - p->moved[i].at);
    }
    uint64_t between = (1UL << (p->site - p->patch)) - 1;
    return (pass->targets & between & ~starts) == 0;
}

enum plan_reason plan_function(const struct text *text, size_t len, uint64_t site, struct plan *out)
{
    struct pass pass;
    struct plan forward;
    uint64_t end = len != 0 ? text->addr + len : 0;
    memset(&pass, 0, sizeof(pass));
    pass.text = text;
    pass.site = site;
    if (!run_pass(&pass, end)) {
        return PLAN_UNPROVEN;
    }
    bool can_back = plan_backward(&pass, out) && targets_agree(&pass, out);
    if (can_back && !entered(&pass, out->patch)) {
        return PLAN_OK;
    }
    enum plan_reason why = plan_forward(text, site, end, site + PLAN_SYSCALL_LEN != end, &forward);
    if (why == PLAN_OK && targets_agree(&pass, &forward)) {
        *out = forward;
        return PLAN_OK;
    }
    return can_back ? PLAN_OK : why == PLAN_OK ? PLAN_UNPROVEN : why;
}

enum plan_reason plan_executed(const struct text *text, bool returns, struct plan *out)
{
    return plan_forward(text, text->addr, 0, returns, out);
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
