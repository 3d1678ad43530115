/* SPDX-License-Identifier: MIT */
/* Faults of the fake user access: see uaccess.c. */
#ifndef TEST_FAKE_UACCESS_H
#define TEST_FAKE_UACCESS_H

#include <stdint.h>

extern uint64_t fake_fault_at, fake_fault_end; /* accesses to [at, end) give -EFAULT; 0, 0: none */

#endif
