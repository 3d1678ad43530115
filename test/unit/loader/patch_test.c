/* SPDX-License-Identifier: MIT */
// sources: loader/patch.c
// fakes: heap log
/* Changing code in steps: what another processor can see after each of them. */
#include "loader/patch.h"

#include <string.h>

#include "test/unit/check.h"

#define VA 0x401000UL

static uint8_t memory[2 * PAGE_SIZE] __attribute__((aligned(4096)));
static uint8_t before[PLAN_PATCH_LEN];
static const struct patch *now;
static unsigned steps;
static bool told; /* this CPU has been, the others not yet */

/* Each instruction start has its old byte with all old bytes behind it, its new one likewise, or
 * traps. */
void cpu_serialize(void)
{
    const uint8_t *at = memory + (now->addr - VA);
    bool old = memcmp(at, before, PLAN_PATCH_LEN) == 0;
    bool new = memcmp(at, now->bytes, PLAN_PATCH_LEN) == 0;
    CHECK(!told);
    told = true;
    steps++;
    for (unsigned i = 0; i < PLAN_PATCH_LEN && !old && !new; i++) {
        CHECK((now->starts >> i & 1) == 0 || at[i] == now->traps[i]);
    }
    CHECK(new || patch_pending(now->addr) || old);
}

/* After every step, before the next. */
void cpu_serialize_others(void)
{
    CHECK(told);
    told = false;
}

static struct patch make(uint64_t addr, uint8_t starts)
{
    struct patch p = {.addr = addr, .starts = starts, .traps = {PATCH_TRAP}};
    for (unsigned i = 0; i < PLAN_PATCH_LEN; i++) {
        p.bytes[i] = (uint8_t)(0x40 + i);
        if ((starts >> i & 1) != 0 && i != 0) {
            p.traps[i] = p.bytes[i] = 0x06;
        }
    }
    return p;
}

static void write_at(uint64_t addr, uint8_t starts, unsigned want_steps)
{
    struct patch p = make(addr, starts);
    bool second = align_down(addr, PAGE_SIZE) != align_down(addr + 4, PAGE_SIZE);
    uint8_t *pages[2] = {memory + (align_down(addr, PAGE_SIZE) - VA), NULL};
    pages[1] = second ? pages[0] + PAGE_SIZE : pages[0];
    memset(memory, 0x90, sizeof(memory));
    memset(before, 0x90, sizeof(before));
    now = &p;
    steps = 0;
    CHECK(patch_matches(addr, before, pages) && !patch_matches(addr, p.bytes, pages));
    patch_write(&p, pages);
    CHECK_EQ(steps, want_steps);
    CHECK(patch_matches(addr, p.bytes, pages));
    for (unsigned i = 0; i < sizeof(memory); i++) {
        CHECK(i - (addr - VA) < PLAN_PATCH_LEN || memory[i] == 0x90);
    }
}

static void everywhere(void)
{
    for (uint64_t addr = VA + 0xff0; addr < VA + 0x1010; addr++) {
        write_at(addr, 1, addr % 8 <= 3 ? 1 : 3);
        write_at(addr, 1 | 1 << 2, addr % 8 <= 3 ? 1 : 3);
        write_at(addr, 1 | 1 << 2 | 1 << 3 | 1 << 4, addr % 8 <= 3 ? 1 : 3);
    }
}

/* The second page is no longer there: the rest is put back all the same. */
static void half_there(void)
{
    struct patch p = make(VA + PAGE_SIZE - 2, 1);
    uint8_t *pages[2] = {memory, NULL};
    memset(memory, 0x90, sizeof(memory));
    p.bytes[2] = p.bytes[3] = p.bytes[4] = 0x90;
    now = &p;
    patch_write(&p, pages);
    CHECK(memory[PAGE_SIZE - 2] == 0x40 && memory[PAGE_SIZE - 1] == 0x41);
    CHECK_EQ(memory[PAGE_SIZE], 0x90);
}

/* Whoever trapped before the change was complete tries again, but not for ever. */
static void retries(void)
{
    unsigned n = 0;
    write_at(VA + 0x105, 1, 3);
    while (patch_pending(VA + 0x107)) {
        n++;
    }
    CHECK(n >= 8 && n < 1000);
    CHECK(!patch_pending(VA + 0x10a));
    write_at(VA + 0x200, 1, 1);
    CHECK(patch_pending(VA + 0x200) && !patch_pending(VA + 0x1ff));
}

TESTS(everywhere, half_there, retries)
