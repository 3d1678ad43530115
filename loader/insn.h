/* SPDX-License-Identifier: MIT */
/* One x86-64 instruction: where it ends, where it may go, and the same instruction at another
 * place. */
#ifndef LOADER_INSN_H
#define LOADER_INSN_H

#include "kernel/base/base.h"

#define INSN_MAX 15 /* bytes of the longest instruction */
#define INSN_MOVED_MAX 16 /* ... and of its longest moved form */

enum insn_kind {
    INSN_PLAIN, /* goes on behind itself, or faults */
    INSN_SYSCALL,
    INSN_JUMP, /* jmp to target */
    INSN_BRANCH, /* jcc to target, or on behind itself */
    INSN_RETURN, /* near ret */
    INSN_JUMP_INDIRECT, /* jmp through a register or memory */
    INSN_CALL, /* call of target; it may not return */
    INSN_CALL_INDIRECT,
    INSN_STOP, /* ud0, ud1, ud2, hlt, int3: nothing goes on behind it, or only by a signal */
    INSN_OTHER, /* transfers control in a way of its own: loop, jrcxz, xbegin, int n, far forms */
};

struct insn {
    uint8_t len;
    uint8_t kind; /* enum insn_kind */
    uint8_t condition; /* INSN_BRANCH: the low four bits of its opcode */
    uint8_t disp_at; /* offset of a RIP-relative disp32 operand, 0: none */
    bool odd; /* prefixes that change what the address or the branch means: never moved */
    uint64_t target; /* INSN_JUMP, INSN_BRANCH, INSN_CALL */
};

/* insn_decode: the instruction at code, whose address is addr. Pure.
 *   len  readable bytes; the instruction must lie within them
 * Returns 0; -EILSEQ not an instruction of 64-bit mode, or cut off. */
MUST_CHECK int insn_decode(const uint8_t *code, size_t len, uint64_t addr, struct insn *out);

/* insn_ends: whether the instruction never goes on to the one behind it. */
bool insn_ends(const struct insn *in);

/* insn_move: write to out (INSN_MOVED_MAX bytes) what does at address to exactly what the decoded
 * instruction at code does at addr. Pure.
 * Returns the new length; -EOPNOTSUPP for an instruction that cannot be moved (one that pushes or
 * tests its own address, or of kind INSN_SYSCALL and INSN_OTHER); -ERANGE out of reach from
 * there. */
MUST_CHECK int insn_move(const uint8_t *code, const struct insn *in, uint64_t addr, uint64_t to,
                         uint8_t *out);

/* insn_is_invalid: whether a first byte of this value raises #UD in 64-bit mode whatever
 * follows, on
 * every processor of today and with the extensions announced. */
bool insn_is_invalid(uint8_t first);

#endif
