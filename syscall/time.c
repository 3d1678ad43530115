/* SPDX-License-Identifier: MIT */
/* System calls of the time family.
 *
 * CPU time of the process and of its thread are one clock. There is no tick: the coarse clocks are
 * as fine as the others (loader/vdso), but say their resolution as Linux does.
 * Source: clock_gettime(2), clock_nanosleep(2), getitimer(2), alarm(2), gettimeofday(2),
 * getcpu(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "kernel/itimer.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "loader/vdso.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "syscall/calls.h"
#include "syscall/restart.h"

#define NSEC_PER_USEC 1000UL
#define USEC_PER_SEC 1000000L
#define COARSE_NS 4000000L /* a tick at 250 Hz */
#define SEC_LIMIT (INT64_MAX / (int64_t)NSEC_PER_SEC) /* later is never */
/* as Linux: room for 30 years of uptime */
#define SETTABLE_SEC_LIMIT (SEC_LIMIT - 30L * 365 * 86400)

/* Clocks that are made of a process or thread id: clock_getcpuclockid(3). */
#define CPUCLOCK_KIND 3
#define CPUCLOCK_SCHED_MAX 2 /* PROF, VIRT, SCHED; 3 is a descriptor's clock */
#define CPUCLOCK_PERTHREAD 4

enum clock_kind { NO_CLOCK, WALL, MONO, CPU_PROCESS, CPU_THREAD };

/* sleeps: clock_nanosleep(2) takes it. */
static const struct clock_info {
    enum clock_kind kind;
    bool coarse, sleeps;
} clocks[] = {
    [CLOCK_REALTIME] = {WALL, false, true},
    [CLOCK_MONOTONIC] = {MONO, false, true},
    [CLOCK_PROCESS_CPUTIME_ID] = {CPU_PROCESS, false, true},
    [CLOCK_THREAD_CPUTIME_ID] = {CPU_THREAD, false, false},
    [CLOCK_MONOTONIC_RAW] = {MONO, false, false},
    [CLOCK_REALTIME_COARSE] = {WALL, true, false},
    [CLOCK_MONOTONIC_COARSE] = {MONO, true, false},
    [CLOCK_BOOTTIME] = {MONO, false, true},
    [CLOCK_REALTIME_ALARM] = {WALL, false, true},
    [CLOCK_BOOTTIME_ALARM] = {MONO, false, true},
    [CLOCK_TAI] = {WALL, false, true},
};

/* The clock id means; kind NO_CLOCK when there is none. */
static struct clock_info clock_of(int id)
{
    struct clock_info info = {NO_CLOCK, false, false};
    if (id >= 0) {
        return (size_t)id < ARRAY_LEN(clocks) ? clocks[id] : info;
    }
    int owner = ~(id >> 3);
    if ((id & CPUCLOCK_KIND) > CPUCLOCK_SCHED_MAX) {
        return info;
    }
    if ((id & CPUCLOCK_PERTHREAD) != 0) {
        bool known = owner == 0 || owner == thread_this()->tid;
        info.kind = known ? CPU_THREAD : NO_CLOCK;
    } else {
        info.kind = owner == 0 || owner == PROCESS_PID ? CPU_PROCESS : NO_CLOCK;
        info.sleeps = true;
    }
    return info;
}

static uint64_t clock_read(enum clock_kind kind)
{
    switch (kind) {
    case WALL: return clock_wall_ns();
    case MONO: return clock_ns();
    default: return process_cpu_ns();
    }
}

static int put_timespec(void USER *out, uint64_t ns)
{
    struct __kernel_timespec ts = {(int64_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};
    return uaccess_write(out, &ts, sizeof(ts));
}

/* A time of the program in ns, at most TIME_NEVER - 1. Returns 0, -EFAULT, -EINVAL. */
static int get_timespec(const void USER *in, uint64_t *ns)
{
    struct __kernel_timespec ts;
    if (uaccess_read(&ts, in, sizeof(ts)) != 0) {
        return -EFAULT;
    }
    if (ts.tv_sec < 0 || ts.tv_nsec < 0 || (uint64_t)ts.tv_nsec >= NSEC_PER_SEC) {
        return -EINVAL;
    }
    *ns = ts.tv_sec >= SEC_LIMIT ? (uint64_t)INT64_MAX
                                 : (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
    return 0;
}

long sys_clock_gettime(int clock, void USER *ts)
{
    struct clock_info info = clock_of(clock);
    return info.kind == NO_CLOCK ? -EINVAL : put_timespec(ts, clock_read(info.kind));
}

long sys_clock_getres(int clock, void USER *ts)
{
    struct clock_info info = clock_of(clock);
    if (info.kind == NO_CLOCK) {
        return -EINVAL;
    }
    return ts == NULL ? 0 : put_timespec(ts, info.coarse ? COARSE_NS : 1);
}

static long set_wall(uint64_t ns)
{
    if (ns / NSEC_PER_SEC >= SETTABLE_SEC_LIMIT || ns < clock_ns()) {
        return -EINVAL;
    }
    if (!process_capable(CAP_SYS_TIME)) {
        return -EPERM;
    }
    clock_set_wall(ns);
    vdso_update();
    return 0;
}

long sys_clock_settime(int clock, const void USER *ts)
{
    uint64_t ns;
    struct clock_info info = clock_of(clock);
    bool cpu = info.kind != NO_CLOCK && clock < 0;
    if (clock != CLOCK_REALTIME && !cpu) {
        return -EINVAL;
    }
    int err = get_timespec(ts, &ns);
    if (cpu && err != -EFAULT) {
        return -EPERM; /* a process cannot say how long it has run */
    }
    return err != 0 ? err : set_wall(ns);
}

long sys_gettimeofday(void USER *tv, void USER *tz)
{
    if (tv != NULL) {
        uint64_t ns = clock_wall_ns();
        struct timeval now = {(long)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC)};
        if (uaccess_write(tv, &now, sizeof(now)) != 0) {
            return -EFAULT;
        }
    }
    return tz == NULL ? 0 : uaccess_zero(tz, sizeof(struct timezone));
}

long sys_time(long USER *out)
{
    long now = (long)(clock_wall_ns() / NSEC_PER_SEC);
    return out != NULL && uaccess_write(out, &now, sizeof(now)) != 0 ? -EFAULT : now;
}

/* One node. */
long sys_getcpu(unsigned USER *cpu, unsigned USER *node, void USER *unused)
{
    const unsigned zero = 0;
    const unsigned id = cpu_id();
    (void)unused;
    if (cpu != NULL && uaccess_write(cpu, &id, sizeof(id)) != 0) {
        return -EFAULT;
    }
    return node != NULL && uaccess_write(node, &zero, sizeof(zero)) != 0 ? -EFAULT : 0;
}

/* Sleep until deadline_ns of CLOCK_MONOTONIC. Returns 0 or -EINTR. */
static int sleep_until(uint64_t deadline_ns)
{
    struct wait_queue never;
    wait_queue_init(&never);
    for (;;) {
        int err = wait_on(&never, deadline_ns);
        if (err != 0) {
            return err == -ETIMEDOUT ? 0 : err;
        }
    }
}

static long sleep_again(uint64_t deadline_ns, uint64_t rem, uint64_t unused);

/* A relative sleep that ends at deadline_ns; what is left goes to rem when a signal ends it. */
static long sleep_relative(uint64_t deadline_ns, void USER *rem)
{
    if (sleep_until(deadline_ns) == 0) {
        return 0;
    }
    uint64_t now = clock_ns();
    if (now >= deadline_ns) {
        return 0;
    }
    if (rem != NULL && put_timespec(rem, deadline_ns - now) != 0) {
        return -EFAULT;
    }
    return restart_later(sleep_again, deadline_ns, (uint64_t)(uintptr_t)rem, 0);
}

static long sleep_again(uint64_t deadline_ns, uint64_t rem, uint64_t unused)
{
    (void)unused;
    return sleep_relative(deadline_ns, uptr(void, rem));
}

long sys_nanosleep(const void USER *req, void USER *rem)
{
    uint64_t ns;
    int err = get_timespec(req, &ns);
    return err != 0 ? err : sleep_relative(clock_ns() + ns, rem);
}

/* The monotonic time at which clock shows target. CPU time stands still while its only thread
 * sleeps. */
static uint64_t deadline_of(enum clock_kind kind, uint64_t target)
{
    uint64_t now = clock_read(kind);
    if (target <= now) {
        return 0;
    }
    return kind == WALL || kind == MONO ? clock_ns() + (target - now) : TIME_NEVER;
}

long sys_clock_nanosleep(int clock, int flags, const void USER *req, void USER *rem)
{
    uint64_t ns;
    struct clock_info info = clock_of(clock);
    if (info.kind == NO_CLOCK || (info.kind == CPU_THREAD && clock < 0)) {
        return -EINVAL;
    }
    if (!info.sleeps) {
        return -EOPNOTSUPP;
    }
    int err = get_timespec(req, &ns);
    if (err != 0) {
        return err;
    }
    if ((flags & TIMER_ABSTIME) == 0) {
        return sleep_relative(deadline_of(info.kind, clock_read(info.kind) + ns), rem);
    }
    err = sleep_until(deadline_of(info.kind, ns));
    return err != 0 ? -ERESTARTNOHAND : 0;
}

/* A timeval of the program as ns. Returns 0 or -EINVAL. */
static int from_timeval(const struct timeval *tv, uint64_t *ns)
{
    if (tv->tv_sec < 0 || tv->tv_usec < 0 || tv->tv_usec >= USEC_PER_SEC) {
        return -EINVAL;
    }
    *ns = tv->tv_sec >= SEC_LIMIT
              ? (uint64_t)INT64_MAX
              : (uint64_t)tv->tv_sec * NSEC_PER_SEC + (uint64_t)tv->tv_usec * NSEC_PER_USEC;
    return 0;
}

/* Rounded up: a timer that still runs never shows as off. */
static struct timeval to_timeval(uint64_t ns)
{
    uint64_t usec = (ns + NSEC_PER_USEC - 1) / NSEC_PER_USEC;
    return (struct timeval){(long)(usec / (uint64_t)USEC_PER_SEC),
                            (long)(usec % (uint64_t)USEC_PER_SEC)};
}

static int put_itimer(void USER *out, const struct itimer_value *value)
{
    struct itimerval it = {to_timeval(value->interval_ns), to_timeval(value->left_ns)};
    return uaccess_write(out, &it, sizeof(it));
}

long sys_getitimer(int which, void USER *out)
{
    struct itimer_value value;
    int err = itimer_get(which, &value);
    return err != 0 ? err : put_itimer(out, &value);
}

long sys_setitimer(int which, const void USER *value, void USER *old)
{
    struct itimerval it = {{0, 0}, {0, 0}};
    struct itimer_value fresh;
    struct itimer_value before;
    if (value != NULL && uaccess_read(&it, value, sizeof(it)) != 0) {
        return -EFAULT;
    }
    int err = from_timeval(&it.it_value, &fresh.left_ns);
    err = err != 0 ? err : from_timeval(&it.it_interval, &fresh.interval_ns);
    err = err != 0 ? err : itimer_set(which, &fresh, &before);
    return err != 0 || old == NULL ? err : put_itimer(old, &before);
}

long sys_alarm(unsigned seconds)
{
    struct itimer_value fresh = {min(seconds, (unsigned)INT32_MAX) * NSEC_PER_SEC, 0};
    struct itimer_value before;
    int err = itimer_set(ITIMER_REAL, &fresh, &before);
    if (err != 0 || before.left_ns == 0) {
        return err;
    }
    uint64_t rounded = (before.left_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
    return (long)max(rounded, 1UL); /* what still runs is not 0 */
}
