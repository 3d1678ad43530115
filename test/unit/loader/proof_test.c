/* SPDX-License-Identifier: MIT */
// sources: loader/proof.c loader/callers.c loader/functions.c loader/flow.c loader/insn.c
// fakes: heap log
// sources: build/source/zydis/src/Decoder.c build/source/zydis/src/DecoderData.c
// sources: build/source/zydis/src/SharedData.c
// cflags: -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_MINIMAL_MODE -DNDEBUG
// cflags: -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_FORMATTER -DZYDIS_DISABLE_SEGMENT
// cflags: -DZYDIS_DISABLE_KNC -isystem build/source/zydis/include
// cflags: -isystem build/source/zycore/usr/include -Ibuild/source/zydis/src
/* Which code is proven by whom: tables, calls from proven code, calls of calls; and what is not. */
#include "loader/proof.h"

#include <asm/errno.h>

#include "kernel/heap.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"
#include "test/unit/loader/image.h"

#define KNOWN TEXT /* a function that has a symbol */
#define KNOWN_LEN 0x40U
#define SITE 5U /* offset of the syscall in what put_hidden writes */
#define CALL 0xe8
#define JUMP 0xe9

static struct image image;
static struct proof proof;

/* mov $39,%eax; syscall; ret */
static void put_hidden(uint64_t at)
{
    image_code(&image, at, "\xb8\x27\x00\x00\x00\x0f\x05\xc3", 8);
}

static void begin(void)
{
    image_init(&image);
    for (unsigned i = 0; i < KNOWN_LEN; i++) {
        image.bytes[KNOWN + i] = 0x90;
    }
    image.bytes[KNOWN + KNOWN_LEN - 1] = 0xc3;
    image_symbol(&image, KNOWN, KNOWN_LEN);
}

static bool proven(uint64_t addr)
{
    struct flow *f = proof_find(&proof, addr);
    bool found = f != NULL;
    CHECK(!found || flow_starts(f, addr));
    flow_destroy(f);
    return found;
}

static void open(void)
{
    memset(&proof, 0, sizeof(proof));
    image_functions(&image, &proof.functions);
    CHECK_EQ(functions_open(&proof.functions), 0);
}

static void tables(void)
{
    begin();
    open();
    CHECK(proven(KNOWN + 3));
    CHECK(!proven(KNOWN + KNOWN_LEN)); /* int3, and nobody's */
    proof_close(&proof);
    begin();
    image.bytes[KNOWN + 8] = 0x06; /* no instruction: nothing in the function is certain */
    open();
    CHECK(!proven(KNOWN + 3));
    proof_close(&proof);
}

static void called(void)
{
    begin();
    image_call(&image, KNOWN + 8, CALL, TEXT + 0x80);
    image_call(&image, KNOWN + 16, JUMP, TEXT + 0xa1); /* not aligned: assembly */
    put_hidden(TEXT + 0x80);
    put_hidden(TEXT + 0xa1);
    put_hidden(TEXT + 0xc0); /* nobody calls it */
    open();
    CHECK(proven(TEXT + 0x80 + SITE));
    CHECK(proven(TEXT + 0xa1 + SITE));
    CHECK(!proven(TEXT + 0xc0 + SITE));
    CHECK(!proven(TEXT + 0x80 + 1)); /* inside of an instruction */
    proof_close(&proof);
}

/* The bytes of a call inside another instruction prove nothing, nor does a call to oneself. */
static void not_called(void)
{
    begin();
    image_code(&image, KNOWN + 8, "\x48\xb8", 2); /* movabs: eight bytes that are data */
    image_call(&image, KNOWN + 10, CALL, TEXT + 0x80);
    put_hidden(TEXT + 0x80);
    put_hidden(TEXT + 0xa0);
    image_call(&image, TEXT + 0xa7, CALL, TEXT + 0xa0); /* in place of its ret */
    image.bytes[TEXT + 0xac] = 0xc3;
    put_hidden(TEXT + 0xc0); /* two that call each other */
    put_hidden(TEXT + 0xe0);
    image_call(&image, TEXT + 0xc7, JUMP, TEXT + 0xe0);
    image_call(&image, TEXT + 0xe7, JUMP, TEXT + 0xc0);
    open();
    CHECK(!proven(TEXT + 0x80 + SITE));
    CHECK(!proven(TEXT + 0xa0 + SITE));
    CHECK(!proven(TEXT + 0xc0 + SITE));
    CHECK(!proven(TEXT + 0xe0 + SITE));
    proof_close(&proof);
}

/* known calls a calls b calls c ...: the last one first, and in any order. */
static void chains(void)
{
    for (unsigned order = 0; order < 4; order++) {
        begin();
        image_call(&image, KNOWN + 8, CALL, TEXT + 0x80);
        for (unsigned i = 0; i < 6; i++) {
            put_hidden(TEXT + 0x80 + i * 0x20);
            image_call(&image, TEXT + 0x87 + i * 0x20, JUMP, TEXT + 0xa0 + i * 0x20);
        }
        image_code(&image, TEXT + 0x140, "\xc3", 1);
        open();
        for (unsigned i = 0; i < 6; i++) {
            unsigned k = order == 0 ? i : order == 1 ? 5 - i : (i * 5 + order) % 6;
            CHECK(proven(TEXT + 0x80 + k * 0x20 + SITE));
        }
        proof_close(&proof);
    }
}

static void named_by_the_file(void)
{
    begin();
    put_hidden(TEXT + 0x80);
    put_hidden(TEXT + 0xa0);
    put_hidden(TEXT + 0xc0);
    image_relocation(&image, TEXT + 0x80, 8);
    image_symbol(&image, TEXT + 0xa0, 0);
    ((Elf64_Ehdr *)(void *)image.bytes)->e_entry = TEXT + 0xc0;
    open();
    CHECK(proven(TEXT + 0x80 + SITE));
    CHECK(proven(TEXT + 0xa0 + SITE));
    CHECK(proven(TEXT + 0xc0 + SITE));
    proof_close(&proof);
}

/* Control that comes to no instruction, or into the middle of one: not code as we know it. */
static void doubtful(void)
{
    begin();
    image_call(&image, KNOWN + 8, CALL, TEXT + 0x80);
    image_call(&image, KNOWN + 16, CALL, TEXT + 0xc0);
    put_hidden(TEXT + 0x80);
    image_code(&image, TEXT + 0x87, "\x74\xf8\xc3", 3); /* je into the mov */
    put_hidden(TEXT + 0xc0);
    image_code(&image, TEXT + 0xc7, "\x74\x10\xc3", 3); /* je to 0xd9 */
    image.bytes[TEXT + 0xd9] = 0x06;
    open();
    CHECK(!proven(TEXT + 0x80 + SITE));
    CHECK(!proven(TEXT + 0xc0 + SITE));
    proof_close(&proof);
}

/* Random bytes as text: whatever is proven was decoded; nothing breaks. */
static void random_text(void)
{
    for (unsigned round = 0; round < 200; round++) {
        begin();
        for (unsigned i = KNOWN_LEN; i < TEXT_LEN; i++) {
            image.bytes[TEXT + i] = check_below(6) == 0 ? 0xe8 : (uint8_t)check_random();
        }
        for (unsigned i = 0; i < 40; i++) {
            image_call(&image, TEXT + check_below(TEXT_LEN - 5), CALL,
                       TEXT + check_below(TEXT_LEN));
        }
        open();
        for (unsigned i = 0; i < TEXT_LEN; i += 3) {
            (void)proven(TEXT + i);
        }
        proof_close(&proof);
    }
    CHECK(image.reads > 0);
}

static void no_memory(void)
{
    for (unsigned long n = 1; n < 60; n++) {
        begin();
        image_call(&image, KNOWN + 8, CALL, TEXT + 0x80);
        put_hidden(TEXT + 0x80);
        open();
        heap_fail_after(n);
        bool found = proven(TEXT + 0x80 + SITE);
        bool failed = fake_heap_failed();
        heap_fail_after(0);
        CHECK(found || failed);
        proof_close(&proof);
        if (!failed) {
            return;
        }
    }
    CHECK(false);
}

TESTS(tables, called, not_called, chains, named_by_the_file, doubtful, random_text, no_memory)
