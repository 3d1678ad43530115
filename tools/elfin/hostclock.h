/* SPDX-License-Identifier: MIT */
/* Time on the host, and how fast its time stamp counter runs. */
#ifndef TOOLS_ELFIN_HOSTCLOCK_H
#define TOOLS_ELFIN_HOSTCLOCK_H

#include <stdint.h>
#include <time.h>

/* hostclock_now: ns of a POSIX clock. */
uint64_t hostclock_now(clockid_t clock);

/* hostclock_start: begin to measure the counter. hostclock_tsc_khz: its rate since then; waits
 * until half a millisecond has passed. */
void hostclock_start(void);
uint64_t hostclock_tsc_khz(void);

#endif
