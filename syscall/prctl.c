/* SPDX-License-Identifier: MIT */
/* prctl(2): one small function per operation, found through a table.
 *
 * Attributes that can have no effect here (no child, no core dump, no parent that dies) are kept so
 * that they read back as they were set. Operations not in the table: -EINVAL, as on a Linux without
 * them, and a line on the log at level info.
 *
 * Source: prctl(2), capabilities(7). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <linux/securebits.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"

#define LAST_SIGNAL 64

/* Arguments two to five. */
struct args {
    uint64_t a, b, c, d;
};

static bool rest_is_zero(const struct args *args)
{
    return args->b == 0 && args->c == 0 && args->d == 0;
}

static long put_int(uint64_t to, int value)
{
    return uaccess_write(uptr(void, to), &value, sizeof(value));
}

static long set_name(const struct args *args)
{
    char name[sizeof(thread_this()->comm)] = {0};
    long len = uaccess_string(name, uptr(char, args->a), sizeof(name));

    if (len == -EFAULT) {
        return -EFAULT;
    }
    name[sizeof(name) - 1] = '\0'; /* longer names are cut */
    memcpy(thread_this()->comm, name, sizeof(name));
    return 0;
}

static long get_name(const struct args *args)
{
    return uaccess_write(uptr(void, args->a), thread_this()->comm, sizeof(thread_this()->comm));
}

static long set_pdeathsig(const struct args *args)
{
    if (args->a > LAST_SIGNAL) {
        return -EINVAL;
    }
    process.attrs.pdeath_signal = (int)args->a;
    return 0;
}

static long get_pdeathsig(const struct args *args)
{
    return put_int(args->a, process.attrs.pdeath_signal);
}

static long set_dumpable(const struct args *args)
{
    if (args->a > PROCESS_DUMPABLE) {
        return -EINVAL;
    }
    process.attrs.dumpable = (int)args->a;
    return 0;
}

static long get_dumpable(const struct args *args)
{
    (void)args;
    return process.attrs.dumpable;
}

static long set_keepcaps(const struct args *args)
{
    uint32_t *bits = &process.attrs.securebits;

    if (args->a > 1) {
        return -EINVAL;
    }
    if ((*bits & SECBIT_KEEP_CAPS_LOCKED) != 0) {
        return -EPERM;
    }
    *bits = args->a != 0 ? *bits | SECBIT_KEEP_CAPS : *bits & ~(uint32_t)SECBIT_KEEP_CAPS;
    return 0;
}

static long get_keepcaps(const struct args *args)
{
    (void)args;
    return (process.attrs.securebits & SECBIT_KEEP_CAPS) != 0;
}

/* A lock bit (the odd ones) is for ever and freezes the bit below it. */
static long set_securebits(const struct args *args)
{
    const uint64_t known = SECURE_ALL_BITS | SECURE_ALL_LOCKS;
    uint64_t old = process.attrs.securebits;
    uint64_t frozen = (old & SECURE_ALL_LOCKS) >> 1;

    if ((args->a & ~known) != 0 || ((old ^ args->a) & frozen) != 0 ||
        (old & SECURE_ALL_LOCKS & ~args->a) != 0 || !process_capable(CAP_SETPCAP)) {
        return -EPERM;
    }
    process.attrs.securebits = (uint32_t)args->a;
    return 0;
}

static long get_securebits(const struct args *args)
{
    (void)args;
    return process.attrs.securebits;
}

static long capbset_read(const struct args *args)
{
    return args->a > CAP_LAST_CAP ? -EINVAL : (long)(process.caps.bounding >> args->a & 1);
}

static long capbset_drop(const struct args *args)
{
    if (!process_capable(CAP_SETPCAP)) {
        return -EPERM;
    }
    if (args->a > CAP_LAST_CAP) {
        return -EINVAL;
    }
    spin_lock(&process.lock);
    process.caps.bounding &= ~(1UL << args->a);
    spin_unlock(&process.lock);
    return 0;
}

static long ambient_raise(uint64_t bit)
{
    struct process_caps *caps = &process.caps;
    bool forbidden = (process.attrs.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) != 0;

    if (forbidden || (caps->permitted & caps->inheritable & bit) == 0) {
        return -EPERM;
    }
    caps->ambient |= bit;
    return 0;
}

static long cap_ambient(const struct args *args)
{
    struct process_caps *caps = &process.caps;

    if (args->a == PR_CAP_AMBIENT_CLEAR_ALL) {
        if (!rest_is_zero(args)) {
            return -EINVAL;
        }
        caps->ambient = 0;
        return 0;
    }
    if (args->b > CAP_LAST_CAP || args->c != 0 || args->d != 0) {
        return -EINVAL;
    }
    uint64_t bit = 1UL << args->b;
    switch (args->a) {
    case PR_CAP_AMBIENT_IS_SET: return (caps->ambient & bit) != 0;
    case PR_CAP_AMBIENT_RAISE: return ambient_raise(bit);
    case PR_CAP_AMBIENT_LOWER: caps->ambient &= ~bit; return 0;
    default: return -EINVAL;
    }
}

static long set_no_new_privs(const struct args *args)
{
    if (args->a != 1 || !rest_is_zero(args)) {
        return -EINVAL;
    }
    process.attrs.no_new_privs = true;
    return 0;
}

static long get_no_new_privs(const struct args *args)
{
    return args->a != 0 || !rest_is_zero(args) ? -EINVAL : process.attrs.no_new_privs;
}

static long set_subreaper(const struct args *args)
{
    process.attrs.child_subreaper = args->a != 0;
    return 0;
}

static long get_subreaper(const struct args *args)
{
    return put_int(args->a, process.attrs.child_subreaper);
}

/* Sleeps here are never coalesced: a slack of any size is kept to. 0 means the default. */
static long set_timerslack(const struct args *args)
{
    process.attrs.timer_slack_ns = (long)args->a <= 0 ? PROCESS_TIMER_SLACK_NS : args->a;
    return 0;
}

static long get_timerslack(const struct args *args)
{
    (void)args;
    return (long)process.attrs.timer_slack_ns;
}

static long set_thp_disable(const struct args *args)
{
    if (!rest_is_zero(args)) {
        return -EINVAL;
    }
    process.attrs.thp_disable = args->a != 0;
    return 0;
}

static long get_thp_disable(const struct args *args)
{
    return args->a != 0 || !rest_is_zero(args) ? -EINVAL : process.attrs.thp_disable;
}

static long get_seccomp(const struct args *args)
{
    (void)args;
    return 0; /* mode disabled */
}

static long get_tsc(const struct args *args)
{
    return put_int(args->a, PR_TSC_ENABLE);
}

static long set_tsc(const struct args *args)
{
    return args->a == PR_TSC_ENABLE ? 0 : -EINVAL;
}

static long get_timing(const struct args *args)
{
    (void)args;
    return PR_TIMING_STATISTICAL;
}

static long set_timing(const struct args *args)
{
    return args->a == PR_TIMING_STATISTICAL ? 0 : -EINVAL;
}

static long get_tid_address(const struct args *args)
{
    uint64_t addr = thread_this()->clear_child_tid;
    return uaccess_write(uptr(void, args->a), &addr, sizeof(addr));
}

static const struct {
    int op;
    long (*run)(const struct args *args);
} operations[] = {
    {PR_SET_NAME, set_name},
    {PR_GET_NAME, get_name},
    {PR_SET_PDEATHSIG, set_pdeathsig},
    {PR_GET_PDEATHSIG, get_pdeathsig},
    {PR_SET_DUMPABLE, set_dumpable},
    {PR_GET_DUMPABLE, get_dumpable},
    {PR_SET_KEEPCAPS, set_keepcaps},
    {PR_GET_KEEPCAPS, get_keepcaps},
    {PR_SET_SECUREBITS, set_securebits},
    {PR_GET_SECUREBITS, get_securebits},
    {PR_CAPBSET_READ, capbset_read},
    {PR_CAPBSET_DROP, capbset_drop},
    {PR_CAP_AMBIENT, cap_ambient},
    {PR_SET_NO_NEW_PRIVS, set_no_new_privs},
    {PR_GET_NO_NEW_PRIVS, get_no_new_privs},
    {PR_SET_CHILD_SUBREAPER, set_subreaper},
    {PR_GET_CHILD_SUBREAPER, get_subreaper},
    {PR_SET_TIMERSLACK, set_timerslack},
    {PR_GET_TIMERSLACK, get_timerslack},
    {PR_SET_THP_DISABLE, set_thp_disable},
    {PR_GET_THP_DISABLE, get_thp_disable},
    {PR_GET_SECCOMP, get_seccomp},
    {PR_GET_TSC, get_tsc},
    {PR_SET_TSC, set_tsc},
    {PR_GET_TIMING, get_timing},
    {PR_SET_TIMING, set_timing},
    {PR_GET_TID_ADDRESS, get_tid_address},
};

long sys_prctl(int op, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const struct args args = {a, b, c, d};

    for (unsigned i = 0; i < ARRAY_LEN(operations); i++) {
        if (operations[i].op == op) {
            return operations[i].run(&args);
        }
    }
    log(SYSCALL, INFO, "prctl %d is not supported", op);
    return -EINVAL;
}
