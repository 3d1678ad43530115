/* SPDX-License-Identifier: MIT */
/* What a test may ask the fake heap; heap_fail_after of kernel/heap.h makes the nth request
 * fail. */
#ifndef TEST_FAKE_HEAP_H
#define TEST_FAKE_HEAP_H

#include <stdbool.h>

long fake_heap_in_use(void); /* objects */
unsigned long fake_heap_made(void); /* requests so far */
bool fake_heap_failed(void); /* the failure that heap_fail_after asked for has happened (or none) */

#endif
