/* SPDX-License-Identifier: MIT */
/* Threads and the one process. */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <asm/signal.h>

#include "kernel/base/base.h"
#include "kernel/base/list.h"
#include "platform/cpu.h"

#define KERNEL_STACK_SIZE (16 * PAGE_SIZE)

struct thread {
    int tid; /* [I] the first thread's is the pid, 1 is never used: see process.h */
    uint64_t kernel_stack_top; /* [I] */
    uint64_t fs_base; /* program's FS while not running */
    uint64_t sig_mask; /* [C] blocked signals, bit n-1 */
    uint64_t sig_saved_mask; /* mask to restore after sigsuspend, ppoll ... */
    bool sig_restore_mask; /* sig_saved_mask is to be restored on the way out */
    uint64_t sig_pending; /* [A] directed at this thread */
    stack_t sig_altstack; /* sigaltstack(2) */
    uint64_t clear_child_tid; /* set_tid_address(2) */
    uint64_t robust_list; /* set_robust_list(2) */
    uint64_t rseq_area; /* rseq(2); 0: none registered */
    uint32_t rseq_signature;
    char comm[16]; /* prctl(PR_SET_NAME) */
    uint64_t restart_data[4]; /* state of restart_syscall(2) */
};

/* thread_this: the current thread. */
static inline struct thread *thread_this(void)
{
    struct thread *t;
    __asm__ volatile("mov %%gs:0x98, %0" : "=r"(t));
    return t;
}

/* thread_create_first: the program's first thread, with a guarded kernel stack; it becomes current.
 * Returns 0 or -ENOMEM. */
MUST_CHECK int thread_create_first(void);

#endif
