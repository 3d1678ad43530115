/* SPDX-License-Identifier: MIT */
// sources: loader/stub.c loader/plan.c loader/flow.c loader/insn.c
// fakes: heap pages log
// sources: build/source/zydis/src/Decoder.c build/source/zydis/src/DecoderData.c
// sources: build/source/zydis/src/SharedData.c
// cflags: -DZYDIS_STATIC_BUILD -DZYCORE_STATIC_BUILD -DZYDIS_MINIMAL_MODE -DNDEBUG
// cflags: -DZYDIS_DISABLE_ENCODER -DZYDIS_DISABLE_FORMATTER -DZYDIS_DISABLE_SEGMENT
// cflags: -DZYDIS_DISABLE_KNC -isystem build/source/zydis/include
// cflags: -isystem build/source/zycore/usr/include -Ibuild/source/zydis/src
/* Places for stubs: where a jump may lead, that none is given twice, and what goes with its page.
 * */
#include "loader/stub.h"

#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "test/fake/heap.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

#define GATE 0x7f0012345678UL
#define TEXT 0x7e1234567000UL
#define MAX_MAPPED 256U

/* The program's half: where stub pages were mapped, and a range that is taken. */
static uint64_t mapped[MAX_MAPPED];
static unsigned nmapped;
static uint64_t taken_start, taken_end;

long mmap_special(uint64_t addr, struct pa pa, unsigned npages, int prot, const char *name)
{
    CHECK(addr % PAGE_SIZE == 0 && npages == 1 && prot == (PROT_READ | PROT_EXEC));
    CHECK(name[0] == '[' && pa.v != 0);
    if (addr >= taken_start && addr < taken_end) {
        return -EEXIST;
    }
    for (unsigned i = 0; i < nmapped; i++) {
        if (mapped[i] == addr) {
            return -EEXIST;
        }
    }
    CHECK(nmapped < MAX_MAPPED);
    mapped[nmapped++] = addr;
    return (long)addr;
}

static void begin(void)
{
    stub_init(GATE);
    nmapped = 0;
    taken_start = taken_end = 0;
}

static void end(void)
{
    stub_forget(0, UINT64_MAX);
    CHECK_EQ(stub_pages(), 0);
}

static struct plan plan_at(uint64_t patch, uint8_t invalid)
{
    return (struct plan){
        .site = patch, .patch = patch, .forward = invalid != 0, .invalid = invalid};
}

static bool in_mapped(uint64_t addr, size_t len)
{
    for (unsigned i = 0; i < nmapped; i++) {
        if (addr >= mapped[i] && addr + len <= mapped[i] + PAGE_SIZE) {
            return true;
        }
    }
    return false;
}

/* Every mask of instruction starts behind the syscall that there is finds a place that fits. */
static void every_mask(void)
{
    begin();
    for (unsigned mask = 0; mask < 8; mask++) {
        for (unsigned i = 0; i < 300; i++) {
            struct plan p = plan_at(TEXT + i * 37, (uint8_t)(mask << 2));
            struct stub_place place;
            size_t len = 20 + check_below(44);
            CHECK_EQ(stub_alloc(&p, len, &place), 0);
            CHECK(plan_fits(&p, place.addr) && in_mapped(place.addr, len));
            CHECK_EQ(place.gate_slot, align_down(place.addr, PAGE_SIZE));
            uint64_t gate;
            __builtin_memcpy(&gate, place.bytes - place.addr % PAGE_SIZE, sizeof(gate));
            CHECK_EQ(gate, GATE);
            CHECK(stub_contains(place.addr) && stub_contains(place.addr + len - 1));
        }
    }
    CHECK(stub_pages() == nmapped && nmapped < 120);
    end();
}

/* What is written in one place stays when others come and go. */
static void distinct(void)
{
    enum { N = 400 };
    static struct stub_place places[N];
    static uint8_t lens[N];
    begin();
    for (unsigned round = 0; round < 20000; round++) {
        unsigned i = (unsigned)check_below(N);
        if (lens[i] != 0) {
            for (unsigned k = 0; k < lens[i]; k++) {
                CHECK_EQ(places[i].bytes[k], i & 0xff);
            }
            stub_free(places[i].addr, lens[i]);
            lens[i] = 0;
            continue;
        }
        struct plan p = plan_at(TEXT + i * 16, (uint8_t)(check_below(8) << 2));
        uint8_t code[PLAN_STUB_MAX];
        lens[i] = (uint8_t)(1 + check_below(PLAN_STUB_MAX));
        __builtin_memset(code, (int)(i & 0xff), sizeof(code));
        CHECK_EQ(stub_alloc(&p, lens[i], &places[i]), 0);
        CHECK(stub_write(&places[i], code, lens[i]));
    }
    end();
    __builtin_memset(lens, 0, sizeof(lens));
}

/* A page that is gone takes no code, and its places are not given again. */
static void forgotten(void)
{
    struct plan p = plan_at(TEXT, 0);
    struct stub_place place;
    struct stub_place next;
    begin();
    CHECK_EQ(stub_alloc(&p, 30, &place), 0);
    uint64_t page = align_down(place.addr, PAGE_SIZE);
    stub_forget(page + PAGE_SIZE, UINT64_MAX);
    CHECK(stub_contains(place.addr));
    stub_forget(page, page + PAGE_SIZE);
    CHECK(!stub_contains(place.addr));
    CHECK(!stub_write(&place, (const uint8_t *)"\x90", 1));
    stub_free(place.addr, 30);
    CHECK_EQ(stub_alloc(&p, 30, &next), 0);
    CHECK(align_down(next.addr, PAGE_SIZE) != page);
    end();
}

static void no_place(void)
{
    struct plan p = plan_at(TEXT, 1U << 2);
    struct stub_place place;
    begin();
    taken_end = UINT64_MAX;
    CHECK_EQ(stub_alloc(&p, 30, &place), -ENOSPC);
    taken_start = TEXT - (1UL << 20); /* all but what lies below */
    CHECK_EQ(stub_alloc(&p, 30, &place), 0);
    CHECK(place.addr < TEXT);
    end();
}

static void no_memory(void)
{
    struct plan p = plan_at(TEXT, 0);
    struct stub_place place;
    begin();
    heap_fail_after(1);
    CHECK_EQ(stub_alloc(&p, 30, &place), -ENOMEM);
    heap_fail_after(0);
    fake_pages_fail_after(1);
    CHECK_EQ(stub_alloc(&p, 30, &place), -ENOMEM);
    fake_pages_fail_after(0);
    CHECK_EQ(stub_alloc(&p, 30, &place), 0);
    end();
}

TESTS(every_mask, distinct, forgotten, no_place, no_memory)
