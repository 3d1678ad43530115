/* SPDX-License-Identifier: MIT */
// sources: loader/flow.c loader/insn.c
// fakes: heap log
// sources: build/source/zydis/src/Decoder.c build/source/zydis/src/DecoderData.c
// sources: build/source/zydis/src/SharedData.c
// cflags: -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_MINIMAL_MODE -DNDEBUG
// cflags: -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_FORMATTER -DZYDIS_DISABLE_SEGMENT
// cflags: -DZYDIS_DISABLE_KNC -isystem build/source/zydis/include
// cflags: -isystem build/source/zycore/usr/include -Ibuild/source/zydis/src
/* Instruction boundaries: linear and by following control. */
#include "loader/flow.h"

#include "kernel/heap.h"
#include "test/unit/check.h"

#define HERE 0x401000UL

static struct flow *flow_of(const char *bytes, size_t len)
{
    struct flow *f = flow_create(len);
    CHECK(f != NULL);
    __builtin_memcpy(f->bytes, bytes, len);
    f->text.addr = HERE;
    f->text.len = len;
    return f;
}

/* The starts among the first bytes as a mask. */
static uint64_t starts(const struct flow *f)
{
    uint64_t mask = 0;
    for (unsigned i = 0; i < 64; i++) {
        mask |= (uint64_t)flow_starts(f, HERE + i) << i;
        CHECK(!flow_starts(f, HERE - 1 - i) && !flow_enters(f, HERE - 1 - i));
    }
    return mask;
}

static void linear(void)
{
    struct flow *f = flow_of("\x31\xc0\x74\x01\x90\x0f\x05\xc3", 8);
    CHECK(flow_linear(f, 8));
    CHECK_EQ(starts(f), 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 7);
    CHECK(flow_enters(f, HERE + 5) && !flow_enters(f, HERE + 4));
    flow_clear(f);
    CHECK_EQ(starts(f), 0);
    CHECK(!flow_enters(f, HERE + 5));
    CHECK(!flow_linear(f, 6)); /* ends inside the syscall */
    flow_destroy(f);
    f = flow_of("\x90\x06\xc3", 3);
    CHECK(!flow_linear(f, 3));
    flow_destroy(f);
    f = flow_of("\xc3\xe8\x00", 3); /* cut off */
    CHECK(!flow_linear(f, 3));
    flow_destroy(f);
}

static void descent(void)
{
    /* jmp over data; the data is no instruction; a call into what follows the return */
    struct flow *f = flow_of("\xeb\x02\x06\x06\xe8\x02\x00\x00\x00\xc3\x06\x90\xc3", 13);
    CHECK(flow_descend(f) && !flow_starts(f, HERE + 2));
    CHECK_EQ(starts(f), 1 | 1 << 4 | 1 << 9 | 1 << 11 | 1 << 12);
    CHECK(flow_enters(f, HERE + 4) && flow_enters(f, HERE + 11));
    flow_destroy(f);
    f = flow_of("\x74\x01\xb8\x90\x90\x90\x90\xc3", 8); /* je into the mov: both decode */
    CHECK(!flow_descend(f));
    flow_destroy(f);
    f = flow_of("\x74\x02\xc3\xc3\x06", 5); /* a branch to no instruction */
    CHECK(flow_decode(&f->text, HERE + 4, &(struct insn){0}) != 0);
    CHECK(flow_descend(f)); /* to the last bytes of the text: it may only be cut off */
    CHECK(!flow_starts(f, HERE + 4));
    flow_destroy(f);
    f = flow_of("\x74\x02\xc3\xc3\x06\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3\xc3",
                20);
    CHECK(!flow_descend(f));
    flow_destroy(f);
    f = flow_of("\xeb\xfe", 2); /* round and round */
    CHECK(flow_descend(f));
    CHECK_EQ(starts(f), 1);
    flow_destroy(f);
}

/* More branches than are remembered: refused, not followed in part. */
static void many_branches(void)
{
    char bytes[1200];
    for (unsigned i = 0; i < 600; i++) {
        bytes[2 * i] = 0x74;
        bytes[2 * i + 1] = (char)(i < 300 ? 100 : 0);
    }
    bytes[1198] = (char)0xc3;
    bytes[1199] = (char)0xc3;
    struct flow *f = flow_of(bytes, sizeof(bytes));
    bool followed = flow_descend(f);
    for (unsigned i = 0; followed && i < 599; i++) {
        CHECK(flow_starts(f, HERE + 2 * i));
    }
    flow_clear(f);
    CHECK(flow_linear(f, sizeof(bytes)));
    flow_destroy(f);
    CHECK(flow_create(FLOW_MAX + 1) == NULL);
    heap_fail_after(1);
    CHECK(flow_create(10) == NULL);
    heap_fail_after(0);
}

static void check_boundaries(const struct flow *f, size_t len)
{
    uint64_t busy = HERE;
    for (uint64_t at = HERE; at < HERE + len; at++) {
        struct insn in;
        if (flow_starts(f, at)) {
            CHECK(at >= busy && flow_decode(&f->text, at, &in) == 0);
            busy = at + in.len;
        }
    }
}

/* Random bytes: what is called consistent is. */
static void random_bytes(void)
{
    unsigned good = 0;
    for (unsigned round = 0; round < 30000; round++) {
        char bytes[96];
        for (unsigned i = 0; i < sizeof(bytes); i++) {
            static const uint8_t often[] = {0x74, 0xeb, 0x90, 0xc3, 0x02, 0x0f, 0x05, 0x31};
            bytes[i] = (char)(check_below(3) != 0 ? often[check_below(8)] : check_random());
        }
        struct flow *f = flow_of(bytes, sizeof(bytes));
        if (flow_descend(f)) {
            good++;
            check_boundaries(f, sizeof(bytes));
        }
        flow_destroy(f);
    }
    CHECK(good > 1000);
}

TESTS(linear, descent, many_branches, random_bytes)
