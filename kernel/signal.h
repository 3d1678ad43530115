/* SPDX-License-Identifier: MIT */
/* Signals: actions, masks, pending sets, delivery. */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include <asm/siginfo.h>
#include <asm/signal.h>

#include "kernel/base/base.h"
#include "platform/cpu.h"

#define SIG_BIT(n) (1UL << ((n)-1))

/* Internal results of an interrupted call; the exit path turns them into -EINTR or a restart and
 * they never reach the program (values as in Linux). */
#define ERESTARTSYS 512 /* restart if SA_RESTART */
#define ERESTARTNOINTR 513 /* always restart */
#define ERESTARTNOHAND 514 /* restart only if no handler ran */
#define ERESTART_RESTARTBLOCK 516 /* restart through restart_syscall */

/* signal_send: queue sig with info for the process (first thread for now). Returns 0, -EINVAL, -EAGAIN. */
int signal_send(int sig, const siginfo_t *info);

/* signal_send_fault: a synchronous signal of the running thread; kills when blocked or ignored. */
void signal_send_fault(int sig, int code, uint64_t addr, const struct frame *f);

/* signal_pending: an unblocked signal waits for the current thread. */
bool signal_pending(void);

/* signal_deliver: on the way back to the program: take pending signals and rewrite f so that the
 * handler runs, or end the process. */
void signal_deliver(struct frame *f);

#endif
