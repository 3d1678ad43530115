/* SPDX-License-Identifier: MIT */
/* Signal actions, the pending queue, and what happens when a signal is taken.
 *
 * One queue for the process; standard signals are pending once, real-time ones as often as they are
 * sent. lock guards actions, queue and the pending set; it is a leaf but for the heap's.
 * Source: signal(7), sigaction(2), sigqueue(3), Linux kernel/signal.c semantics. */
#include "kernel/signal.h"

#include <asm/errno.h>
#include <linux/resource.h>

#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/crash.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/rseq.h"
#include "kernel/sigframe.h"
#include "kernel/thread.h"
#include "kernel/trap.h"
#include "kernel/wait.h"

#define FIRST_REALTIME 32
#define SYSCALL_LEN 2 /* bytes of the syscall instruction */
#define NR_RESTART_SYSCALL 219

struct pending_signal {
    struct list link;
    siginfo_t info;
};

static struct spinlock lock;
static struct sigaction actions[SIGNAL_MAX + 1]; /* [lock] */
static struct list queue = LIST_INIT(queue);     /* [lock] */
static uint64_t pending;                         /* [lock] bit per signal that is in the queue */
static unsigned queued;                          /* [lock] */
static struct wait_queue arrivals = {SPINLOCK_INIT, LIST_INIT(arrivals.waiters)};
static struct sigframe_fault last_fault; /* of the synchronous signal being delivered */
static struct frame fault_frame;

static const char *const names[SIGNAL_MAX + 1] = {
    [SIGHUP] = "SIGHUP",       [SIGINT] = "SIGINT",     [SIGQUIT] = "SIGQUIT",
    [SIGILL] = "SIGILL",       [SIGTRAP] = "SIGTRAP",   [SIGABRT] = "SIGABRT",
    [SIGBUS] = "SIGBUS",       [SIGFPE] = "SIGFPE",     [SIGKILL] = "SIGKILL",
    [SIGUSR1] = "SIGUSR1",     [SIGSEGV] = "SIGSEGV",   [SIGUSR2] = "SIGUSR2",
    [SIGPIPE] = "SIGPIPE",     [SIGALRM] = "SIGALRM",   [SIGTERM] = "SIGTERM",
    [SIGSTKFLT] = "SIGSTKFLT", [SIGCHLD] = "SIGCHLD",   [SIGCONT] = "SIGCONT",
    [SIGSTOP] = "SIGSTOP",     [SIGTSTP] = "SIGTSTP",   [SIGTTIN] = "SIGTTIN",
    [SIGTTOU] = "SIGTTOU",     [SIGURG] = "SIGURG",     [SIGXCPU] = "SIGXCPU",
    [SIGXFSZ] = "SIGXFSZ",     [SIGVTALRM] = "SIGVTALRM", [SIGPROF] = "SIGPROF",
    [SIGWINCH] = "SIGWINCH",   [SIGIO] = "SIGIO",       [SIGPWR] = "SIGPWR",
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

static int enqueue_locked(int sig, const siginfo_t *info)
{
    lock_assert_held(&lock);
    if (sig < FIRST_REALTIME && (pending & SIG_BIT(sig)) != 0) {
        return 0;
    }
    if (queued >= process.limits[RLIMIT_SIGPENDING].rlim_cur && sig >= FIRST_REALTIME) {
        return -EAGAIN;
    }
    struct pending_signal *p = heap_alloc(sizeof(*p));
    if (p == NULL) {
        return -EAGAIN;
    }
    p->info = *info;
    p->info.si_signo = sig;
    list_append(&queue, &p->link);
    pending |= SIG_BIT(sig);
    queued++;
    return 0;
}

int signal_send(int sig, const siginfo_t *info)
{
    if (sig <= 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    spin_lock(&lock);
    bool blocked = (thread_this()->sig_mask & SIG_BIT(sig)) != 0;
    int err = 0;
    if (blocked || !is_ignored(sig)) {
        err = enqueue_locked(sig, info);
    }
    spin_unlock(&lock);
    if (err == 0) {
        cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
        wait_wake(&arrivals, WAIT_ALL);
    }
    return err;
}

static uint64_t next_of(uint64_t set)
{
    /* Synchronous signals first, as Linux: a fault's handler must see the faulting context. */
    uint64_t sync = SIG_BIT(SIGSEGV) | SIG_BIT(SIGBUS) | SIG_BIT(SIGILL) | SIG_BIT(SIGTRAP) |
                    SIG_BIT(SIGFPE) | SIG_BIT(SIGSYS);
    uint64_t ready = pending & set;
    uint64_t from = (ready & sync) != 0 ? ready & sync : ready;
    return from == 0 ? 0 : (uint64_t)__builtin_ctzl(from) + 1;
}

int signal_take(uint64_t set, siginfo_t *info)
{
    spin_lock(&lock);
    int sig = (int)next_of(set);
    bool more = false;
    struct list *at;
    struct list *tmp;
    struct pending_signal *taken = NULL;
    list_for_each_safe(at, tmp, &queue) {
        struct pending_signal *p = list_entry(at, struct pending_signal, link);
        if (p->info.si_signo != sig) {
            continue;
        }
        if (taken != NULL) {
            more = true;
            break;
        }
        taken = p;
    }
    if (taken != NULL) {
        list_remove(&taken->link);
        queued--;
        assert(sig > 0); /* nothing of signal 0 is ever queued */
        pending &= more ? ~0UL : ~SIG_BIT(sig);
    }
    spin_unlock(&lock);
    if (taken == NULL) {
        return 0;
    }
    *info = taken->info;
    heap_free(taken);
    return sig;
}

bool signal_pending(void)
{
    return (__atomic_load_n(&pending, __ATOMIC_RELAXED) & ~thread_this()->sig_mask) != 0;
}

bool signal_attention(void)
{
    return thread_this()->sig_restore_mask || signal_pending();
}

uint64_t signal_pending_set(void)
{
    return __atomic_load_n(&pending, __ATOMIC_RELAXED) & thread_this()->sig_mask;
}

static bool is_pending(uint64_t set)
{
    return (__atomic_load_n(&pending, __ATOMIC_RELAXED) & set) != 0;
}

int signal_wait(uint64_t set, siginfo_t *info, uint64_t deadline_ns)
{
    struct thread *t = thread_this();
    uint64_t saved = t->sig_mask;
    t->sig_mask = saved & ~set; /* so that they wake us */
    int err;
    int sig;
    do { /* what was pending may be another thread's by now */
        err = wait_until(&arrivals, is_pending(set), deadline_ns);
        sig = signal_take(set, info);
    } while (err == 0 && sig == 0);
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

static void drop_pending_locked(int sig)
{
    lock_assert_held(&lock);
    struct list *at;
    struct list *tmp;
    list_for_each_safe(at, tmp, &queue) {
        struct pending_signal *p = list_entry(at, struct pending_signal, link);
        if (p->info.si_signo == sig) {
            list_remove(at);
            heap_free(p);
            queued--;
        }
    }
    pending &= ~SIG_BIT(sig);
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
        if (is_ignored(sig)) {
            drop_pending_locked(sig);
        }
    }
    spin_unlock(&lock);
    return 0;
}

void signal_sets(struct signal_sets *out)
{
    *out = (struct signal_sets){.blocked = thread_this()->sig_mask};
    spin_lock(&lock);
    out->pending = pending;
    out->queued = queued;
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
    fault_frame = *f;
    last_fault = (struct sigframe_fault){.trapno = f->vector, .err = f->error, .cr2 = addr};
    bool blocked = (thread_this()->sig_mask & SIG_BIT(sig)) != 0;
    if (sig == SIGKILL || blocked || actions[sig].sa_handler == SIG_IGN) {
        crash_report(sig, &info, f);
        process_exit(128 + sig);
    }
    spin_lock(&lock);
    int err = enqueue_locked(sig, &info);
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
        thread_this()->restart_data[0] = 0; /* the handler has the last word */
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
    bool fault = info->si_code > 0 && last_fault.trapno != 0;
    struct sigframe_fault none = {0, 0, 0};
    settle_call(f, true, act->sa_flags);
    int err = rseq_interrupt(f);
    err = err != 0 ? err : sigframe_push(f, sig, info, act, mask, fault ? &last_fault : &none);
    last_fault = none;
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
