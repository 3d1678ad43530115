/* SPDX-License-Identifier: MIT */
/* Processor time that only goes on when the test says so, and how time passes for timers. */
#ifndef TEST_FAKE_CPUTIME_H
#define TEST_FAKE_CPUTIME_H

#include "kernel/cputime.h"

extern struct cputime fake_process_time, fake_thread_time; /* of the process, of any thread */

/* fake_pass_time: the clock moves on by ns at once; timers that are due by then fire. */
void fake_pass_time(uint64_t ns);

#endif
