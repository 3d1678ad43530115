/* SPDX-License-Identifier: MIT */
/* Processor time of threads and of the process: all of it, and what of it was the system's. */
#ifndef KERNEL_CPUTIME_H
#define KERNEL_CPUTIME_H

#include "kernel/base/base.h"

struct thread;

/* In ns. The program's own time is what is left. */
struct cputime {
    uint64_t total_ns;
    uint64_t system_ns; /* in page faults and, once calls are counted, in system calls */
};

/* cputime_of: what t has had; of the process: thread_cputime. Context: any. */
struct cputime cputime_of(const struct thread *t);

/* cputime_user_ns: the program's own part. */
static inline uint64_t cputime_user_ns(struct cputime c)
{
    return c.total_ns - c.system_ns;
}

/* cputime_enter, cputime_leave: the current thread's time is the system's from here on, or its own.
 * Either twice does as once. Context: in the thread's system call or fault. */
void cputime_enter(void);
void cputime_leave(void);

#endif
