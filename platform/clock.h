/* SPDX-License-Identifier: MIT */
/* Time from the TSC, scaled by kvmclock or by a calibration; wall time. */
#ifndef PLATFORM_CLOCK_H
#define PLATFORM_CLOCK_H

#include "kernel/base/base.h"

/* ns = base_ns + ((tsc - base_tsc) * mult) >> shift, with a 128-bit product. The vDSO reads a
 * copy. */
struct clock_scale {
    uint64_t base_tsc, base_ns;
    uint64_t mult;
    uint32_t shift;
    uint32_t pad;
    uint64_t wall_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */
};

/* clock_init: choose the source (kvmclock, else calibration against the LAPIC counter) and the wall
 * time (kvmclock, else CMOS clock, refined by boot option now=<ns since 1970>). */
void clock_init(void);

/* clock_wall_is_rough: the wall time is a hint from before the machine started, or the CMOS
 * clock's: who knows it better says so by clock_set_wall. */
bool clock_wall_is_rough(void);

/* CLOCK_MONOTONIC, ns; never goes back. It starts at CLOCK_FIRST_NS: no Linux program runs in the
 * first second of its machine, and some (ping) take 0 seconds for "not yet set". */
uint64_t clock_ns(void);
#define CLOCK_FIRST_NS 1000000000UL
uint64_t clock_wall_ns(void); /* CLOCK_REALTIME: ns since 1970 */
void clock_set_wall(uint64_t wall_ns); /* clock_settime(CLOCK_REALTIME) */
uint64_t clock_tsc_at(uint64_t deadline_ns); /* TSC value at a monotonic time; 0 for TIME_NEVER */
const struct clock_scale *clock_scale(void); /* current scale; valid for ever */

#endif
