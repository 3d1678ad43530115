/* SPDX-License-Identifier: MIT */
/* System calls of the time family: clocks, sleeps, interval timers.
 *
 * Source: clock_gettime(2), clock_nanosleep(2), getitimer(2), alarm(2), gettimeofday(2),
 * getcpu(2). */
#include <asm/errno.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "kernel/itimer.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "kernel/wait.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "syscall/calls.h"
#include "syscall/clock.h"
#include "syscall/dispatch.h"
#include "syscall/restart.h"

#define NSEC_PER_USEC 1000UL
#define USEC_PER_SEC 1000000L
#define COARSE_NS 4000000L /* a tick at 250 Hz */
#define SEC_LIMIT (INT64_MAX / (int64_t)NSEC_PER_SEC) /* later is never */

long sys_clock_gettime(int clock, void USER *ts)
{
    struct clock_info info;
    int err = clock_find(clock, &info);
    if (err != 0) {
        return err;
    }
    err = clock_put(ts, clock_now(&info));
    clock_drop(&info);
    return err;
}

long sys_clock_getres(int clock, void USER *ts)
{
    struct clock_info info;
    int err = clock_find(clock, &info);
    if (err != 0) {
        return err;
    }
    clock_drop(&info);
    return ts == NULL ? 0 : clock_put(ts, info.coarse ? COARSE_NS : 1);
}

long sys_clock_settime(int clock, const void USER *ts)
{
    uint64_t ns;
    struct clock_info info;
    bool cpu = clock < 0 && clock_find(clock, &info) == 0;
    if (cpu) {
        clock_drop(&info);
    }
    if (clock != CLOCK_REALTIME && !cpu) {
        return -EINVAL;
    }
    int err = clock_take(ts, &ns);
    if (cpu && err != -EFAULT) {
        return -EPERM; /* a process cannot say how long it has run */
    }
    return err != 0 ? err : clock_set(ns);
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

/* The time zone is the C library's affair: taken and forgotten. */
long sys_settimeofday(const void USER *tv, const void USER *tz)
{
    struct timeval t;
    struct timezone zone;
    uint64_t ns = 0;
    if ((tv != NULL && uaccess_read(&t, tv, sizeof(t)) != 0) ||
        (tz != NULL && uaccess_read(&zone, tz, sizeof(zone)) != 0)) {
        return -EFAULT;
    }
    int err = tv != NULL ? from_timeval(&t, &ns) : 0;
    return err != 0 || tv == NULL ? err : clock_set(ns);
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
    if (rem != NULL && clock_put(rem, deadline_ns - now) != 0) {
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
    int err = clock_take(req, &ns);
    return err != 0 ? err : sleep_relative(clock_ns() + ns, rem);
}

/* Sleeping on a clock that does not run with CLOCK_MONOTONIC. */
struct sleep {
    struct clocktimer timer;
    struct wait_queue over;
    bool woken; /* [A] */
};

static void sleep_over(struct clocktimer *t)
{
    struct sleep *s = container_of(t, struct sleep, timer);
    __atomic_store_n(&s->woken, true, __ATOMIC_RELEASE);
    wait_wake(&s->over, WAIT_ALL);
}

/* Sleep until clock c shows due_ns. Returns 0 or -EINTR. */
static int sleep_on(const struct clock_info *c, uint64_t due_ns)
{
    struct sleep s = {.timer = {.kind = c->kind, .thread = c->thread, .expire = sleep_over}};
    if (c->kind == CLOCK_KIND_MONOTONIC) {
        return sleep_until(due_ns);
    }
    wait_queue_init(&s.over);
    clocktimer_init(&s.timer);
    clocktimer_set(&s.timer, max(due_ns, 1UL), 0, true);
    int err = wait_until(&s.over, __atomic_load_n(&s.woken, __ATOMIC_ACQUIRE), TIME_NEVER);
    clocktimer_fini(&s.timer);
    return err;
}

static long sleep_cpu_again(uint64_t due_ns, uint64_t rem, uint64_t unused);

/* A relative sleep on processor time of the process; see sleep_relative. */
static long sleep_cpu(uint64_t due_ns, void USER *rem)
{
    const struct clock_info c = {.kind = CLOCK_KIND_PROCESS};
    if (sleep_on(&c, due_ns) == 0) {
        return 0;
    }
    uint64_t now = clock_now(&c);
    if (rem != NULL && clock_put(rem, due_ns > now ? due_ns - now : 0) != 0) {
        return -EFAULT;
    }
    return restart_later(sleep_cpu_again, due_ns, (uint64_t)(uintptr_t)rem, 0);
}

static long sleep_cpu_again(uint64_t due_ns, uint64_t rem, uint64_t unused)
{
    (void)unused;
    return sleep_cpu(due_ns, uptr(void, rem));
}

static long sleep_clock(const struct clock_info *c, bool absolute, uint64_t ns, void USER *rem)
{
    if (!c->sleeps) {
        return -EOPNOTSUPP;
    }
    if (c->kind == CLOCK_KIND_THREAD && c->thread == thread_this()) {
        return -EINVAL; /* it would not come to the end */
    }
    if (absolute) {
        return sleep_on(c, ns) != 0 ? -ERESTARTNOHAND : 0;
    }
    switch (c->kind) {
    case CLOCK_KIND_PROCESS: return sleep_cpu(clock_now(c) + ns, rem);
    case CLOCK_KIND_THREAD: return sleep_on(c, clock_now(c) + ns);
    default: return sleep_relative(clock_ns() + ns, rem);
    }
}

long sys_clock_nanosleep(int clock, int flags, const void USER *req, void USER *rem)
{
    uint64_t ns;
    struct clock_info info;
    int err = clock_find(clock, &info);
    if (err != 0) {
        return err;
    }
    long result = info.sleeps ? clock_take(req, &ns) : -EOPNOTSUPP;
    if (result == 0) {
        result = sleep_clock(&info, (flags & TIMER_ABSTIME) != 0, ns, rem);
    }
    clock_drop(&info);
    return result;
}

/* Rounded up: a timer that still runs never shows as off. */
static struct timeval to_timeval(uint64_t ns)
{
    uint64_t usec = (ns + NSEC_PER_USEC - 1) / NSEC_PER_USEC;
    return (struct timeval){(long)(usec / (uint64_t)USEC_PER_SEC),
                            (long)(usec % (uint64_t)USEC_PER_SEC)};
}

static int put_itimer(void USER *out, const struct clocktimer_value *value)
{
    struct itimerval it = {to_timeval(value->interval_ns), to_timeval(value->left_ns)};
    return uaccess_write(out, &it, sizeof(it));
}

long sys_getitimer(int which, void USER *out)
{
    struct clocktimer_value value;
    int err = itimer_get(which, &value);
    return err != 0 ? err : put_itimer(out, &value);
}

long sys_setitimer(int which, const void USER *value, void USER *old)
{
    struct itimerval it = {{0, 0}, {0, 0}};
    struct clocktimer_value fresh;
    struct clocktimer_value before;
    if (value != NULL && uaccess_read(&it, value, sizeof(it)) != 0) {
        return -EFAULT;
    }
    int err = from_timeval(&it.it_value, &fresh.left_ns);
    err = err != 0 ? err : from_timeval(&it.it_interval, &fresh.interval_ns);
    if (err == 0 && which == ITIMER_VIRTUAL) {
        syscall_count_time();
    }
    err = err != 0 ? err : itimer_set(which, &fresh, &before);
    return err != 0 || old == NULL ? err : put_itimer(old, &before);
}

long sys_alarm(unsigned seconds)
{
    struct clocktimer_value fresh = {min(seconds, (unsigned)INT32_MAX) * NSEC_PER_SEC, 0};
    struct clocktimer_value before;
    int err = itimer_set(ITIMER_REAL, &fresh, &before);
    if (err != 0 || before.left_ns == 0) {
        return err;
    }
    uint64_t rounded = (before.left_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
    return (long)max(rounded, 1UL); /* what still runs is not 0 */
}
