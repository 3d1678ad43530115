/* SPDX-License-Identifier: MIT */
/* Threads: one, so far. Source: clone(2) for what a thread owns. */
#include "kernel/thread.h"

#include <asm/errno.h>
#include <linux/signal.h>

#include "kernel/kva.h"
#include "kernel/process.h"

static struct thread first;

int thread_create_first(void)
{
    uint64_t top = kva_alloc_stack(KERNEL_STACK_SIZE / PAGE_SIZE);
    if (top == 0) {
        return -ENOMEM;
    }
    first.tid = PROCESS_PID;
    first.kernel_stack_top = top;
    first.sig_altstack.ss_flags = SS_DISABLE;
    cpu_this()->thread = &first;
    return 0;
}
