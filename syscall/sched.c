/* SPDX-License-Identifier: MIT */
/* Scheduling parameters of each thread: kept and checked as Linux does. The scheduler is fair to
 * all and makes no difference between policies; affinity it does obey. lock guards the parameters
 * of all threads.
 *
 * Source: sched(7), sched_setscheduler(2), sched_setparam(2), sched_setattr(2),
 * sched_setaffinity(2), sched_get_priority_min(2), sched_rr_get_interval(2), sched_yield(2),
 * getpriority(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <linux/time_types.h>

#include "kernel/base/lock.h"
#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "syscall/calls.h"

#define RT_PRIORITY_MIN 1
#define RT_PRIORITY_MAX 99
#define RR_INTERVAL_NS (100 * 1000000) /* what Linux tells of SCHED_RR, */
#define FAIR_INTERVAL_NS (4 * 1000000) /* and of the others: a slice */
#define MASK_BYTES sizeof(uint64_t) /* one word of CPU bits, as a Linux with up to 64 CPUs */
#define NICE_MIN (-20)
#define NICE_MAX 19
#define NICE_TO_RLIMIT 20 /* getpriority(2) and RLIMIT_NICE count 20 - nice */

static struct spinlock lock;

static bool is_realtime(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_policy(int policy)
{
    return is_realtime(policy) || policy == SCHED_NORMAL || policy == SCHED_BATCH ||
           policy == SCHED_IDLE;
}

/* The thread tid, the current one for 0, with a reference. 0, -EINVAL, -ESRCH. */
static long find(int tid, struct thread **out)
{
    if (tid < 0) {
        return -EINVAL;
    }
    *out = thread_find(tid == 0 ? thread_this()->tid : tid);
    return *out == NULL ? -ESRCH : 0;
}

/* The parameters of tid. */
static long read_parameters(int tid, struct thread_parameters *out)
{
    struct thread *t;
    long err = find(tid, &t);
    if (err != 0) {
        return err;
    }
    spin_lock(&lock);
    *out = t->parameters;
    spin_unlock(&lock);
    thread_put(t);
    return 0;
}

/* Whether the program may make a thread's parameters p instead of old. */
static long check_rights(const struct thread_parameters *old, const struct thread_parameters *p)
{
    bool nicer = p->nice < old->nice;
    bool nice_ok =
        !nicer || (uint64_t)(NICE_TO_RLIMIT - p->nice) <= process.limits[RLIMIT_NICE].rlim_cur;
    bool rt_ok = (uint64_t)p->priority <= process.limits[RLIMIT_RTPRIO].rlim_cur;
    return (nice_ok && rt_ok) || process_capable(CAP_SYS_NICE) ? 0 : -EPERM;
}

static bool is_valid(const struct thread_parameters *p)
{
    int lowest = is_realtime(p->policy) ? RT_PRIORITY_MIN : 0;
    int highest = is_realtime(p->policy) ? RT_PRIORITY_MAX : 0;
    return is_policy(p->policy) && p->priority >= lowest && p->priority <= highest;
}

/* Give t the parameters p; policy < 0: keep the present one. */
static long change_locked(struct thread *t, struct thread_parameters p)
{
    lock_assert_held(&lock);
    if (p.policy < 0) {
        p.policy = t->parameters.policy;
        p.reset_on_fork = t->parameters.reset_on_fork;
    }
    if (!is_valid(&p)) {
        return -EINVAL;
    }
    long err = check_rights(&t->parameters, &p);
    if (err == 0) {
        t->parameters = p;
    }
    return err;
}

/* The same, with t's nice value as it is. */
static long change_policy(int tid, int policy, int priority)
{
    struct thread_parameters p = {.policy = policy, .priority = priority};
    struct thread *t;
    if (policy >= 0) {
        p.policy = policy & ~SCHED_RESET_ON_FORK;
        p.reset_on_fork = (policy & SCHED_RESET_ON_FORK) != 0;
    }
    long err = find(tid, &t);
    if (err != 0) {
        return err;
    }
    spin_lock(&lock);
    p.nice = t->parameters.nice;
    err = change_locked(t, p);
    spin_unlock(&lock);
    thread_put(t);
    return err;
}

long sys_sched_yield(void)
{
    sched_yield();
    return 0;
}

long sys_sched_get_priority_max(int policy)
{
    if (!is_policy(policy) && policy != SCHED_DEADLINE) {
        return -EINVAL;
    }
    return is_realtime(policy) ? RT_PRIORITY_MAX : 0;
}

long sys_sched_get_priority_min(int policy)
{
    if (!is_policy(policy) && policy != SCHED_DEADLINE) {
        return -EINVAL;
    }
    return is_realtime(policy) ? RT_PRIORITY_MIN : 0;
}

static long set_parameters(int tid, int policy, const void USER *param)
{
    struct sched_param p;

    if (tid < 0 || param == NULL) {
        return -EINVAL;
    }
    if (uaccess_read(&p, param, sizeof(p)) != 0) {
        return -EFAULT;
    }
    return change_policy(tid, policy, p.sched_priority);
}

long sys_sched_setscheduler(int tid, int policy, const void USER *param)
{
    return policy < 0 ? -EINVAL : set_parameters(tid, policy, param);
}

long sys_sched_setparam(int tid, const void USER *param)
{
    return set_parameters(tid, -1, param);
}

long sys_sched_getscheduler(int tid)
{
    struct thread_parameters p;
    long err = read_parameters(tid, &p);
    return err != 0 ? err : p.policy | (p.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(int tid, void USER *param)
{
    struct thread_parameters p;
    if (param == NULL) {
        return -EINVAL;
    }
    long err = read_parameters(tid, &p);
    if (err != 0) {
        return err;
    }
    struct sched_param out = {.sched_priority = p.priority};
    return uaccess_write(param, &out, sizeof(out));
}

/* The only flag known here is the one that a child does not inherit. */
long sys_sched_setattr(int tid, void USER *uattr, unsigned flags)
{
    struct sched_attr attr = {0};
    uint32_t size;
    struct thread *t;
    if (uattr == NULL || tid < 0 || flags != 0) {
        return -EINVAL;
    }
    if (uaccess_read(&size, uattr, sizeof(size)) != 0) {
        return -EFAULT;
    }
    size = size == 0 ? SCHED_ATTR_SIZE_VER0 : size;
    if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE) {
        return -E2BIG;
    }
    long err = uaccess_struct(&attr, sizeof(attr), uattr, size);
    if (err != 0) {
        return err;
    }
    if ((attr.sched_flags & ~(uint64_t)SCHED_FLAG_RESET_ON_FORK) != 0) {
        return -EINVAL;
    }
    struct thread_parameters p = {.policy = (int)attr.sched_policy,
                                  .priority = (int)attr.sched_priority,
                                  .nice = max(NICE_MIN, min(attr.sched_nice, NICE_MAX)),
                                  .reset_on_fork = attr.sched_flags != 0};
    if (p.policy < 0) {
        return -EINVAL;
    }
    err = find(tid, &t);
    if (err != 0) {
        return err;
    }
    spin_lock(&lock);
    err = change_locked(t, p);
    spin_unlock(&lock);
    thread_put(t);
    return err;
}

long sys_sched_getattr(int tid, void USER *uattr, unsigned size, unsigned flags)
{
    struct thread_parameters p;
    if (uattr == NULL || size > PAGE_SIZE || size < SCHED_ATTR_SIZE_VER0 || flags != 0) {
        return -EINVAL;
    }
    long err = read_parameters(tid, &p);
    if (err != 0) {
        return err;
    }
    struct sched_attr attr = {.size = (uint32_t)min(size, sizeof(attr)),
                              .sched_policy = (uint32_t)p.policy,
                              .sched_flags = p.reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0,
                              .sched_nice = is_realtime(p.policy) ? 0 : p.nice,
                              .sched_priority = (uint32_t)p.priority};
    return uaccess_write(uattr, &attr, attr.size);
}

long sys_sched_rr_get_interval(int tid, void USER *interval)
{
    struct thread_parameters p;
    long err = read_parameters(tid, &p);
    if (err != 0) {
        return err;
    }
    long ns = p.policy == SCHED_RR ? RR_INTERVAL_NS : FAIR_INTERVAL_NS;
    struct __kernel_timespec t = {.tv_nsec = p.policy == SCHED_FIFO ? 0 : ns};
    return uaccess_write(interval, &t, sizeof(t));
}

long sys_sched_setaffinity(int tid, size_t size, const void USER *mask)
{
    uint64_t cpus = 0;
    struct thread *t;
    if (uaccess_read(&cpus, mask, min(size, MASK_BYTES)) != 0) {
        return -EFAULT;
    }
    long err = tid < 0 ? -ESRCH : find(tid, &t);
    if (err != 0) {
        return err;
    }
    err = sched_set_affinity(t, cpus);
    thread_put(t);
    return err;
}

long sys_sched_getaffinity(int tid, size_t size, void USER *mask)
{
    struct thread *t;
    if (size < MASK_BYTES || size % MASK_BYTES != 0) {
        return -EINVAL;
    }
    long err = tid < 0 ? -ESRCH : find(tid, &t);
    if (err != 0) {
        return err;
    }
    uint64_t cpus = __atomic_load_n(&t->affinity, __ATOMIC_RELAXED);
    thread_put(t);
    return uaccess_write(mask, &cpus, sizeof(cpus)) != 0 ? -EFAULT : (long)MASK_BYTES;
}

/* The threads that (which, who) names: all of them, or *out with a reference. Returns 0, -EINVAL,
 * -ESRCH. */
static long priority_target(int which, int who, struct thread **out)
{
    bool ours;
    *out = NULL;
    switch (which) {
    case PRIO_PROCESS: return who < 0 ? -ESRCH : find(who, out);
    case PRIO_PGRP: ours = who == process.pgid; break;
    case PRIO_USER: ours = (uint32_t)who == process.uid; break;
    default: return -EINVAL;
    }
    return ours || who == 0 ? 0 : -ESRCH;
}

static int read_nice(const struct thread *t)
{
    return __atomic_load_n(&t->parameters.nice, __ATOMIC_RELAXED);
}

long sys_getpriority(int which, int who)
{
    struct thread *t;
    int least = NICE_MAX;
    long err = priority_target(which, who, &t);
    if (err != 0) {
        return err;
    }
    if (t != NULL) {
        least = read_nice(t);
        thread_put(t);
        return NICE_TO_RLIMIT - least;
    }
    for (t = thread_next(0); t != NULL;) {
        least = min(least, read_nice(t));
        struct thread *after = thread_next(t->tid);
        thread_put(t);
        t = after;
    }
    return NICE_TO_RLIMIT - least;
}

static long set_nice(struct thread *t, int nice)
{
    spin_lock(&lock);
    struct thread_parameters p = t->parameters;
    p.nice = nice;
    p.priority = 0; /* keeping a real-time priority needs no right */
    long err = check_rights(&t->parameters, &p);
    if (err == 0) {
        __atomic_store_n(&t->parameters.nice, nice, __ATOMIC_RELAXED);
    }
    spin_unlock(&lock);
    thread_put(t);
    return err != 0 ? -EACCES : 0;
}

long sys_setpriority(int which, int who, int value)
{
    int nice = max(NICE_MIN, min(value, NICE_MAX));
    struct thread *t;
    long err = priority_target(which, who, &t);
    if (err != 0 || t != NULL) {
        return err != 0 ? err : set_nice(t, nice);
    }
    for (t = thread_next(0); t != NULL;) {
        struct thread *after = thread_next(t->tid);
        long failed = set_nice(t, nice);
        err = failed != 0 ? failed : err;
        t = after;
    }
    return err;
}
