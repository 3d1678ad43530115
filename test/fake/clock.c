/* SPDX-License-Identifier: MIT */
/* platform/clock.h with a clock that stands still until the test moves it. */
#include "test/fake/clock.h"

#include "platform/clock.h"

uint64_t fake_now_ns = 1000000;
uint64_t fake_wall_offset_ns = 1700000000UL * NSEC_PER_SEC;

uint64_t clock_ns(void)
{
    return fake_now_ns;
}

uint64_t clock_wall_ns(void)
{
    return fake_now_ns + fake_wall_offset_ns;
}

void clock_set_wall(uint64_t wall_ns)
{
    fake_wall_offset_ns = wall_ns - fake_now_ns;
}

uint64_t clock_tsc_at(uint64_t deadline_ns)
{
    return deadline_ns == TIME_NEVER ? 0 : deadline_ns;
}
