/* SPDX-License-Identifier: MIT */
/* The face of Zydis that the rewriter sees, and moving of single instructions.
 *
 * Lengths and encodings come from Zydis in its minimal form; the kinds of control transfer are
 * read
 * off the opcode. Pure: no state but the decoder's constant settings, no locks.
 * Source: Intel SDM volume 2, appendix A (opcode maps), 2.2.1.6 (RIP-relative addressing). */
#include "loader/insn.h"

#include <Zydis/Decoder.h>

#include <asm/errno.h>

#include "kernel/base/string.h"

#define PREFIX_OPERAND 0x66
#define PREFIX_ADDRESS 0x67
#define PREFIX_REPNE 0xf2
#define PREFIX_REP 0xf3
#define MODRM_RIP 5 /* rm of the RIP-relative form, mod 0 */
#define NEAR_JMP 0xe9
#define NEAR_JMP_LEN 5
#define NEAR_JCC_LEN 6

static const bool invalid_first[256] = {
    [0x06] = true, [0x07] = true, [0x0e] = true, [0x16] = true, [0x17] = true,
    [0x1e] = true, [0x1f] = true, [0x27] = true, [0x2f] = true, [0x37] = true,
    [0x3f] = true, [0x60] = true, [0x61] = true, [0x82] = true, [0x9a] = true,
    [0xce] = true, [0xd4] = true, [0xd6] = true, [0xea] = true,
};

bool insn_is_invalid(uint8_t first)
{
    return invalid_first[first];
}

/* Kinds of the one-byte opcodes that are not plain; groups are told by the reg field. */
static enum insn_kind kind_one_byte(uint8_t op, uint8_t reg)
{
    switch (op) {
    case 0x70 ... 0x7f: return INSN_BRANCH;
    case 0xc2:
    case 0xc3: return INSN_RETURN;
    case 0xe8: return INSN_CALL;
    case 0xe9:
    case 0xeb: return INSN_JUMP;
    case 0xcc:
    case 0xf1:
    case 0xf4: return INSN_STOP;
    case 0xc7: return reg == 7 ? INSN_OTHER : INSN_PLAIN; /* xbegin */
    case 0xc6: return reg == 7 ? INSN_OTHER : INSN_PLAIN; /* xabort */
    case 0xca ... 0xcb:
    case 0xcd ... 0xcf:
    case 0xe0 ... 0xe3: return INSN_OTHER;
    case 0xff: break;
    default: return INSN_PLAIN;
    }
    static const uint8_t group5[8] = {
        [2] = INSN_CALL_INDIRECT,
        [3] = INSN_OTHER,
        [4] = INSN_JUMP_INDIRECT,
        [5] = INSN_OTHER,
    };
    return group5[reg & 7];
}

static enum insn_kind kind_two_byte(uint8_t op)
{
    switch (op) {
    case 0x05: return INSN_SYSCALL;
    case 0x07:
    case 0x34:
    case 0x35:
    case 0xaa: return INSN_OTHER; /* sysret, sysenter, sysexit, rsm */
    case 0x0b:
    case 0xb9:
    case 0xff: return INSN_STOP; /* ud2, ud1, ud0 */
    case 0x80 ... 0x8f: return INSN_BRANCH;
    default: return INSN_PLAIN;
    }
}

static enum insn_kind kind_of(const ZydisDecodedInstruction *z)
{
    if (z->encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY) {
        return INSN_PLAIN;
    }
    switch (z->opcode_map) {
    case ZYDIS_OPCODE_MAP_DEFAULT: return kind_one_byte(z->opcode, z->raw.modrm.reg);
    case ZYDIS_OPCODE_MAP_0F: return kind_two_byte(z->opcode);
    default: return INSN_PLAIN;
    }
}

static bool has_odd_prefix(const ZydisDecodedInstruction *z, const struct insn *in)
{
    for (unsigned i = 0; i < z->raw.prefix_count; i++) {
        uint8_t p = z->raw.prefixes[i].value;
        bool transfers = in->kind != INSN_PLAIN && in->kind != INSN_STOP;
        if (transfers &&
            (p == PREFIX_OPERAND || p == PREFIX_ADDRESS || p == PREFIX_REPNE || p == PREFIX_REP) &&
            in->kind != INSN_RETURN) {
            return true;
        }
        if (in->disp_at != 0 && p == PREFIX_ADDRESS) {
            return true; /* the sum is cut to 32 bits */
        }
    }
    return false;
}

int insn_decode(const uint8_t *code, size_t len, uint64_t addr, struct insn *out)
{
    ZydisDecoder decoder;
    ZydisDecodedInstruction z;
    if (ZYAN_FAILED(ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64)) ||
        ZYAN_FAILED(ZydisDecoderDecodeInstruction(&decoder, NULL, code, len, &z))) {
        return -EILSEQ;
    }
    memset(out, 0, sizeof(*out));
    out->len = z.length;
    out->kind = (uint8_t)kind_of(&z);
    if (z.raw.imm[0].is_relative) {
        out->target = addr + z.length + (uint64_t)z.raw.imm[0].value.s;
        out->condition = z.opcode & 0xf;
        if (out->kind == INSN_PLAIN) {
            out->kind = INSN_OTHER;
        }
    }
    bool modrm = (z.attributes & ZYDIS_ATTRIB_HAS_MODRM) != 0;
    if (modrm && z.raw.modrm.mod == 0 && z.raw.modrm.rm == MODRM_RIP) {
        out->disp_at = z.raw.disp.offset;
    }
    out->odd = has_odd_prefix(&z, out);
    return 0;
}

bool insn_ends(const struct insn *in)
{
    return in->kind == INSN_JUMP || in->kind == INSN_RETURN || in->kind == INSN_JUMP_INDIRECT ||
           in->kind == INSN_STOP;
}

static bool fits_int32(int64_t x)
{
    return x == (int32_t)x;
}

static int put_relative(uint8_t *out, unsigned len, uint64_t to, uint64_t target)
{
    int64_t rel = (int64_t)(target - (to + len));
    if (!fits_int32(rel)) {
        return -ERANGE;
    }
    int32_t rel32 = (int32_t)rel;
    memcpy(out + len - sizeof(rel32), &rel32, sizeof(rel32));
    return (int)len;
}

static int move_plain(const uint8_t *code, const struct insn *in, uint64_t addr, uint64_t to,
                      uint8_t *out)
{
    memcpy(out, code, in->len);
    if (in->disp_at == 0) {
        return in->len;
    }
    int32_t disp;
    memcpy(&disp, code + in->disp_at, sizeof(disp));
    int64_t moved = disp + (int64_t)(addr - to);
    if (!fits_int32(moved)) {
        return -ERANGE;
    }
    disp = (int32_t)moved;
    memcpy(out + in->disp_at, &disp, sizeof(disp));
    return in->len;
}

int insn_move(const uint8_t *code, const struct insn *in, uint64_t addr, uint64_t to, uint8_t *out)
{
    if (in->odd) {
        return -EOPNOTSUPP;
    }
    switch ((enum insn_kind)in->kind) {
    case INSN_PLAIN:
    case INSN_RETURN:
    case INSN_STOP:
    case INSN_JUMP_INDIRECT: return move_plain(code, in, addr, to, out);
    case INSN_JUMP: out[0] = NEAR_JMP; return put_relative(out, NEAR_JMP_LEN, to, in->target);
    case INSN_BRANCH:
        out[0] = 0x0f;
        out[1] = 0x80 | in->condition;
        return put_relative(out, NEAR_JCC_LEN, to, in->target);
    default: return -EOPNOTSUPP;
    }
}
