/* SPDX-License-Identifier: MIT */
/* Limits and usage of the process.
 *
 * Limits are kept for the asking; those with effect here are RLIMIT_NOFILE (kernel/file.h), and
 * what the owners of memory, files and processor time (cpulimit.h) read from process.limits. Who
 * asks for times has the time in calls counted from then on: before, only faults were.
 *
 * Source: getrlimit(2), getrusage(2), sysinfo(2), times(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sysinfo.h>
#include <linux/time.h>
#include <linux/times.h>

#include "kernel/base/string.h"
#include "kernel/cpulimit.h"
#include "kernel/file.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "platform/pages.h"
#include "syscall/calls.h"
#include "syscall/dispatch.h"

#define NSEC_PER_USEC 1000UL
#define PAGE_KIB (PAGE_SIZE / 1024)

/* Change limit which to *value (NULL: do not) and return the old one in *old. */
static long limit_change(unsigned which, const struct rlimit64 *value, struct rlimit64 *old)
{
    if (which >= RLIM_NLIMITS) {
        return -EINVAL;
    }
    struct rlimit64 *limit = &process.limits[which];
    *old = *limit;
    if (value == NULL) {
        return 0;
    }
    if (value->rlim_cur > value->rlim_max) {
        return -EINVAL;
    }
    if (which == RLIMIT_NOFILE && value->rlim_max > FD_MAX) {
        return -EPERM;
    }
    if (value->rlim_max > limit->rlim_max && !process_capable(CAP_SYS_RESOURCE)) {
        return -EPERM;
    }
    spin_lock(&process.lock);
    *limit = *value;
    if (which == RLIMIT_NOFILE) {
        fd_set_limit((unsigned)value->rlim_cur);
    }
    spin_unlock(&process.lock);
    if (which == RLIMIT_CPU) {
        cpulimit_changed();
    }
    return 0;
}

/* struct rlimit of x86-64 is struct rlimit64. */
static_assert(sizeof(struct rlimit) == sizeof(struct rlimit64), "one layout of limits");

long sys_getrlimit(unsigned which, void USER *out)
{
    struct rlimit64 old;
    long err = limit_change(which, NULL, &old);
    return err != 0 ? err : uaccess_write(out, &old, sizeof(old));
}

long sys_setrlimit(unsigned which, const void USER *value)
{
    struct rlimit64 given;
    struct rlimit64 old;

    if (uaccess_read(&given, value, sizeof(given)) != 0) {
        return -EFAULT;
    }
    return limit_change(which, &given, &old);
}

long sys_prlimit64(int pid, unsigned which, const void USER *value, void USER *old)
{
    struct rlimit64 given;
    struct rlimit64 before;

    if (value != NULL && uaccess_read(&given, value, sizeof(given)) != 0) {
        return -EFAULT;
    }
    if (pid != 0 && pid != PROCESS_PID) {
        return -ESRCH;
    }
    long err = limit_change(which, value != NULL ? &given : NULL, &before);
    if (err != 0 || old == NULL) {
        return err;
    }
    return uaccess_write(old, &before, sizeof(before));
}

static void put_time(struct __kernel_old_timeval *out, uint64_t ns)
{
    out->tv_sec = (long)(ns / NSEC_PER_SEC);
    out->tv_usec = (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
}

static void usage_of(struct rusage *u, bool thread)
{
    uint64_t waits = thread_this()->waits;
    uint64_t preemptions = thread_this()->preemptions;
    struct cputime had = thread ? cputime_of(thread_this()) : thread_cputime();
    struct mmap_stats mm;
    if (!thread) {
        thread_switches(&waits, &preemptions);
    }
    mmap_stats(&mm);
    put_time(&u->ru_utime, cputime_user_ns(had));
    put_time(&u->ru_stime, had.system_ns);
    u->ru_maxrss = (long)(mm.peak_resident_pages * PAGE_KIB);
    u->ru_minflt = (long)mm.minor_faults;
    u->ru_nvcsw = (long)waits;
    u->ru_nivcsw = (long)preemptions;
}

long sys_getrusage(int who, void USER *out)
{
    struct rusage usage;
    if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD) {
        return -EINVAL;
    }
    syscall_count_time();
    memset(&usage, 0, sizeof(usage));
    if (who != RUSAGE_CHILDREN) {
        usage_of(&usage, who == RUSAGE_THREAD);
    }
    return uaccess_write(out, &usage, sizeof(usage));
}

long sys_times(void USER *out)
{
    const uint64_t tick_ns = NSEC_PER_SEC / PROCESS_USER_HZ;
    syscall_count_time();
    if (out != NULL) {
        struct cputime had = thread_cputime();
        struct tms t = {.tms_utime = (long)(cputime_user_ns(had) / tick_ns),
                        .tms_stime = (long)(had.system_ns / tick_ns)};
        if (uaccess_write(out, &t, sizeof(t)) != 0) {
            return -EFAULT;
        }
    }
    return (long)(clock_ns() / tick_ns);
}

long sys_sysinfo(void USER *out)
{
    struct sysinfo info;
    struct pages_stats frames;

    pages_stats(&frames);
    memset(&info, 0, sizeof(info));
    info.uptime = (long)(clock_ns() / NSEC_PER_SEC);
    info.totalram = frames.total << PAGE_SHIFT;
    info.freeram = frames.free << PAGE_SHIFT;
    info.procs = 1;
    info.mem_unit = 1;
    return uaccess_write(out, &info, sizeof(info));
}
