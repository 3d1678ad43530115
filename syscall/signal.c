/* SPDX-License-Identifier: MIT */
/* System calls of the signal family: decode, one verb of kernel/signal.c, encode.
 * Source: the man pages of the calls. */
#include <asm/signal.h>

#include <asm/errno.h>
#include <asm/siginfo.h>
#include <linux/signal.h>
#include <linux/time_types.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/sigframe.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "platform/clock.h"
#include "syscall/calls.h"
#include "syscall/restart.h"

#define SIGSET_SIZE 8

long sys_rt_sigaction(int sig, const void USER *act, void USER *old, size_t size)
{
    struct sigaction new_action;
    struct sigaction old_action;
    if (size != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (act != NULL && uaccess_read(&new_action, act, sizeof(new_action)) != 0) {
        return -EFAULT;
    }
    int err = signal_action(sig, act != NULL ? &new_action : NULL, &old_action);
    if (err != 0 || old == NULL) {
        return err;
    }
    return uaccess_write(old, &old_action, sizeof(old_action));
}

long sys_rt_sigprocmask(int how, const uint64_t USER *set, uint64_t USER *old, size_t size)
{
    uint64_t before = thread_this()->sig_mask;
    uint64_t given;
    if (size != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (set != NULL) {
        if (uaccess_read(&given, set, sizeof(given)) != 0) {
            return -EFAULT;
        }
        switch (how) {
        case SIG_BLOCK: signal_set_mask(before | given); break;
        case SIG_UNBLOCK: signal_set_mask(before & ~given); break;
        case SIG_SETMASK: signal_set_mask(given); break;
        default: return -EINVAL;
        }
    }
    return old == NULL ? 0 : uaccess_write(old, &before, sizeof(before));
}

long sys_rt_sigreturn(void)
{
    struct frame f;
    uint64_t mask;
    if (sigframe_pop(cpu_this()->user_rsp, &f, &mask) != 0) {
        struct frame bad = {.rip = 0, .rsp = cpu_this()->user_rsp, .vector = 13};
        signal_set_mask(thread_this()->sig_mask | SIG_BIT(SIGSEGV)); /* it cannot be caught */
        signal_send_fault(SIGSEGV, SI_KERNEL, 0, &bad);
    }
    thread_this()->restart_data[0] = 0; /* what the handler interrupted has failed */
    signal_set_mask(mask);
    cputime_leave(); /* this call does not return */
    cpu_resume(&f);
}

static long send_process(int sig)
{
    siginfo_t info;
    if (sig == 0) {
        return 0;
    }
    signal_info_of_self(&info, sig, SI_USER);
    return signal_send(sig, &info);
}

/* To the thread tid; info NULL: made up as tkill does. */
static long send_thread(int tid, int sig, const siginfo_t *info)
{
    siginfo_t simple;
    struct thread *t = thread_find(tid);
    if (t == NULL) {
        return -ESRCH;
    }
    if (info == NULL) {
        signal_info_of_self(&simple, sig, SI_TKILL);
        info = &simple;
    }
    long err = sig == 0 ? 0 : signal_send_thread(t, sig, info);
    thread_put(t);
    return err;
}

/* The program is the only process: itself, its group, or everybody but init and the caller. */
long sys_kill(int pid, int sig)
{
    if (sig < 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    if (pid == PROCESS_PID || pid == 0 || (pid < -1 && -pid == process.pgid)) {
        return send_process(sig);
    }
    return pid == 1 ? -EPERM : -ESRCH;
}

long sys_tkill(int tid, int sig)
{
    if (tid <= 0 || sig < 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    return send_thread(tid, sig, NULL);
}

long sys_tgkill(int pid, int tid, int sig)
{
    if (pid <= 0 || tid <= 0 || sig < 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    return pid == PROCESS_PID ? send_thread(tid, sig, NULL) : -ESRCH;
}

/* To the process, or to the thread tid when it is not 0. */
static long queue_info(int tid, int sig, const void USER *uinfo)
{
    siginfo_t info;
    if (uaccess_read(&info, uinfo, sizeof(info)) != 0) {
        return -EFAULT;
    }
    if (sig < 0 || sig > SIGNAL_MAX) {
        return -EINVAL;
    }
    info.si_signo = sig;
    if (info.si_code == SI_TIMER) {
        info.si_sys_private = 0; /* it is no timer's */
    }
    if (tid != 0) {
        return send_thread(tid, sig, &info);
    }
    return sig == 0 ? 0 : signal_send(sig, &info);
}

long sys_rt_sigqueueinfo(int pid, int sig, const void USER *info)
{
    return pid == PROCESS_PID ? queue_info(0, sig, info) : -ESRCH;
}

long sys_rt_tgsigqueueinfo(int pid, int tid, int sig, const void USER *info)
{
    if (pid <= 0 || tid <= 0) {
        return -EINVAL;
    }
    return pid == PROCESS_PID ? queue_info(tid, sig, info) : -ESRCH;
}

long sys_rt_sigpending(uint64_t USER *set, size_t size)
{
    uint64_t blocked = signal_pending_set();
    if (size > SIGSET_SIZE) {
        return -EINVAL;
    }
    return uaccess_write(set, &blocked, size);
}

long sys_rt_sigsuspend(const uint64_t USER *set, size_t size)
{
    uint64_t mask;
    if (size != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (uaccess_read(&mask, set, sizeof(mask)) != 0) {
        return -EFAULT;
    }
    signal_suspend(mask);
    struct wait_queue never;
    wait_queue_init(&never);
    while (!signal_pending()) {
        (void)wait_on(&never, TIME_NEVER);
    }
    return -ERESTARTNOHAND;
}

long sys_pause(void)
{
    struct wait_queue never;
    wait_queue_init(&never);
    while (!signal_pending()) {
        (void)wait_on(&never, TIME_NEVER);
    }
    return -ERESTARTNOHAND;
}

long sys_restart_syscall(void)
{
    uint64_t *data = thread_this()->restart_data;
    restart_fn fn = (restart_fn)(void *)(uintptr_t)data[0];
    data[0] = 0;
    return fn != NULL ? fn(data[1], data[2], data[3]) : -EINTR;
}

long sys_rt_sigtimedwait(const uint64_t USER *uset, void USER *uinfo, const void USER *utimeout,
                         size_t size)
{
    uint64_t set;
    struct __kernel_timespec ts;
    uint64_t deadline = TIME_NEVER;
    siginfo_t info;
    if (size != SIGSET_SIZE) {
        return -EINVAL;
    }
    if (uaccess_read(&set, uset, sizeof(set)) != 0) {
        return -EFAULT;
    }
    if (utimeout != NULL) {
        if (uaccess_read(&ts, utimeout, sizeof(ts)) != 0) {
            return -EFAULT;
        }
        if (ts.tv_sec < 0 || ts.tv_nsec < 0 || (uint64_t)ts.tv_nsec >= NSEC_PER_SEC) {
            return -EINVAL;
        }
        uint64_t sec = min((uint64_t)ts.tv_sec, UINT64_MAX / NSEC_PER_SEC / 4);
        deadline = clock_ns() + sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
    }
    int sig = signal_wait(set & ~SIGNAL_UNMASKABLE, &info, deadline);
    if (sig > 0 && uinfo != NULL && uaccess_write(uinfo, &info, sizeof(info)) != 0) {
        return -EFAULT;
    }
    return sig;
}

long sys_sigaltstack(const void USER *stack, void USER *old)
{
    uint64_t rsp = cpu_this()->user_rsp;
    stack_t before = thread_this()->sig_altstack;
    stack_t given;
    if (before.ss_size == 0) {
        before.ss_flags = SS_DISABLE;
    } else if (sigframe_on_altstack(rsp)) {
        before.ss_flags |= SS_ONSTACK;
    }
    if (stack != NULL && uaccess_read(&given, stack, sizeof(given)) != 0) {
        return -EFAULT;
    }
    long err = stack != NULL ? sigframe_set_altstack(&given, rsp) : 0;
    if (err != 0 || old == NULL) {
        return err;
    }
    return uaccess_write(old, &before, sizeof(before));
}
