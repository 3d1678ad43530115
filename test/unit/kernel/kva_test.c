/* SPDX-License-Identifier: MIT */
// sources: kernel/kva.c
// fakes: pages moncall log
/* Kernel stacks when memory ends in the middle of one: nothing of it stays. */
#include "kernel/kva.h"

#include "platform/boot.h"
#include "test/fake/moncall.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

#define NPAGES 16U

const struct boot_info *boot_info(void)
{
    static const struct boot_info info = {.libos_base = 0x7f1000000000UL};
    return &info;
}

static unsigned long frames(void)
{
    return (unsigned long)fake_pages_in_use();
}

static void no_frames(void)
{
    for (unsigned n = 0; n < NPAGES; n++) {
        fake_pages_limit(frames() + n);
        CHECK_EQ(kva_alloc_stack(NPAGES), 0);
        CHECK_EQ(fake_hw_present(), 0);
        CHECK_EQ(frames(), 0);
        CHECK_EQ(kva_pages(), 0);
    }
    fake_pages_limit(FAKE_RAM_FRAMES);
}

static void no_table(void)
{
    fake_map_fail_after(1);
    CHECK_EQ(kva_alloc_stack(NPAGES), 0);
    CHECK_EQ(fake_hw_present(), 0);
    CHECK_EQ(kva_pages(), 0);
}

static void whole(void)
{
    uint64_t top = kva_alloc_stack(NPAGES);
    CHECK(top != 0);
    CHECK_EQ(kva_pages(), NPAGES);
    for (uint64_t va = top - NPAGES * PAGE_SIZE; va < top; va += PAGE_SIZE) {
        CHECK_EQ(fake_hw_get(va).flags, MAP_R | MAP_W);
    }
    CHECK_EQ(fake_hw_get(top).flags, 0);
    CHECK_EQ(fake_hw_get(top - NPAGES * PAGE_SIZE - 1).flags, 0);
}

int main(void)
{
    static const struct check_test tests[] = {{"no_frames", no_frames}, {"no_table", no_table}};
    int status = check_main(tests, ARRAY_LEN(tests));
    whole(); /* it stays, as stacks do: no test that must leave nothing behind */
    return status;
}
