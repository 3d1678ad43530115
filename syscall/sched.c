/* SPDX-License-Identifier: MIT */
/* Scheduling parameters: kept and checked as Linux does; with one thread on one CPU no policy makes
 * a difference. Owns them until threads have their own.
 *
 * Source: sched(7), sched_setscheduler(2), sched_setparam(2), sched_setaffinity(2),
 * sched_get_priority_min(2), sched_yield(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/sched/types.h>

#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"

#define RT_PRIORITY_MIN 1
#define RT_PRIORITY_MAX 99
#define MASK_BYTES sizeof(uint64_t) /* one word of CPU bits, as a Linux with up to 64 CPUs */
#define ONLINE_CPUS 1UL

static struct {
    int policy; /* SCHED_*, without SCHED_RESET_ON_FORK */
    bool reset_on_fork;
    int priority;
} parameters = {SCHED_NORMAL, false, 0};

static bool is_realtime(int policy)
{
    return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_policy(int policy)
{
    return is_realtime(policy) || policy == SCHED_NORMAL || policy == SCHED_BATCH ||
           policy == SCHED_IDLE;
}

/* Whether tid names the thread. */
static bool is_known(int tid)
{
    return tid == 0 || tid == thread_this()->tid;
}

long sys_sched_yield(void)
{
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

/* policy < 0: keep the present one. */
static long set_parameters(int tid, int policy, const void USER *param)
{
    struct sched_param p;

    if (tid < 0 || param == NULL) {
        return -EINVAL;
    }
    if (uaccess_read(&p, param, sizeof(p)) != 0) {
        return -EFAULT;
    }
    if (!is_known(tid)) {
        return -ESRCH;
    }
    bool reset = policy < 0 ? parameters.reset_on_fork : (policy & SCHED_RESET_ON_FORK) != 0;
    int plain = policy < 0 ? parameters.policy : policy & ~SCHED_RESET_ON_FORK;
    int lowest = is_realtime(plain) ? RT_PRIORITY_MIN : 0;
    int highest = is_realtime(plain) ? RT_PRIORITY_MAX : 0;
    if (!is_policy(plain) || p.sched_priority < lowest || p.sched_priority > highest) {
        return -EINVAL;
    }
    bool allowed = (uint64_t)p.sched_priority <= process.limits[RLIMIT_RTPRIO].rlim_cur;
    if (!allowed && !process_capable(CAP_SYS_NICE)) {
        return -EPERM;
    }
    parameters.policy = plain;
    parameters.reset_on_fork = reset;
    parameters.priority = p.sched_priority;
    return 0;
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
    if (tid < 0) {
        return -EINVAL;
    }
    if (!is_known(tid)) {
        return -ESRCH;
    }
    return parameters.policy | (parameters.reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

long sys_sched_getparam(int tid, void USER *param)
{
    struct sched_param p = {.sched_priority = parameters.priority};

    if (tid < 0 || param == NULL) {
        return -EINVAL;
    }
    if (!is_known(tid)) {
        return -ESRCH;
    }
    return uaccess_write(param, &p, sizeof(p));
}

long sys_sched_setaffinity(int tid, size_t size, const void USER *mask)
{
    uint64_t cpus = 0;

    if (uaccess_read(&cpus, mask, min(size, MASK_BYTES)) != 0) {
        return -EFAULT;
    }
    if (!is_known(tid)) {
        return -ESRCH;
    }
    return (cpus & ONLINE_CPUS) == 0 ? -EINVAL : 0;
}

long sys_sched_getaffinity(int tid, size_t size, void USER *mask)
{
    const uint64_t cpus = ONLINE_CPUS;

    if (size < MASK_BYTES || size % MASK_BYTES != 0) {
        return -EINVAL;
    }
    if (!is_known(tid)) {
        return -ESRCH;
    }
    return uaccess_write(mask, &cpus, sizeof(cpus)) != 0 ? -EFAULT : (long)MASK_BYTES;
}
