/* SPDX-License-Identifier: MIT */
/* Signal actions, where a signal goes, and what happens when it is taken.
 *
 * Signals are pending for a thread or for the process, where any thread that does not block them
 * may take them. One thread is told: its sig_notified says so, and a thread that blocks what the
 * process has pending, or ends, tells another. A sender queues first and looks at masks then, a
 * thread changes its mask first and looks at queues then, both sequentially consistent: one of them
 * sees the other. lock guards actions, all queues, and the setting of sig_notified; it comes before
 * the thread table's lock.
 * Source: signal(7), sigaction(2), sigqueue(3), Linux kernel/signal.c semantics. */
#include "kernel/signal.h"

#include <asm/errno.h>
#include <linux/resource.h>

#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/crash.h"
#include "kernel/posixtimer.h"
#include "kernel/process.h"
#include "kernel/rseq.h"
#include "kernel/sched.h"
#include "kernel/sigframe.h"
#include "kernel/sigqueue.h"
#include "kernel/thread.h"
#include "kernel/trap.h"
#include "kernel/wait.h"

struct wait_queue signal_arrived = {.waiters = LIST_INIT(signal_arrived.waiters)};
static struct spinlock lock;
static struct sigaction actions[SIGNAL_MAX + 1] GUARDED_BY(lock);
static struct sigqueue shared = SIGQUEUE_INIT(shared); /* [lock] the process's */

#define DEFAULT_IGNORED (SIG_BIT(SIGCHLD) | SIG_BIT(SIGCONT) | SIG_BIT(SIGURG) | SIG_BIT(SIGWINCH))
/* Where Linux writes a core file. */
#define DEFAULT_REPORTS                                                                           \
    (SIG_BIT(SIGQUIT) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) | SIG_BIT(SIGABRT) | SIG_BIT(SIGBUS) | \
     SIG_BIT(SIGFPE) | SIG_BIT(SIGSEGV) | SIG_BIT(SIGSYS) | SIG_BIT(SIGXCPU) | SIG_BIT(SIGXFSZ))
#define DEFAULT_STOPS (SIG_BIT(SIGSTOP) | SIG_BIT(SIGTSTP) | SIG_BIT(SIGTTIN) | SIG_BIT(SIGTTOU))

/* Nobody could continue it. */
static void refuse_stop(int sig)
{
    log(SIGNAL, WARN, "%s: there is no shell to stop for; ignored", signal_name(sig));
}

static void (*stop_hook)(int sig) = refuse_stop; /* [I] */

static bool is_ignored(int sig) NEEDS(lock)
{
    __sighandler_t handler = actions[sig].sa_handler;
    return handler == SIG_IGN || (handler == SIG_DFL && (SIG_BIT(sig) & DEFAULT_IGNORED) != 0);
}

static uint64_t pending_for(const struct thread *t)
{
    return __atomic_load_n(&t->sig_queue.pending, __ATOMIC_SEQ_CST) |
           __atomic_load_n(&shared.pending, __ATOMIC_SEQ_CST);
}

static uint64_t mask_of(const struct thread *t)
{
    return __atomic_load_n(&t->sig_mask, __ATOMIC_SEQ_CST);
}

/* t blocks sig, or would but for its sigtimedwait: then even an ignored one is kept for it. */
static bool keeps(const struct thread *t, int sig)
{
    return ((mask_of(t) | __atomic_load_n(&t->sig_waited, __ATOMIC_SEQ_CST)) & SIG_BIT(sig)) != 0;
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

/* Tell t of sig unless it blocks it. */
static bool notify(struct thread *t, int sig)
{
    spin_lock(&lock);
    bool takes = (mask_of(t) & SIG_BIT(sig)) == 0;
    if (takes) {
        __atomic_store_n(&t->sig_notified, true, __ATOMIC_SEQ_CST);
    }
    spin_unlock(&lock);
    if (takes) {
        kick(t);
    }
    return takes;
}

/* Whether the current thread has anything to take, after its mask or a queue has changed. */
static void renotify(void)
{
    struct thread *t = thread_this();
    spin_lock(&lock);
    bool ready = (pending_for(t) & ~mask_of(t)) != 0;
    __atomic_store_n(&t->sig_notified, ready, __ATOMIC_SEQ_CST);
    spin_unlock(&lock);
    if (ready) {
        cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
    }
}

static bool tell_and_put(struct thread *t, int sig)
{
    bool told = t != NULL && t->tid != 0 && notify(t, sig);
    if (t != NULL) {
        thread_put(t);
    }
    return told;
}

/* Tell a thread that takes the process's sig: the first thread if it does, then the current one. */
static void tell_one(int sig)
{
    struct thread *t = thread_this();
    if (tell_and_put(thread_find(PROCESS_PID), sig) || (t->tid != 0 && notify(t, sig))) {
        return;
    }
    for (t = thread_next(0); t != NULL;) {
        int tid = t->tid;
        if (tell_and_put(t, sig)) {
            return;
        }
        t = thread_next(tid);
    }
}

/* The current thread does not take signals of set any more: others may have to. */
static void tell_others(uint64_t set)
{
    uint64_t left = __atomic_load_n(&shared.pending, __ATOMIC_SEQ_CST) & set;
    for (; left != 0 && thread_count() > 1; left &= left - 1) {
        tell_one(__builtin_ctzl(left) + 1);
    }
}

static void set_mask(uint64_t mask)
{
    struct thread *t = thread_this();
    uint64_t before = t->sig_mask;
    __atomic_store_n(&t->sig_mask, mask, __ATOMIC_SEQ_CST);
    if (pending_for(t) != 0 || signal_pending()) {
        renotify();
        tell_others(mask & ~before);
    }
}

/* Whether the process keeps sig even when it is ignored. */
static bool process_keeps(int sig)
{
    struct thread *first = thread_find(PROCESS_PID);
    bool kept = first != NULL && keeps(first, sig);
    if (first != NULL) {
        thread_put(first);
    }
    return kept;
}

bool signal_is_ignored(const struct thread *t, int sig)
{
    bool kept = t != NULL ? keeps(t, sig) : process_keeps(sig);
    spin_lock(&lock);
    bool ignored = !kept && is_ignored(sig);
    spin_unlock(&lock);
    return ignored;
}

int signal_send(int sig, const siginfo_t *info)
{
    if (sig <= 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    bool drop = signal_is_ignored(NULL, sig); /* if that changes now, it is when it is taken */
    spin_lock(&lock);
    int err = drop ? 0 : sigqueue_put(&shared, sig, info);
    spin_unlock(&lock);
    if (!drop && err == 0) {
        tell_one(sig);
        wait_wake(&signal_arrived, WAIT_ALL);
    }
    return err;
}

int signal_send_thread(struct thread *t, int sig, const siginfo_t *info)
{
    if (sig <= 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    bool drop = signal_is_ignored(t, sig);
    spin_lock(&lock);
    int err = drop ? 0 : sigqueue_put(&t->sig_queue, sig, info);
    spin_unlock(&lock);
    if (!drop && err == 0) {
        (void)notify(t, sig);
        wait_wake(&signal_arrived, WAIT_ALL);
    }
    return err;
}

static int take(uint64_t set, siginfo_t *info)
{
    struct thread *t = thread_this();
    int sig = 0;
    if ((pending_for(t) & set) != 0) {
        spin_lock(&lock);
        sig = sigqueue_take(&t->sig_queue, set, info);
        sig = sig != 0 ? sig : sigqueue_take(&shared, set, info);
        spin_unlock(&lock);
    }
    if (__atomic_load_n(&t->sig_notified, __ATOMIC_SEQ_CST)) {
        renotify();
    }
    return sig;
}

int signal_take(uint64_t set, siginfo_t *info)
{
    int sig;
    do { /* a timer's that was set anew meanwhile is not to be seen */
        sig = take(set, info);
    } while (sig != 0 && info->si_code == SI_TIMER && info->si_sys_private != 0 &&
             !posixtimer_deliver(info));
    return sig;
}

/* Who has told of it may not have set the CPU's bit yet; a call that ends because of it must not be
 * back in the program before that. */
bool signal_pending(void)
{
    bool pending = __atomic_load_n(&thread_this()->sig_notified, __ATOMIC_SEQ_CST);
    if (pending) {
        cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
    }
    return pending;
}

bool signal_attention(void)
{
    return thread_this()->sig_restore_mask || signal_pending();
}

uint64_t signal_waiting(void)
{
    return pending_for(thread_this());
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
    __atomic_store_n(&t->sig_waited, saved & set, __ATOMIC_SEQ_CST);
    set_mask(saved & ~set); /* so that they come to us */
    while ((sig = signal_take(set, info)) == 0 && err == 0) {
        if ((pending_for(t) & ~mask_of(t) & ~set) != 0) { /* another one */
            err = -EINTR;
            break;
        }
        err = wait_on(&never, deadline_ns);
        err = err == -EINTR ? 0 : err; /* look what it is */
    }
    set_mask(saved);
    __atomic_store_n(&t->sig_waited, 0, __ATOMIC_SEQ_CST);
    if (sig != 0) {
        return sig;
    }
    return err == -ETIMEDOUT ? -EAGAIN : -EINTR;
}

void signal_set_mask(uint64_t mask)
{
    set_mask(mask & ~SIGNAL_UNMASKABLE);
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
    set_mask(~0UL);
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
    if (act != NULL) {
        posixtimer_action(sig, drop);
    }
    return 0;
}

void signal_sets(struct signal_sets *out, const struct thread *t)
{
    spin_lock(&lock);
    *out = (struct signal_sets){.pending = t->sig_queue.pending, .shared = shared.pending};
    out->blocked = t->sig_mask;
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
    spin_lock(&lock);
    bool fatal = (t->sig_mask & SIG_BIT(sig)) != 0 || actions[sig].sa_handler == SIG_IGN;
    /* without memory for the queue nothing of the program's own can help */
    fatal = fatal || sigqueue_put(&t->sig_queue, sig, &info) != 0;
    spin_unlock(&lock);
    if (fatal) {
        crash_report(sig, &info, f);
        process_exit(128 + sig);
    }
    renotify();
}

NORETURN static void die(int sig, const siginfo_t *info, const struct frame *f)
{
    if ((SIG_BIT(sig) & DEFAULT_REPORTS) != 0) {
        crash_report(sig, info, f);
    }
    process_exit(128 + sig);
}

/* The handler of sig cannot be called. As Linux: SIGSEGV, whose own handler may have another stack;
 * but none that cannot be called either. */
static void force_segv(int sig, const struct frame *f)
{
    if (sig != SIGSEGV) {
        signal_send_fault(SIGSEGV, SI_KERNEL, 0, f);
        return;
    }
    siginfo_t segv = {.si_signo = SIGSEGV};
    segv.si_code = SI_KERNEL;
    crash_report(SIGSEGV, &segv, f);
    process_exit(128 + SIGSEGV);
}

static void run_handler(struct frame *f, int sig, const siginfo_t *info, struct sigaction *act)
{
    struct thread *t = thread_this();
    uint64_t mask = t->sig_restore_mask ? t->sig_saved_mask : t->sig_mask;
    bool fault = info->si_code > 0 && t->sig_fault.trapno != 0;
    struct sigframe_fault none = {0, 0, 0};
    sigframe_settle(f, true, act->sa_flags);
    int err = rseq_interrupt(f);
    err = err != 0 ? err : sigframe_push(f, sig, info, act, mask, fault ? &t->sig_fault : &none);
    t->sig_fault = none;
    if (err != 0) { /* no stack for the handler, or a broken rseq area */
        force_segv(sig, f);
        return;
    }
    t->sig_restore_mask = false;
    uint64_t blocked = act->sa_mask | ((act->sa_flags & SA_NODEFER) != 0 ? 0 : SIG_BIT(sig));
    signal_set_mask(t->sig_mask | blocked);
}

/* What is done about one signal taken from the queue. */
static void take_one(struct frame *f, int sig, const siginfo_t *info)
{
    spin_lock(&lock);
    struct sigaction act = actions[sig];
    if ((act.sa_flags & SA_RESETHAND) != 0 && act.sa_handler != SIG_IGN) {
        actions[sig].sa_handler = SIG_DFL;
    }
    spin_unlock(&lock);
    if (act.sa_handler != SIG_IGN && act.sa_handler != SIG_DFL) {
        run_handler(f, sig, info, &act);
    } else if (act.sa_handler == SIG_DFL && (SIG_BIT(sig) & DEFAULT_STOPS) != 0) {
        stop_hook(sig);
    } else if (act.sa_handler == SIG_DFL && (SIG_BIT(sig) & DEFAULT_IGNORED) == 0) {
        die(sig, info, f);
    }
}

void signal_set_stop_hook(void (*hook)(int sig))
{
    stop_hook = hook;
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
        take_one(f, sig, &info); /* the next one's handler runs first, on top of this one's */
    }
    long result = (long)f->rax;
    if (f->vector == FRAME_SYSCALL && result <= -ERESTARTSYS && result >= -ERESTART_RESTARTBLOCK) {
        f->rip = trap_site_rip(f->rip);
        sigframe_settle(f, false, 0);
    }
    if (t->sig_restore_mask) { /* nothing was delivered: back to the mask before */
        t->sig_restore_mask = false;
        signal_set_mask(t->sig_saved_mask);
    }
}
