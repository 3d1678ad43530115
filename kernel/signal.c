/* SPDX-License-Identifier: MIT */
/* Signal actions, where a signal goes, and what happens when it is taken.
 *
 * Signals are pending for a thread or for the process, where any thread that does not block them
 * takes them. lock guards actions and all queues; it comes before the thread table's lock.
 * Source: signal(7), sigaction(2), sigqueue(3), Linux kernel/signal.c semantics. */
#include "kernel/signal.h"

#include <asm/errno.h>
#include <linux/resource.h>

#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/crash.h"
#include "kernel/process.h"
#include "kernel/rseq.h"
#include "kernel/sched.h"
#include "kernel/sigframe.h"
#include "kernel/sigqueue.h"
#include "kernel/thread.h"
#include "kernel/trap.h"
#include "kernel/wait.h"

#define SYSCALL_LEN 2 /* bytes of the syscall instruction */
#define NR_RESTART_SYSCALL 219

static struct spinlock lock;
static struct sigaction actions[SIGNAL_MAX + 1]; /* [lock] */
static struct sigqueue shared; /* [lock] the process's */

static const char *const names[SIGNAL_MAX + 1] = {
    [SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",       [SIGQUIT] = "SIGQUIT",
    [SIGILL] = "SIGILL",       [SIGTRAP] = "SIGTRAP",     [SIGABRT] = "SIGABRT",
    [SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",       [SIGKILL] = "SIGKILL",
    [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV",     [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM",     [SIGTERM] = "SIGTERM",
    [SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",     [SIGCONT] = "SIGCONT",
    [SIGSTOP] = "SIGSTOP",     [SIGTSTP] = "SIGTSTP",     [SIGTTIN] = "SIGTTIN",
    [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",       [SIGXCPU] = "SIGXCPU",
    [SIGXFSZ] = "SIGXFSZ",     [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
    [SIGWINCH] = "SIGWINCH",   [SIGIO] = "SIGIO",         [SIGPWR] = "SIGPWR",
    [SIGSYS] = "SIGSYS",
};

#define DEFAULT_IGNORED (SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))
#define DEFAULT_STOPS (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

const char *signal_name(int sig)
{
    return sig > 0 && sig <= SIGNAL_MAX && names[sig] != NULL ? names[sig] : "signal";
}

static bool is_ignored(int sig)
{
    __sighandler_t handler = actions[sig].sa_handler;
    return handler == SIG_IGN || (handler == SIG_DFL && (SIG_BIT(sig) & DEFAULT_IGNORED) != 0);
}

static uint64_t pending_for(const struct thread *t)
{
    return __atomic_load_n(&t->sig_queue.pending, __ATOMIC_ACQUIRE) |
           __atomic_load_n(&shared.pending, __ATOMIC_ACQUIRE);
}

/* Make t, which has something to take, look: on its way out, or out of its sleep. */
static void kick(struct thread *t)
{
    if (t == thread_this()) {
        cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
    } else {
        sched_kick(t);
    }
}

/* A thread that takes sig, the current one first; with a reference. NULL: all block it. */
static struct thread *find_taker(int sig)
{
    struct thread *t = thread_this();
    if (t->tid != 0 && (t->sig_mask & SIG_BIT(sig)) == 0) {
        thread_get(t);
        return t;
    }
    for (t = thread_next(0); t != NULL;) {
        if ((__atomic_load_n(&t->sig_mask, __ATOMIC_RELAXED) & SIG_BIT(sig)) == 0) {
            return t;
        }
        struct thread *after = thread_next(t->tid);
        thread_put(t);
        t = after;
    }
    return NULL;
}

int signal_send(int sig, const siginfo_t *info)
{
    if (sig <= 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    struct thread *t = find_taker(sig);
    spin_lock(&lock);
    int err = t == NULL || !is_ignored(sig) ? sigqueue_put(&shared, sig, info) : 0;
    spin_unlock(&lock);
    if (t != NULL) {
        kick(t);
        thread_put(t);
    }
    return err;
}

int signal_send_thread(struct thread *t, int sig, const siginfo_t *info)
{
    if (sig <= 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    bool blocked = (t->sig_mask & SIG_BIT(sig)) != 0;
    spin_lock(&lock);
    int err = blocked || !is_ignored(sig) ? sigqueue_put(&t->sig_queue, sig, info) : 0;
    spin_unlock(&lock);
    kick(t);
    return err;
}

int signal_take(uint64_t set, siginfo_t *info)
{
    struct thread *t = thread_this();
    if ((pending_for(t) & set) == 0) {
        return 0;
    }
    spin_lock(&lock);
    int sig = sigqueue_take(&t->sig_queue, set, info);
    sig = sig != 0 ? sig : sigqueue_take(&shared, set, info);
    spin_unlock(&lock);
    return sig;
}

bool signal_pending(void)
{
    const struct thread *t = thread_this();
    return (pending_for(t) & ~t->sig_mask) != 0;
}

bool signal_attention(void)
{
    return thread_this()->sig_restore_mask || signal_pending();
}

uint64_t signal_pending_set(void)
{
    const struct thread *t = thread_this();
    return pending_for(t) & t->sig_mask;
}

int signal_wait(uint64_t set, siginfo_t *info, uint64_t deadline_ns)
{
    struct thread *t = thread_this();
    struct wait_queue never; /* a signal ends the sleep, nothing else does but time */
    uint64_t saved = t->sig_mask;
    int err = 0;
    int sig;
    wait_queue_init(&never);
    __atomic_store_n(&t->sig_mask, saved & ~set, __ATOMIC_SEQ_CST); /* so that they come to us */
    while ((sig = signal_take(set, info)) == 0 && err == 0) {
        if (signal_pending()) { /* another one */
            err = -EINTR;
            break;
        }
        err = wait_on(&never, deadline_ns);
        err = err == -EINTR ? 0 : err; /* look what it is */
    }
    t->sig_mask = saved;
    if (sig != 0) {
        return sig;
    }
    return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

void signal_set_mask(uint64_t mask)
{
    thread_this()->sig_mask = mask & ~SIGNAL_UNMASKABLE;
    if (signal_pending()) {
        cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
    }
}

void signal_suspend(uint64_t mask)
{
    struct thread *t = thread_this();
    t->sig_saved_mask = t->sig_mask;
    t->sig_restore_mask = true;
    signal_set_mask(mask);
    cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL); /* the way out restores the mask */
}

void signal_suspend_end(void)
{
    struct thread *t = thread_this();
    if (t->sig_restore_mask) {
        t->sig_restore_mask = false;
        signal_set_mask(t->sig_saved_mask);
    }
}

/* Forget sig wherever it is pending. */
static void drop_pending(int sig)
{
    spin_lock(&lock);
    sigqueue_drop(&shared, SIG_BIT(sig));
    spin_unlock(&lock);
    struct thread *t = thread_next(0);
    while (t != NULL) {
        spin_lock(&lock);
        sigqueue_drop(&t->sig_queue, SIG_BIT(sig));
        spin_unlock(&lock);
        struct thread *after = thread_next(t->tid);
        thread_put(t);
        t = after;
    }
}

void signal_thread_exit(struct thread *t)
{
    spin_lock(&lock);
    sigqueue_drop(&t->sig_queue, ~0UL);
    spin_unlock(&lock);
}

int signal_action(int sig, const struct sigaction *act, struct sigaction *old)
{
    if (sig <= 0 || sig > SIGNAL_MAX || (act != NULL && (SIG_BIT(sig) & SIGNAL_UNMASKABLE) != 0)) {
        return -EINVAL;
    }
    spin_lock(&lock);
    if (old != NULL) {
        *old = actions[sig];
    }
    if (act != NULL) {
        actions[sig] = *act;
        actions[sig].sa_mask &= ~SIGNAL_UNMASKABLE;
    }
    bool drop = act != NULL && is_ignored(sig);
    spin_unlock(&lock);
    if (drop) {
        drop_pending(sig);
    }
    return 0;
}

void signal_sets(struct signal_sets *out, const struct thread *t)
{
    *out = (struct signal_sets){.blocked = t->sig_mask};
    spin_lock(&lock);
    out->pending = pending_for(t);
    out->queued = sigqueue_count();
    for (int sig = 1; sig <= SIGNAL_MAX; sig++) {
        __sighandler_t handler = actions[sig].sa_handler;
        out->ignored |= handler == SIG_IGN ? SIG_BIT(sig) : 0;
        out->caught |= handler != SIG_IGN && handler != SIG_DFL ? SIG_BIT(sig) : 0;
    }
    spin_unlock(&lock);
}

void signal_send_fault(int sig, int code, uint64_t addr, const struct frame *f)
{
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = sig;
    info.si_code = code;
    info.si_addr = (void *)(uintptr_t)addr;
    struct thread *t = thread_this();
    t->sig_fault = (struct sigframe_fault){.trapno = f->vector, .err = f->error, .cr2 = addr};
    bool blocked = (t->sig_mask & SIG_BIT(sig)) != 0;
    if (sig == SIGKILL || blocked || actions[sig].sa_handler == SIG_IGN) {
        crash_report(sig, &info, f);
        process_exit(128 + sig);
    }
    spin_lock(&lock);
    int err = sigqueue_put(&t->sig_queue, sig, &info);
    spin_unlock(&lock);
    if (err != 0) { /* no memory for the queue: nothing of the program's own can help */
        crash_report(sig, &info, f);
        process_exit(128 + sig);
    }
    cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
}

/* The call that f is in was interrupted: by a handler with these flags, or (handler false) by
 * nothing that the program sees. Restart it or let it fail with -EINTR. */
static void settle_call(struct frame *f, bool handler, uint64_t sa_flags)
{
    if (f->vector != FRAME_SYSCALL) {
        return;
    }
    long result = (long)f->rax;
    bool restart;
    switch (result) {
    case -ERESTARTNOINTR: restart = true; break;
    case -ERESTARTSYS: restart = !handler || (sa_flags & SA_RESTART) != 0; break;
    case -ERESTARTNOHAND:
    case -ERESTART_RESTARTBLOCK: restart = !handler; break;
    default: return;
    }
    f->vector = 0; /* settled: a second handler must not do it again */
    if (!restart) {
        f->rax = (uint64_t)-EINTR;
        return;
    }
    f->rax = result == -ERESTART_RESTARTBLOCK ? NR_RESTART_SYSCALL : f->error;
    f->rip -= SYSCALL_LEN;
}

NORETURN static void die(int sig, const siginfo_t *info, const struct frame *f)
{
    uint64_t quiet = SIG_BIT(SIGHUP) | SIG_BIT(SIGINT) | SIG_BIT(SIGKILL) | SIG_BIT(SIGPIPE) |
                     SIG_BIT(SIGTERM) | SIG_BIT(SIGALRM) | SIG_BIT(SIGUSR1) | SIG_BIT(SIGUSR2);
    if ((SIG_BIT(sig) & quiet) == 0) {
        crash_report(sig, info, f);
    }
    process_exit(128 + sig);
}

static void run_handler(struct frame *f, int sig, const siginfo_t *info, struct sigaction *act)
{
    struct thread *t = thread_this();
    uint64_t mask = t->sig_restore_mask ? t->sig_saved_mask : t->sig_mask;
    bool fault = info->si_code > 0 && t->sig_fault.trapno != 0;
    struct sigframe_fault none = {0, 0, 0};
    settle_call(f, true, act->sa_flags);
    int err = rseq_interrupt(f);
    err = err != 0 ? err : sigframe_push(f, sig, info, act, mask, fault ? &t->sig_fault : &none);
    t->sig_fault = none;
    /* no stack for the handler, or a broken rseq area: as Linux, SIGSEGV that cannot be caught */
    if (err != 0) {
        siginfo_t segv = {.si_signo = SIGSEGV};
        segv.si_code = SI_KERNEL;
        crash_report(SIGSEGV, &segv, f);
        process_exit(128 + SIGSEGV);
    }
    t->sig_restore_mask = false;
    uint64_t blocked = act->sa_mask | ((act->sa_flags & SA_NODEFER) != 0 ? 0 : SIG_BIT(sig));
    t->sig_mask = (t->sig_mask | blocked) & ~SIGNAL_UNMASKABLE;
}

/* One signal taken from the queue. Returns true when a handler was set up. */
static bool take_one(struct frame *f, int sig, const siginfo_t *info)
{
    spin_lock(&lock);
    struct sigaction act = actions[sig];
    if ((act.sa_flags & SA_RESETHAND) != 0 && act.sa_handler != SIG_IGN) {
        actions[sig].sa_handler = SIG_DFL;
    }
    spin_unlock(&lock);
    if (act.sa_handler == SIG_IGN) {
        return false;
    }
    if (act.sa_handler != SIG_DFL) {
        run_handler(f, sig, info, &act);
        return true;
    }
    if ((SIG_BIT(sig) & DEFAULT_IGNORED) != 0) {
        return false;
    }
    if ((SIG_BIT(sig) & DEFAULT_STOPS) != 0) {
        log(SIGNAL, WARN, "%s: a machine of one program does not stop; ignored", signal_name(sig));
        return false;
    }
    die(sig, info, f);
}

void signal_deliver(struct frame *f)
{
    struct thread *t = thread_this();
    siginfo_t info;
    int sig;
    if (signal_pending() || t->sig_restore_mask) {
        f->rip = trap_site_rip(f->rip);
    }
    while ((sig = signal_take(~t->sig_mask, &info)) != 0) {
        if (take_one(f, sig, &info) && signal_pending()) {
            continue; /* its handler runs first, on top of this one */
        }
    }
    long result = (long)f->rax;
    if (f->vector == FRAME_SYSCALL && result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) {
        f->rip = trap_site_rip(f->rip);
        settle_call(f, false, 0);
    }
    if (t->sig_restore_mask) { /* nothing was delivered: back to the mask before */
        t->sig_restore_mask = false;
        signal_set_mask(t->sig_saved_mask);
    }
}
