/* SPDX-License-Identifier: MIT */
/* Several CPUs on the host: each is a thread of the host that runs one thread of Elfin. */
#ifndef TEST_FAKE_THREADS_H
#define TEST_FAKE_THREADS_H

#include <stdbool.h>

#define FAKE_THREADS 8

/* fake_threads_run: function(i) as thread i on CPU i, for each i < n; returns when all have. */
void fake_threads_run(unsigned n, void (*function)(unsigned i));

/* fake_threads_signal: a signal is pending for thread i, or not any more. */
void fake_threads_signal(unsigned i, bool pending);

#endif
