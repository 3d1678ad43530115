/* SPDX-License-Identifier: MIT */
/* Proofs of where instructions begin.
 *
 * A function of known start and length is decoded from end to end. For any other, a call or jump to
 * it must be found in code that is itself proven, and then control is followed from its start.
 * Calls are looked for backwards, from the function that matters to its callers, because following
 * everything from the program's entry would decode all of it. Pure but for the reader; the owner
 * serialises all use. Source: ARCHITECTURE.md, the system-call path. */
#include "loader/proof.h"

#include "kernel/base/string.h"

#define WINDOW 4096UL /* bytes of a function without a table that are followed */
#define START_ALIGN 16 /* of most functions */
#define STARTS_ALIGNED 4 /* tried below an address: aligned ones first, */
#define STARTS_ANY 4 /* then the nearest */
#define CALLERS_TRIED 8 /* calls of one start */
#define DEPTH_MAX 8 /* callers of callers */
#define BUDGET 64

void proof_close(struct proof *p)
{
    functions_close(&p->functions);
    callers_close(&p->callers);
    p->has_callers = false;
}

static struct flow *flow_at(struct proof *p, uint64_t start, size_t len)
{
    p->cut = p->cut || p->budget == 0;
    struct flow *f = p->budget != 0 ? flow_create(len) : NULL;
    if (f == NULL) {
        return NULL;
    }
    p->budget--;
    f->text.addr = start;
    f->text.len = functions_read(&p->functions, start, f->bytes, len + FLOW_BEHIND);
    if (f->text.len < len) {
        flow_destroy(f);
        return NULL;
    }
    return f;
}

static struct flow *keep_if(struct flow *f, bool good)
{
    if (!good) {
        flow_destroy(f);
        return NULL;
    }
    return f;
}

static struct flow *by_tables(struct proof *p, const struct function_range *r)
{
    struct flow *f = flow_at(p, r->start, r->len);
    return f != NULL ? keep_if(f, flow_linear(f, r->len)) : NULL;
}

/* What is reached from start, as far as addr is. */
static struct flow *from_start(struct proof *p, uint64_t start, uint64_t addr)
{
    uint64_t end = min(functions_next(&p->functions, start), start + WINDOW);
    struct flow *f = addr < end ? flow_at(p, start, (size_t)(end - start)) : NULL;
    return f != NULL ? keep_if(f, flow_descend(f) && flow_starts(f, addr)) : NULL;
}

static bool start_proven(struct proof *p, struct callers_start *s, unsigned depth);

/* By starts at or below addr, aligned ones only or any, up to tries of them. */
static struct flow *by_starts(struct proof *p, uint64_t addr, unsigned depth, bool aligned,
                              unsigned tries)
{
    struct callers_start *s = callers_below(&p->callers, addr);
    for (; tries != 0 && s != NULL; s = callers_before(&p->callers, s)) {
        uint64_t start = p->callers.base + s->at;
        if (addr - start >= WINDOW) {
            break;
        }
        if (aligned && !is_aligned(start, START_ALIGN)) {
            continue;
        }
        tries--;
        struct flow *f = from_start(p, start, addr);
        if (f != NULL && start_proven(p, s, depth)) {
            return f;
        }
        flow_destroy(f);
    }
    return NULL;
}

static struct flow *by_callers(struct proof *p, uint64_t addr, unsigned depth)
{
    struct flow *f = by_starts(p, addr, depth, true, STARTS_ALIGNED);
    return f != NULL ? f : by_starts(p, addr, depth, false, STARTS_ANY);
}

/* An instruction begins at addr, which tables know (or do not). */
static bool is_code(struct proof *p, uint64_t addr, bool tables, unsigned depth)
{
    struct function_range r;
    struct flow *f = NULL;
    if (tables != (functions_find(&p->functions, addr, &r) == 0)) {
        return false;
    }
    if (tables) {
        f = by_tables(p, &r);
    } else if (depth != 0) {
        f = by_callers(p, addr, depth - 1);
    } else {
        p->cut = true;
    }
    bool code = f != NULL && flow_starts(f, addr);
    flow_destroy(f);
    return code;
}

/* One of the calls of s is an instruction: those in functions that tables know are cheaper to
 * judge. */
static bool has_caller(struct proof *p, const struct callers_start *s, unsigned depth)
{
    uint32_t n = min(s->n, (uint32_t)CALLERS_TRIED);
    if (callers_origin(&p->callers, s, s->n - 1) == CALLERS_FILE) {
        return true;
    }
    for (uint32_t i = 0; i < 2 * n; i++) {
        if (is_code(p, callers_origin(&p->callers, s, i < n ? i : i - n), i < n, depth)) {
            return true;
        }
    }
    return false;
}

static bool start_proven(struct proof *p, struct callers_start *s, unsigned depth)
{
    if (s->verdict == CALLERS_UNKNOWN) {
        bool cut = p->cut;
        p->cut = false;
        s->verdict = CALLERS_ASKED;
        bool proven = has_caller(p, s, depth);
        s->verdict = proven ? CALLERS_PROVEN : p->cut ? CALLERS_UNKNOWN : CALLERS_DOUBTFUL;
        p->cut = p->cut || cut;
    }
    p->cut = p->cut || s->verdict == CALLERS_ASKED;
    return s->verdict == CALLERS_PROVEN;
}

struct flow *proof_find(struct proof *p, uint64_t addr)
{
    struct function_range r;
    struct flow *f;
    p->budget = BUDGET;
    p->cut = false;
    if (functions_find(&p->functions, addr, &r) == 0) {
        f = by_tables(p, &r);
        f = f != NULL ? keep_if(f, flow_starts(f, addr)) : NULL;
    } else {
        if (!p->has_callers && p->functions.nranges != 0) {
            p->has_callers = true;
            (void)(callers_open(&p->callers, &p->functions) == 0); /* or there are none */
        }
        f = by_callers(p, addr, DEPTH_MAX);
    }
    return f;
}
