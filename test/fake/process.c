/* SPDX-License-Identifier: MIT */
/* The process: no limits, all capabilities, and no signals but those that the test asks for. */
#include "kernel/process.h"

#include "kernel/signal.h"
#include "test/fake/process.h"

struct process process;
bool fake_signal_pending;
bool fake_unprivileged;

__attribute__((constructor)) void fake_process_reset(void)
{
    for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
        process.limits[i] = (struct rlimit64){RLIM64_INFINITY, RLIM64_INFINITY};
    }
    process.limits[RLIMIT_STACK].rlim_cur = 8UL << 20;
}

bool process_capable(int cap)
{
    (void)cap;
    return !fake_unprivileged;
}

bool signal_pending(void)
{
    return fake_signal_pending;
}
