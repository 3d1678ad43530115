/* SPDX-License-Identifier: MIT */
/* Restartable sequences: a critical section of the program that is sent to its abort handler when
 * the thread is interrupted inside it. */
#ifndef KERNEL_RSEQ_H
#define KERNEL_RSEQ_H

#include <linux/rseq.h>

#include "platform/cpu.h"

/* rseq_register: the current thread's area; signature is what stands before every abort handler.
 * Returns 0; -EINVAL wrong len or alignment, or another area is registered; -EPERM another
 * signature; -EBUSY the same area is; -EFAULT. Context: may block. Source: Linux Documentation,
 * rseq. */
MUST_CHECK int rseq_register(uint64_t area, uint32_t len, uint32_t signature);

/* rseq_unregister: 0, -EINVAL not this area, -EPERM not this signature, -EFAULT. */
MUST_CHECK int rseq_unregister(uint64_t area, uint32_t len, uint32_t signature);

/* rseq_interrupt: f is about to be interrupted by a signal: inside a critical section its RIP moves
 * to the abort handler. Returns 0, or -EFAULT for a broken area or section: the program's
 * SIGSEGV. */
MUST_CHECK int rseq_interrupt(struct frame *f);

/* rseq_moved: the current thread's area shows another CPU than it runs on. rseq_resume: it returns
 * to the program with the registers f after others ran, or on another CPU: the area is brought up
 * to date, a section aborted. Returns as rseq_interrupt. */
bool rseq_moved(void);
MUST_CHECK int rseq_resume(struct frame *f);

#endif
