/* SPDX-License-Identifier: MIT */
/* A machine of several CPUs for the real scheduler: each is a thread of the host, on which threads
 * of Elfin run as contexts of their own, moving between them. Interrupts arrive at
 * schedcpus_point. */
#ifndef TEST_FAKE_SCHEDCPUS_H
#define TEST_FAKE_SCHEDCPUS_H

#include <stdbool.h>
#include <stdint.h>

#define SCHEDCPUS_MAX 4

struct thread;

/* schedcpus_run: in a child process, a machine of n CPUs whose first thread runs function; it may
 * start others. Returns whether function returned within seconds and nothing failed. */
bool schedcpus_run(unsigned n, void (*function)(void), unsigned seconds);

/* schedcpus_start: a new thread that runs function(arg) and ends. The caller gets a reference:
 * thread_put. Whatever function is started with must outlive it. */
struct thread *schedcpus_start(void (*function)(void *arg), void *arg);

/* schedcpus_point: what a program comes through all the time: interrupts and the kernel's exit
 * path. */
void schedcpus_point(void);

/* schedcpus_compute: the same for a program that makes no calls: without an interrupt it sees
 * nothing. */
void schedcpus_compute(void);

/* schedcpus_alive: threads whose memory has not been released. */
unsigned schedcpus_alive(void);

#endif
