/* SPDX-License-Identifier: MIT */
/* The library OS tries to break out: boot option "selftest". */
#ifndef KERNEL_SELFTEST_H
#define KERNEL_SELFTEST_H

#include "kernel/base/base.h"

/* selftest_isolation: attack the monitor with everything ring 3 has: direct reads and writes, and
 * monitor calls that ask for what must be refused. One log line per attempt. Returns the number of
 * attempts that succeeded: 0 is right. Context: at boot, after the page allocator. */
unsigned selftest_isolation(void);

#endif
