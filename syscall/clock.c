/* SPDX-License-Identifier: MIT */
/* The clocks of programs. There is no tick: the coarse clocks are as fine as the others
 * (loader/vdso). Source: clock_gettime(2), clock_getcpuclockid(3). */
#include "syscall/clock.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "kernel/process.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "loader/vdso.h"
#include "platform/clock.h"
#include "syscall/dispatch.h"

/* Clocks that are made of a process or thread id. */
#define CPUCLOCK_KIND 3
#define CPUCLOCK_USER 1
#define CPUCLOCK_SCHED_MAX 2 /* PROF, VIRT, SCHED; 3 is a descriptor's clock */
#define CPUCLOCK_PERTHREAD 4
#define SEC_LIMIT (INT64_MAX / (int64_t)NSEC_PER_SEC) /* later is never */
/* as Linux: room for 30 years of uptime */
#define SETTABLE_SEC_LIMIT (SEC_LIMIT - 30L * 365 * 86400)

static const struct clock_info clocks[] = {
    [CLOCK_REALTIME] = {.kind = CLOCK_KIND_WALL, .sleeps = true},
    [CLOCK_MONOTONIC] = {.kind = CLOCK_KIND_MONOTONIC, .sleeps = true},
    [CLOCK_PROCESS_CPUTIME_ID] = {.kind = CLOCK_KIND_PROCESS, .sleeps = true},
    [CLOCK_THREAD_CPUTIME_ID] = {.kind = CLOCK_KIND_THREAD},
    [CLOCK_MONOTONIC_RAW] = {.kind = CLOCK_KIND_MONOTONIC},
    [CLOCK_REALTIME_COARSE] = {.kind = CLOCK_KIND_WALL, .coarse = true},
    [CLOCK_MONOTONIC_COARSE] = {.kind = CLOCK_KIND_MONOTONIC, .coarse = true},
    [CLOCK_BOOTTIME] = {.kind = CLOCK_KIND_MONOTONIC, .sleeps = true},
    [CLOCK_REALTIME_ALARM] = {.kind = CLOCK_KIND_WALL, .sleeps = true, .wakes = true},
    [CLOCK_BOOTTIME_ALARM] = {.kind = CLOCK_KIND_MONOTONIC, .sleeps = true, .wakes = true},
    [CLOCK_TAI] = {.kind = CLOCK_KIND_WALL, .sleeps = true},
};

/* A clock of processor time, by a process's or a thread's id; 0: the caller's. */
static int find_cpu(int id, struct clock_info *out)
{
    int owner = ~(id >> 3);
    if ((id & CPUCLOCK_KIND) > CPUCLOCK_SCHED_MAX) {
        return -EINVAL;
    }
    bool user = (id & CPUCLOCK_KIND) == CPUCLOCK_USER;
    if (user) {
        syscall_count_time();
    }
    if ((id & CPUCLOCK_PERTHREAD) == 0) {
        *out = (struct clock_info){.kind = user ? CLOCK_KIND_PROCESS_USER : CLOCK_KIND_PROCESS,
                                   .sleeps = true};
        return owner == 0 || owner == PROCESS_PID ? 0 : -EINVAL;
    }
    struct thread *t = thread_find(owner != 0 ? owner : thread_this()->tid);
    *out = (struct clock_info){
        .kind = user ? CLOCK_KIND_THREAD_USER : CLOCK_KIND_THREAD, .thread = t, .sleeps = true};
    return t != NULL ? 0 : -EINVAL;
}

int clock_find(int id, struct clock_info *out)
{
    if (id < 0) {
        return find_cpu(id, out);
    }
    if ((size_t)id >= ARRAY_LEN(clocks) || id == CLOCK_SGI_CYCLE) { /* no clock, but a number */
        return -EINVAL;
    }
    *out = clocks[id];
    if (out->kind == CLOCK_KIND_THREAD) {
        out->thread = thread_this();
        thread_get(out->thread);
    }
    return 0;
}

void clock_drop(const struct clock_info *c)
{
    if (c->thread != NULL) {
        thread_put(c->thread);
    }
}

uint64_t clock_now(const struct clock_info *c)
{
    return clock_kind_now(c->kind, c->thread);
}

int clock_take(const void USER *in, uint64_t *ns)
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

int clock_put(void USER *out, uint64_t ns)
{
    struct __kernel_timespec ts = {(int64_t)(ns / NSEC_PER_SEC), (long)(ns % NSEC_PER_SEC)};
    return uaccess_write(out, &ts, sizeof(ts));
}

int clock_set(uint64_t ns)
{
    if (ns / NSEC_PER_SEC >= SETTABLE_SEC_LIMIT || ns < clock_ns()) {
        return -EINVAL;
    }
    if (!process_capable(CAP_SYS_TIME)) {
        return -EPERM;
    }
    clock_set_wall(ns);
    vdso_update();
    clocktimer_wall_changed();
    return 0;
}
