/* SPDX-License-Identifier: MIT */
/* Hand-written system-call sites and the means to watch what passes through them: see sites.S. */
#ifndef GUEST_SITES_H
#define GUEST_SITES_H

#include <stdint.h>

enum { RAX, RBX, RCX, RDX, RSI, RDI, RBP, RSP, R8, R9, R10, R11, R12, R13, R14, R15 };

struct site_state { /* offsets are known to sites.S */
    uint64_t gpr[16];
    uint64_t flags;
    uint32_t mxcsr, unused;
    uint64_t red[16]; /* the red zone of the site's function */
    uint64_t extra[6]; /* to the next multiple of 64 */
    uint64_t mask[8];
    uint8_t vector[32][64];
};

typedef void site_function(void); /* an address to call; no C calling convention */

extern struct site_state site_in, site_out; /* registers before and after */
extern int site_level; /* 0 SSE, 1 AVX, 2 AVX-512 */
extern volatile int site_stop, site_spinning;
extern volatile long site_rounds;

/* site_probe: registers := site_in, call fn, site_out := registers. site_spin: call fn with RAX,
 * RBX,
 * RDI, RSI and RDX of site_in, again and again until site_stop; only code between sites_start and
 * sites_end runs while site_spinning. */
void site_probe(site_function *fn);
void site_spin(site_function *fn);
extern const char sites_start[], sites_end[];

/* Where calls of the same name begin, and labels in them. */
extern site_function mov_imm, mov_imm_call, mov_imm_after, mov_imm_bare, mov_imm_bare_call;
extern site_function mov_rax, mov_rax_call, from_register, from_register_bare, from_memory;
extern site_function read_glibc, read_glibc_call, cancel_musl, cancel_musl_call, cancel_musl_bare;
extern site_function twins, twins_second, twins_second_call, doubled, doubled_second;
extern site_function window, window_lea, window_nop, window_call, window_behind1, window_behind2;
extern site_function window_behind3, wide, wide_behind, stack_pointer, loop_mov, loop_call;
extern site_function skip_over, flag_user, call_before, call_behind, behind_ret, at_target;
extern site_function number_pushed, branch_behind, branch_behind_jump, relative, relative_behind;
extern const uint64_t relative_value;

#endif
