/* SPDX-License-Identifier: MIT */
/* How one system-call site can be rewritten so that nothing can tell; decided from the bytes
 * alone. */
#ifndef LOADER_PLAN_H
#define LOADER_PLAN_H

#include "kernel/base/base.h"
#include "loader/flow.h"

#define PLAN_PATCH_LEN 5 /* jmp rel32 */
#define PLAN_SYSCALL_LEN 2
#define PLAN_MOVED_MAX 8
#define PLAN_STUB_MAX 192 /* bytes; room for any plan */

/* Why a site is not rewritten; index of plan_reason_text. */
enum plan_reason {
    PLAN_OK,
    PLAN_UNPROVEN, /* what lies before and behind it is not certain enough */
    PLAN_IMMOVABLE, /* the bytes to overwrite hold a call or something else that cannot move */
    PLAN_MAPPING_END,
    PLAN_SHARED,
    PLAN_WRITABLE,
    PLAN_NO_PLACE, /* no address within reach fits */
    PLAN_NO_MEMORY,
    PLAN_CHANGED, /* the memory differs from the file */
    PLAN_ENTERED, /* the program jumps into the overwritten bytes time and again */
    PLAN_NREASONS,
};
extern const char *const plan_reason_text[PLAN_NREASONS];

struct plan_insn {
    uint8_t at; /* offset from plan.patch */
    struct insn insn;
};

/* The patch is a jump to a stub, which holds the moved instructions.
 * Backward: the patch lies inside one instruction before the syscall; the syscall and all
 * between stay
 * in place as well. Forward: the patch starts at the syscall, and what follows moves. */
struct plan {
    uint64_t site; /* of the syscall */
    uint64_t patch; /* of the overwritten bytes */
    bool forward;
    uint8_t invalid; /* forward: bit i: byte i begins an instruction: see insn_is_invalid */
    uint8_t nmoved;
    struct plan_insn moved[PLAN_MOVED_MAX];
};

/* plan_site: judge a site by the instructions around it.
 *   f     proven by flow_linear or flow_descend; holds the site and FLOW_BEHIND bytes behind it, if
 *         there are so many
 *   site  address of the syscall
 * Returns PLAN_OK and *out, or the reason. Pure. */
enum plan_reason plan_site(const struct flow *f, uint64_t site, struct plan *out);

/* plan_executed: judge a site of which only its execution is known: forward, as far as what
 * follows
 * is bound to be executed or is padding. Pure.
 *   text     starts at the syscall
 *   returns  the call comes back to the instruction behind it (rt_sigreturn does not) */
enum plan_reason plan_executed(const struct text *text, bool returns, struct plan *out);

/* plan_fits: a stub at this address makes a jump that satisfies the plan. */
bool plan_fits(const struct plan *p, uint64_t stub);

/* A stub that was written, and the patch that leads to it. */
struct plan_stub {
    uint8_t code[PLAN_STUB_MAX];
    uint8_t patch[PLAN_PATCH_LEN];
    uint8_t len; /* of code; what follows are offsets into it */
    uint8_t enter; /* backward: of what enters the gate */
    uint8_t resume; /* forward: where the gate returns to */
    uint8_t moved[PLAN_MOVED_MAX]; /* of each moved instruction */
};

/* plan_build: write the stub and the patch. Pure.
 *   text       holds the bytes from plan.patch to the end of what moves
 *   stub       address of the stub
 *   gate_slot  address of 8 bytes that hold the gate's
 * Returns 0, -ERANGE (something is out of reach from there) or -EOPNOTSUPP. */
MUST_CHECK int plan_build(const struct plan *p, const struct text *text, uint64_t stub,
                          uint64_t gate_slot, struct plan_stub *out);

#endif
