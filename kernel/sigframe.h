/* SPDX-License-Identifier: MIT */
/* The signal frame on the program's stack, laid out as Linux's struct rt_sigframe. */
#ifndef KERNEL_SIGFRAME_H
#define KERNEL_SIGFRAME_H

#include "kernel/signal.h"
#include "kernel/sigqueue.h"

/* sigframe_push: save f, the mask and the vector state on the program's (or the alternate) stack
 * and turn f into a call of act's handler. trapno, err and cr2 describe a fault, 0 otherwise.
 * Returns 0 or -EFAULT when the stack cannot be written or is too small. */
MUST_CHECK int sigframe_push(struct frame *f, int sig, const siginfo_t *info,
                             const struct sigaction *act, uint64_t mask,
                             const struct sigframe_fault *fault);

/* sigframe_on_altstack: a program with this RSP runs on its alternate stack. sigframe_set_altstack:
 * sigaltstack(2) of a program with this RSP: 0, -EPERM in use, -EINVAL, -ENOMEM too small. */
bool sigframe_on_altstack(uint64_t rsp);
int sigframe_set_altstack(const stack_t *given, uint64_t rsp);

/* sigframe_pop: rt_sigreturn(2): read the frame at the program's RSP - 8 into f, mask and the
 * vector registers. Returns 0, or -EFAULT for memory that cannot be read or contents that no
 * program may have. */
MUST_CHECK int sigframe_pop(uint64_t user_rsp, struct frame *f, uint64_t *mask);

/* sigframe_settle: the call that f is in was interrupted: by a handler with these flags, or
 * (handler false) by nothing that the program sees. Restart it or let it fail with -EINTR. */
void sigframe_settle(struct frame *f, bool handler, uint64_t sa_flags);

#endif
