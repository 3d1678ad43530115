/* SPDX-License-Identifier: MIT */
/* Threads of the host, for fakes that include the kernel's headers: the two do not go together. */
#ifndef TEST_FAKE_PARK_H
#define TEST_FAKE_PARK_H

#include <stdbool.h>
#include <stdint.h>

#define PARK_THREADS 8

/* park_run: function(i) in a thread of its own for each i < n; returns when all have. */
void park_run(unsigned n, void (*function)(unsigned i));

/* park_wait: until park_wake(i), or at once when that came since the last park_wait, or until the
 * clock is at deadline_ns (UINT64_MAX: never). True when it was woken. */
bool park_wait(unsigned i, uint64_t deadline_ns);
void park_wake(unsigned i);

uint64_t park_now_ns(void);

/* park_fork: function in a child process, which ends when it returns. Returns its exit status; -1
 * when it had to be killed after seconds or died of a signal. Call with no other thread. */
int park_fork(void (*function)(void), unsigned seconds);

#endif
