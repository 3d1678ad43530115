/* SPDX-License-Identifier: MIT */
// sources: loader/insn.c build/source/zydis/src/Decoder.c
// sources: build/source/zydis/src/DecoderData.c build/source/zydis/src/SharedData.c
// cflags: -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_MINIMAL_MODE -DNDEBUG
// cflags: -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_FORMATTER -DZYDIS_DISABLE_SEGMENT
// cflags: -DZYDIS_DISABLE_KNC -isystem build/source/zydis/include
// cflags: -isystem build/source/zycore/usr/include -Ibuild/source/zydis/src
/* Single instructions: their length, kind and target, and the same at another place. */
#include "loader/insn.h"

#include <asm/errno.h>

#include "test/unit/check.h"
#include "test/unit/loader/oracle.h"

#define HERE 0x401000UL
#define THERE 0x7ffff000UL

struct known {
    const char *bytes;
    unsigned len;
    enum insn_kind kind;
    int64_t target; /* from HERE; 0: none */
};

static const struct known table[] = {
    {"\xb8\x27\x00\x00\x00", 5, INSN_PLAIN, 0}, /* mov $39,%eax */
    {"\x48\xc7\xc0\x27\x00\x00\x00", 7, INSN_PLAIN, 0}, /* mov $39,%rax, as Go has it */
    {"\x31\xc0", 2, INSN_PLAIN, 0},
    {"\x4c\x89\x5c\x24\x08", 5, INSN_PLAIN, 0}, /* mov %r11,8(%rsp) */
    {"\x80\x3d\x31\x33\x0e\x00\x00", 7, INSN_PLAIN, 0}, /* cmpb $0,x(%rip) */
    {"\x66\x2e\x0f\x1f\x84\x00\x00\x00\x00\x00", 10, INSN_PLAIN, 0},
    {"\x62\xf1\x7c\x48\x28\xc8", 6, INSN_PLAIN, 0}, /* vmovaps %zmm0,%zmm1 */
    {"\x0f\x05", 2, INSN_SYSCALL, 0},
    {"\xeb\xf9", 2, INSN_JUMP, 2 - 7},
    {"\xe9\xfb\xff\xff\xff", 5, INSN_JUMP, 0}, /* to itself */
    {"\x74\x17", 2, INSN_BRANCH, 2 + 0x17},
    {"\x0f\x87\x00\x01\x00\x00", 6, INSN_BRANCH, 6 + 0x100},
    {"\xe8\x49\xd5\xf8\xff", 5, INSN_CALL, 5 - 0x72ab7},
    {"\xff\xd0", 2, INSN_CALL_INDIRECT, 0},
    {"\xff\xe0", 2, INSN_JUMP_INDIRECT, 0},
    {"\xff\x25\x00\x00\x00\x00", 6, INSN_JUMP_INDIRECT, 0},
    {"\xc3", 1, INSN_RETURN, 0},
    {"\xf3\xc3", 2, INSN_RETURN, 0},
    {"\xf4", 1, INSN_STOP, 0},
    {"\xcc", 1, INSN_STOP, 0},
    {"\x0f\x0b", 2, INSN_STOP, 0},
    {"\xe2\xfe", 2, INSN_OTHER, 0}, /* loop */
    {"\xe3\x10", 2, INSN_OTHER, 2 + 0x10}, /* jrcxz */
    {"\xcd\x80", 2, INSN_OTHER, 0},
    {"\xc7\xf8\x10\x00\x00\x00", 6, INSN_OTHER, 6 + 0x10}, /* xbegin */
    {"\x0f\x34", 2, INSN_OTHER, 0}, /* sysenter */
};

static void known_instructions(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
        const uint8_t *b = (const uint8_t *)table[i].bytes;
        struct insn in;
        CHECK_EQ(insn_decode(b, table[i].len, HERE, &in), 0);
        CHECK_EQ(in.len, table[i].len);
        CHECK_EQ(in.kind, table[i].kind);
        if (table[i].target != 0) {
            CHECK_EQ(in.target, HERE + (uint64_t)table[i].target);
        }
        for (unsigned cut = 0; cut < table[i].len; cut++) { /* its prefixes are not it */
            bool whole = insn_decode(b, cut, HERE, &in) == 0 && in.len == table[i].len;
            CHECK(!whole);
        }
    }
}

static void ends(void)
{
    static const char *const never[] = {"\xc3", "\xeb\x00", "\xff\xe0", "\xf4", "\x0f\x0b"};
    static const char *const on[] = {"\x74\x00", "\x90", "\x0f\x05", "\xff\xd0", "\xe2\xfe"};
    struct insn in;
    for (unsigned i = 0; i < ARRAY_LEN(never); i++) {
        CHECK_EQ(insn_decode((const uint8_t *)never[i], strlen(never[i]) + 1, HERE, &in), 0);
        CHECK(insn_ends(&in));
        CHECK_EQ(insn_decode((const uint8_t *)on[i], strlen(on[i]) + 1, HERE, &in), 0);
        CHECK(!insn_ends(&in));
    }
}

/* What we call invalid, the decoder refuses whatever follows. */
static void invalid_bytes(void)
{
    unsigned n = 0;
    for (unsigned first = 0; first < 256; first++) {
        if (!insn_is_invalid((uint8_t)first)) {
            continue;
        }
        n++;
        for (unsigned round = 0; round < 2000; round++) {
            uint8_t code[INSN_MAX] = {(uint8_t)first};
            struct insn in;
            for (unsigned i = 1; i < sizeof(code); i++) {
                code[i] = (uint8_t)check_random();
            }
            CHECK(insn_decode(code, sizeof(code), HERE, &in) != 0);
        }
    }
    CHECK(n > 16);
    CHECK(!insn_is_invalid(0x62) && !insn_is_invalid(0xc4) && !insn_is_invalid(0xc5));
    CHECK(!insn_is_invalid(0xd5)); /* REX2 of APX */
}

static int move(const char *bytes, size_t len, uint64_t to, uint8_t *out)
{
    struct insn in;
    uint8_t padded[INSN_MAX] = {0};
    memcpy(padded, bytes, len);
    CHECK_EQ(insn_decode(padded, len, HERE, &in), 0);
    return insn_move(padded, &in, HERE, to, out);
}

static void moves(void)
{
    uint8_t out[INSN_MAX + INSN_MOVED_MAX] = {0};
    CHECK_EQ(move("\x31\xc0", 2, THERE, out), 2);
    CHECK(memcmp(out, "\x31\xc0", 2) == 0);
    CHECK_EQ(move("\x74\x17", 2, HERE + 0x1000, out), 6); /* je rel8 becomes rel32 */
    CHECK(memcmp(out, "\x0f\x84", 2) == 0);
    CHECK_EQ(oracle_disp32(out + 2), 0x19 - 0x1006);
    CHECK_EQ(move("\x0f\x87\x00\x01\x00\x00", 6, HERE - 0x100, out), 6);
    CHECK_EQ(oracle_disp32(out + 2), 0x106 + 0x100 - 6);
    CHECK_EQ(move("\xeb\xf9", 2, HERE + 0x20, out), 5);
    CHECK(out[0] == 0xe9);
    CHECK_EQ(oracle_disp32(out + 1), -5 - 0x25);
    CHECK_EQ(move("\x80\x3d\x31\x33\x0e\x00\x00", 7, HERE + 0x5000, out), 7); /* %rip-relative */
    CHECK_EQ(oracle_disp32(out + 2), 0xe3331 - 0x5000);
    CHECK_EQ(out[6], 0);
    CHECK_EQ(move("\xff\x25\x00\x00\x00\x00", 6, HERE + 0x10, out), 6);
    CHECK_EQ(oracle_disp32(out + 2), -0x10);
}

static void refusals(void)
{
    uint8_t out[INSN_MAX + INSN_MOVED_MAX];
    CHECK_EQ(move("\xe8\x00\x00\x00\x00", 5, THERE, out), -EOPNOTSUPP); /* pushes its address */
    CHECK_EQ(move("\xff\xd0", 2, THERE, out), -EOPNOTSUPP);
    CHECK_EQ(move("\x0f\x05", 2, THERE, out), -EOPNOTSUPP);
    CHECK_EQ(move("\xe2\xfe", 2, THERE, out), -EOPNOTSUPP);
    CHECK_EQ(move("\xcd\x80", 2, THERE, out), -EOPNOTSUPP);
    CHECK_EQ(move("\x66\xe9\x00\x00\x00\x00", 6, THERE, out), -EOPNOTSUPP); /* width differs */
    CHECK_EQ(move("\x67\x8b\x05\x00\x00\x00\x00", 7, THERE, out), -EOPNOTSUPP); /* 0(%eip) */
    CHECK_EQ(move("\x74\x17", 2, HERE + (3UL << 30), out), -ERANGE);
    CHECK_EQ(move("\xeb\x17", 2, HERE + (3UL << 30), out), -ERANGE);
    CHECK_EQ(move("\x8b\x05\x00\x00\x00\x00", 6, HERE + (3UL << 30), out), -ERANGE);
}

/* Random instructions: whatever moves is the same again when it is decoded at its new place. */
static void random_moves(void)
{
    unsigned moved = 0;
    for (unsigned i = 0; i < 400000; i++) {
        uint8_t code[INSN_MAX];
        uint8_t out[INSN_MAX + INSN_MOVED_MAX] = {0};
        struct insn in;
        for (unsigned k = 0; k < sizeof(code); k++) {
            code[k] = (uint8_t)check_random();
        }
        uint64_t to = HERE + check_below(1UL << 30) - (1UL << 29);
        if (insn_decode(code, sizeof(code), HERE, &in) != 0) {
            continue;
        }
        CHECK(in.len >= 1 && in.len <= INSN_MAX);
        int n = insn_move(code, &in, HERE, to, out);
        if (n > 0) {
            moved++;
            CHECK(n <= INSN_MOVED_MAX);
            CHECK_EQ(oracle_insn(code, HERE, out, to), 0);
        }
    }
    CHECK(moved > 100000);
}

TESTS(known_instructions, ends, invalid_bytes, moves, refusals, random_moves)
