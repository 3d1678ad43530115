/* SPDX-License-Identifier: MIT */
/* Counts the TSC against CLOCK_MONOTONIC_RAW while the tool does its work, which saves the guest
 * the wait of a calibration. Source: clock_gettime(2); Intel SDM vol. 2, RDTSC. */
#include "tools/elfin/hostclock.h"

#define MEASURE_NS 500000 /* long enough for the reading of two clocks not to count */
#define TRIES 16

struct sample {
    uint64_t tsc, ns;
};

static struct sample start;

uint64_t hostclock_now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Both clocks at one moment: of several readings the one that took least time. */
static struct sample take_sample(void)
{
    struct sample best = {0};
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < TRIES; i++) {
        uint64_t before = __builtin_ia32_rdtsc();
        uint64_t ns = hostclock_now(CLOCK_MONOTONIC_RAW);
        uint64_t took = __builtin_ia32_rdtsc() - before;
        if (took < least) {
            least = took;
            best = (struct sample){before + took / 2, ns};
        }
    }
    return best;
}

void hostclock_start(void)
{
    start = take_sample();
}

uint64_t hostclock_tsc_khz(void)
{
    struct sample end;
    do {
        end = take_sample();
    } while (end.ns - start.ns < MEASURE_NS);
    return (end.tsc - start.tsc) * 1000000 / (end.ns - start.ns);
}
