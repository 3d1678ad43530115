/* SPDX-License-Identifier: MIT */
/* Signals: actions, masks, pending sets, delivery. */
#ifndef KERNEL_SIGNAL_H
#define KERNEL_SIGNAL_H

#include <asm/signal.h>

#include <asm/siginfo.h>

#include "kernel/base/base.h"
#include "kernel/wait.h"
#include "platform/cpu.h"

struct thread;

#define SIG_BIT(n) (1UL << ((n)-1))
#define SIGNAL_MAX 64 /* SIGRTMAX */
#define SIGNAL_UNMASKABLE (SIG_BIT(SIGKILL) | SIG_BIT(SIGSTOP))

/* Internal results of an interrupted call; the exit path turns them into -EINTR or a restart and
 * they never reach the program (values as in Linux, include/linux/errno.h). */
#define ERESTARTSYS 512 /* restart if SA_RESTART */
#define ERESTARTNOINTR 513 /* always restart */
#define ERESTARTNOHAND 514 /* restart only if no handler ran */
#define ERESTART_RESTARTBLOCK 516 /* restart through restart_syscall */

/* signal_arrived: woken after each signal that is queued, whoever takes it (signalfd). */
extern struct wait_queue signal_arrived;

/* signal_send: queue sig with info for the process. An ignored signal is dropped. Returns 0;
 * -EINVAL bad number; -EAGAIN the queue of a real-time signal is full (RLIMIT_SIGPENDING). Context:
 * any. */
int signal_send(int sig, const siginfo_t *info);

/* signal_send_thread: the same for one thread. signal_thread_exit: t ends: what is pending for it
 * is lost. */
int signal_send_thread(struct thread *t, int sig, const siginfo_t *info);
void signal_thread_exit(struct thread *t);

/* signal_info_of_self: what a signal says that the process sends itself; code is SI_USER, SI_TKILL.
 * signal_send_self: sig to the current thread, whoever else would take it, for what its own call
 * did: SIGPIPE, SIGXFSZ. */
void signal_info_of_self(siginfo_t *info, int sig, int code);
void signal_send_self(int sig);

/* signal_is_ignored: sig, sent to t (NULL: to the process), would be dropped. */
bool signal_is_ignored(const struct thread *t, int sig);

/* signal_send_fault: a synchronous signal of the running thread with si_code and si_addr; resets
 * the action and kills when it is blocked or ignored. f is the trap's frame, kept for a crash
 * report. */
void signal_send_fault(int sig, int code, uint64_t addr, const struct frame *f);

/* signal_pending: an unblocked signal waits for the current thread, which takes it on its way
 * out. */
bool signal_pending(void);

/* signal_attention: the current thread has something to do on its way out: a signal to take or a
 * mask to restore. */
bool signal_attention(void);

/* signal_set_mask: the thread's blocked set, SIGKILL and SIGSTOP taken out. */
void signal_set_mask(uint64_t mask);

/* signal_suspend: block only mask until the way out of this call, which delivers and then restores
 * the mask that held before: sigsuspend, ppoll, pselect, epoll_pwait. */
void signal_suspend(uint64_t mask);

/* signal_suspend_end: the call found what it waited for: the mask that held before, at once.
 * Signals that only the suspended mask let through stay pending. */
void signal_suspend_end(void);

/* signal_deliver: on the way back to the program: take pending signals and rewrite f so that the
 * handler runs, restart an interrupted call, or end the process. */
void signal_deliver(struct frame *f);

/* signal_action: sigaction(2): act and old may be NULL. Returns 0 or -EINVAL. */
int signal_action(int sig, const struct sigaction *act, struct sigaction *old);

/* signal_take: remove and return a pending signal of set: its number, 0 when there is none. */
int signal_take(uint64_t set, siginfo_t *info);

/* signal_wait: sleep until a signal of set is pending or the deadline passes, and take it. Returns
 * its number, -EAGAIN, or -EINTR when another signal interrupts. */
int signal_wait(uint64_t set, siginfo_t *info, uint64_t deadline_ns);

/* signal_pending_set: pending signals that the thread blocks. */
uint64_t signal_pending_set(void);

/* signal_waiting: pending signals, of the thread and of the process, blocked or not. */
uint64_t signal_waiting(void);

/* signal_sets: what /proc shows of thread t: sets of signals as bits, and how many are queued. */
struct signal_sets {
    uint64_t pending, shared, blocked, ignored, caught; /* pending: its own; shared: anybody's */
    unsigned queued;
};
void signal_sets(struct signal_sets *out, const struct thread *t);

/* signal_set_stop_hook: what stops the process, until SIGCONT: called in the thread that took the
 * stop signal. Without a hook, such signals are ignored with a line in the log. */
void signal_set_stop_hook(void (*hook)(int sig));

/* signal_name: "SIGSEGV"; "signal" for numbers without a name. */
const char *signal_name(int sig);

#endif
