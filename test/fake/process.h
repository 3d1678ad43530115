/* SPDX-License-Identifier: MIT */
/* The fake process: limits are process.limits, see kernel/process.h. */
#ifndef TEST_FAKE_PROCESS_H
#define TEST_FAKE_PROCESS_H

#include <stdbool.h>

void fake_process_reset(void); /* limits as at the start */
extern bool fake_signal_pending; /* signal_pending() */
extern bool fake_unprivileged; /* process_capable() denies everything */

#endif
