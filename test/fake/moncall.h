/* SPDX-License-Identifier: MIT */
/* A monitor that records: what the hardware's page tables would hold, the timer, ports. Its rules
 * are those of platform/monitor/paging.c; breaking one panics, because only a bug of ours could. */
#ifndef TEST_FAKE_MONCALL_H
#define TEST_FAKE_MONCALL_H

#include "platform/moncall.h"

struct fake_hw {
    uint64_t pa; /* of the 4 KiB page asked for */
    uint32_t flags; /* MAP_R, W, X, JIT, HUGE; 0: not present */
};
struct fake_hw fake_hw_get(uint64_t va);
unsigned long fake_hw_present(void); /* 4 KiB pages present, all over */

void fake_map_fail_after(unsigned long n); /* the nth MON_MAP from now gives -ENOMEM; 0: none */
bool fake_map_failed(void); /* it has, or none was asked for */
extern unsigned long fake_moncalls; /* calls so far */

/* moncall_wait: time moves to the armed timer and its bit becomes pending, or this is called. */
extern void (*fake_on_wait)(void);
extern uint64_t fake_timer_ns; /* armed deadline, TIME_NEVER */

/* MON_PORT and what is not modelled go here; NULL: 0. */
extern long (*fake_on_moncall)(unsigned nr, uint64_t a, uint64_t b, uint64_t c);

#endif
