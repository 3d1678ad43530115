/* SPDX-License-Identifier: MIT */
/* The fake processor's current thread: cpu_this() and thread_this() work on the host with cpu.c. */
#ifndef TEST_FAKE_CPU_H
#define TEST_FAKE_CPU_H

struct thread;
extern struct thread fake_thread;

#endif
