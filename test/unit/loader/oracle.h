/* SPDX-License-Identifier: MIT */
/* Whether a stub does what the instructions did that its patch replaced: it is decoded again and
 * compared with them. Also what a patch may overwrite. For the unit tests and the fuzz target. */
#ifndef TEST_UNIT_LOADER_ORACLE_H
#define TEST_UNIT_LOADER_ORACLE_H

#include <string.h>

#include "loader/plan.h"

#define ORACLE(cond)         \
    do {                     \
        if (!(cond)) {       \
            return __LINE__; \
        }                    \
    } while (0)

static inline int64_t oracle_disp32(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

/* The moved instruction at to is the one at from. Returns 0 or the line that disagrees. */
static inline int oracle_insn(const uint8_t *was, uint64_t from, const uint8_t *is, uint64_t to)
{
    struct insn a;
    struct insn b;
    ORACLE(insn_decode(was, INSN_MAX, from, &a) == 0);
    ORACLE(insn_decode(is, INSN_MAX, to, &b) == 0);
    ORACLE(a.kind == b.kind && a.target == b.target && a.disp_at == b.disp_at);
    ORACLE(a.kind != INSN_BRANCH || a.condition == b.condition);
    ORACLE(a.kind != INSN_SYSCALL && a.kind != INSN_CALL && a.kind != INSN_CALL_INDIRECT);
    if (a.target != 0) {
        return 0;
    }
    ORACLE(a.len == b.len);
    for (unsigned i = 0; i < a.len; i++) {
        bool disp = a.disp_at != 0 && i >= a.disp_at && i < a.disp_at + 4U;
        ORACLE(disp || was[i] == is[i]);
    }
    if (a.disp_at != 0) {
        ORACLE(from + (uint64_t)oracle_disp32(was + a.disp_at) ==
               to + (uint64_t)oracle_disp32(is + b.disp_at));
    }
    return 0;
}

/* lea target(%rip),%rcx at offset at of the stub. */
static inline bool oracle_lea(const struct plan_stub *s, uint64_t stub, unsigned at,
                              uint64_t target)
{
    const uint8_t *c = s->code + at;
    return at + 7U <= s->len && memcmp(c, "\x48\x8d\x0d", 3) == 0 &&
           stub + at + 7 + (uint64_t)oracle_disp32(c + 3) == target;
}

/* jmp *slot(%rip). */
static inline bool oracle_gate(const struct plan_stub *s, uint64_t stub, unsigned at, uint64_t slot)
{
    const uint8_t *c = s->code + at;
    return at + 6U <= s->len && memcmp(c, "\xff\x25", 2) == 0 &&
           stub + at + 6 + (uint64_t)oracle_disp32(c + 2) == slot;
}

static inline int oracle_moved(const struct plan *p, const struct text *text, uint64_t stub,
                               const struct plan_stub *s)
{
    for (unsigned i = 0; i < p->nmoved; i++) {
        uint64_t from = p->patch + p->moved[i].at;
        uint8_t was[INSN_MAX] = {0};
        uint8_t is[INSN_MAX] = {0};
        memcpy(was, text->bytes + (from - text->addr), p->moved[i].insn.len);
        ORACLE(s->moved[i] < s->len);
        memcpy(is, s->code + s->moved[i],
               INSN_MAX < s->len - s->moved[i] ? INSN_MAX : s->len - s->moved[i]);
        int line = oracle_insn(was, from, is, stub + s->moved[i]);
        if (line != 0) {
            return line;
        }
    }
    return 0;
}

/* Returns 0, or the line of this file that disagrees. */
static inline int oracle_stub(const struct plan *p, const struct text *text, uint64_t stub,
                              uint64_t slot, const struct plan_stub *s)
{
    uint64_t back = p->site + PLAN_SYSCALL_LEN;
    ORACLE(s->patch[0] == 0xe9);
    ORACLE(p->patch + PLAN_PATCH_LEN + (uint64_t)oracle_disp32(s->patch + 1) == stub);
    if (!p->forward) {
        ORACLE(oracle_lea(s, stub, s->enter, back));
        ORACLE(oracle_gate(s, stub, s->enter + 7U, slot) && s->enter + 13U == s->len);
        return oracle_moved(p, text, stub, s);
    }
    ORACLE(oracle_lea(s, stub, 0, stub + s->resume) && oracle_gate(s, stub, 7, slot));
    ORACLE(s->resume == 13 && oracle_lea(s, stub, s->resume, back));
    ORACLE(p->nmoved != 0 && s->moved[0] == s->resume + 7U);
    const struct plan_insn *last = &p->moved[p->nmoved - 1];
    if (!insn_ends(&last->insn)) {
        unsigned at = s->len - 5U;
        ORACLE(s->code[at] == 0xe9 && stub + s->len + (uint64_t)oracle_disp32(s->code + at + 1) ==
                                          p->patch + last->at + last->insn.len);
    }
    return oracle_moved(p, text, stub, s);
}

/* What a plan says agrees with the rules: the patch lies inside one instruction, or each
 * instruction that begins in it is known; all that moves follows on itself up to the syscall, or
 * from it. */
static inline int oracle_plan(const struct plan *p, const struct text *text)
{
    uint64_t at = p->patch;
    ORACLE(p->nmoved >= 1 && p->nmoved <= PLAN_MOVED_MAX);
    if (p->forward) {
        ORACLE(p->patch == p->site && p->moved[0].at == PLAN_SYSCALL_LEN);
        at += PLAN_SYSCALL_LEN;
    } else {
        ORACLE(p->patch < p->site && p->moved[0].at == 0);
        ORACLE(p->moved[0].insn.len >= PLAN_PATCH_LEN);
    }
    for (unsigned i = 0; i < p->nmoved; i++) {
        struct insn in;
        uint64_t off = at - text->addr;
        ORACLE(at == p->patch + p->moved[i].at && off < text->len);
        ORACLE(insn_decode(text->bytes + off, text->len - off, at, &in) == 0);
        ORACLE(in.len == p->moved[i].insn.len);
        bool starts = p->forward && at < p->patch + PLAN_PATCH_LEN;
        ORACLE(!starts || (p->invalid >> (at - p->patch) & 1) != 0);
        ORACLE(p->forward || !insn_ends(&in));
        at += in.len;
    }
    ORACLE(p->forward ? at >= p->patch + PLAN_PATCH_LEN : at == p->site);
    return 0;
}

#endif
