/* SPDX-License-Identifier: MIT */
/* RLIMIT_CPU: a limit on the process's processor time. */
#ifndef KERNEL_CPULIMIT_H
#define KERNEL_CPULIMIT_H

/* cpulimit_changed: process.limits[RLIMIT_CPU] is another one. Each second of processor time from
 * the soft limit on the process gets SIGXCPU, and the soft limit moves on with it; at the hard
 * limit, SIGKILL. Context: no lock held. Source: getrlimit(2). */
void cpulimit_changed(void);

#endif
