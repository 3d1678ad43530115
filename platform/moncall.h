/* SPDX-License-Identifier: MIT */
/* Ring 3's side of the monitor calls (platform/monitor/abi.h). */
#ifndef PLATFORM_MONCALL_H
#define PLATFORM_MONCALL_H

#include "kernel/base/base.h"
#include "platform/monitor/abi.h"

/* moncall: make one monitor call, nr at most MON_NCALLS. Returns its result: 0 or a count, else a
 * negative errno. */
long moncall(unsigned nr, uint64_t a, uint64_t b, uint64_t c);

/* moncall_map, moncall_unmap, moncall_protect: apply n ranges (any n; sent in batches).
 * map: refuses (-EPERM) frames and addresses that are the monitor's and W with X; -EINVAL bad
 * alignment or size; -ENOMEM no table frame left even after a donation.
 * unmap and protect skip what is not present. On an error earlier ranges stay applied. */
MUST_CHECK int moncall_map(const struct mon_range *ranges, size_t n);
MUST_CHECK int moncall_unmap(const struct mon_range *ranges, size_t n);
MUST_CHECK int moncall_protect(const struct mon_range *ranges, size_t n);

/* moncall_set_donate: hook called when the monitor is out of table frames; gives it a 2 MiB block
 * and returns true, or false when there is none. */
void moncall_set_donate(bool (*hook)(void));

/* moncall_timer: set PENDING_TIMER at deadline_ns (CLOCK_MONOTONIC) or up to 4 s early; TIME_NEVER
 * disarms. One deadline per CPU: kernel/timer.c's. */
void moncall_timer(uint64_t deadline_ns);

/* moncall_wait: halt this CPU until an interrupt is pending; returns at once when one already
 * is. */
void moncall_wait(void);

/* moncall_poweroff: end the machine with the exit status (0..255). */
NORETURN void moncall_poweroff(int status);

#endif
