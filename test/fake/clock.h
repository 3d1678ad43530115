/* SPDX-License-Identifier: MIT */
/* The fake clock's time: tests add to it. */
#ifndef TEST_FAKE_CLOCK_H
#define TEST_FAKE_CLOCK_H

#include <stdint.h>

extern uint64_t fake_now_ns; /* CLOCK_MONOTONIC */
extern uint64_t fake_wall_offset_ns; /* CLOCK_REALTIME - CLOCK_MONOTONIC */

#endif
