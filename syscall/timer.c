/* SPDX-License-Identifier: MIT */
/* System calls of timers that are objects: POSIX timers and timerfd.
 * Source: timer_create(2), timer_settime(2), timerfd_create(2). */
#include <asm/errno.h>
#include <asm/siginfo.h>
#include <linux/capability.h>
#include <linux/time.h>
#include <linux/time_types.h>
#include <linux/timerfd.h>

#include "kernel/posixtimer.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/timerfd.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/clock.h"

#define TIMERFD_FLAGS (TFD_CLOEXEC | TFD_NONBLOCK)

/* The four words of struct __kernel_itimerspec: interval, then value. */
static int take_value(const void USER *in, struct clocktimer_value *out)
{
    const char USER *at = in;
    int err = clock_take(at, &out->interval_ns);
    return err != 0 ? err : clock_take(at + sizeof(struct __kernel_timespec), &out->left_ns);
}

static int put_value(void USER *out, const struct clocktimer_value *value)
{
    char USER *at = out;
    int err = clock_put(at, value->interval_ns);
    return err != 0 ? err : clock_put(at + sizeof(struct __kernel_timespec), value->left_ns);
}

/* What a sigevent asks for; NULL: SIGALRM with the id. Target is referenced. */
static int take_event(const void USER *event, struct posixtimer_request *r)
{
    struct sigevent ev;
    if (event == NULL) {
        r->sig = SIGALRM;
        r->value_is_id = true;
        return 0;
    }
    if (uaccess_read(&ev, event, sizeof(ev)) != 0) {
        return -EFAULT;
    }
    r->value = ev.sigev_value;
    if (ev.sigev_notify == SIGEV_NONE) {
        return 0;
    }
    bool to_thread = ev.sigev_notify == (SIGEV_SIGNAL | SIGEV_THREAD_ID);
    bool known = to_thread || ev.sigev_notify == SIGEV_SIGNAL || ev.sigev_notify == SIGEV_THREAD;
    if (!known || ev.sigev_signo <= 0 || ev.sigev_signo > SIGNAL_MAX) {
        return -EINVAL;
    }
    r->sig = ev.sigev_signo;
    r->target = to_thread ? thread_find(ev._sigev_un._tid) : NULL;
    return to_thread && r->target == NULL ? -EINVAL : 0;
}

long sys_timer_create(int clock, const void USER *event, int USER *id)
{
    struct posixtimer_request r = {.sig = 0};
    struct clock_info info;
    int err = clock_find(clock, &info);
    if (err != 0) {
        return err;
    }
    if (!info.sleeps && info.kind != CLOCK_KIND_THREAD) {
        return -EOPNOTSUPP;
    }
    r.kind = info.kind;
    r.clock_thread = info.thread;
    err = take_event(event, &r);
    err = err != 0 ? err : posixtimer_create(&r);
    if (err >= 0 && uaccess_write(id, &err, sizeof(err)) != 0) {
        err = posixtimer_delete(err) != 0 ? -EINVAL : -EFAULT;
    }
    clock_drop(&info);
    if (r.target != NULL) {
        thread_put(r.target);
    }
    return min(err, 0);
}

long sys_timer_settime(int id, int flags, const void USER *value, void USER *old)
{
    struct clocktimer_value fresh;
    struct clocktimer_value before;
    int err = value == NULL ? -EINVAL : take_value(value, &fresh);
    err = err != 0 ? err : posixtimer_set(id, &fresh, (flags & TIMER_ABSTIME) != 0, &before);
    return err != 0 || old == NULL ? err : put_value(old, &before);
}

long sys_timer_gettime(int id, void USER *out)
{
    struct clocktimer_value value;
    int err = posixtimer_get(id, &value);
    return err != 0 ? err : put_value(out, &value);
}

long sys_timer_getoverrun(int id)
{
    return posixtimer_overrun(id);
}

long sys_timer_delete(int id)
{
    return posixtimer_delete(id);
}

long sys_timerfd_create(int clock, int flags)
{
    struct file *f;
    struct clock_info info;
    int err = (flags & ~TIMERFD_FLAGS) != 0 ? -EINVAL : clock_find(clock, &info);
    if (err != 0) {
        return err;
    }
    clock_drop(&info);
    bool known = clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME;
    if (!known && !info.wakes) {
        return -EINVAL;
    }
    if (info.wakes && !process_capable(CAP_WAKE_ALARM)) {
        return -EPERM;
    }
    err = timerfd_create_file(info.kind, (unsigned)flags, &f);
    if (err != 0) {
        return err;
    }
    return fd_give(f, 0, (unsigned)flags);
}

long sys_timerfd_settime(int fd, int flags, const void USER *value, void USER *old)
{
    struct clocktimer_value fresh;
    struct clocktimer_value before;
    int err = take_value(value, &fresh);
    if (err != 0) {
        return err;
    }
    if ((flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)) != 0) {
        return -EINVAL;
    }
    bool absolute = (flags & TFD_TIMER_ABSTIME) != 0;
    struct fd_ref r = fd_borrow(fd);
    err = r.file == NULL ? -EBADF
                         : timerfd_set(r.file, &fresh, absolute,
                                       absolute && (flags & TFD_TIMER_CANCEL_ON_SET) != 0, &before);
    fd_return(r);
    return err != 0 || old == NULL ? err : put_value(old, &before);
}

long sys_timerfd_gettime(int fd, void USER *out)
{
    struct clocktimer_value value;
    struct fd_ref r = fd_borrow(fd);
    int err = r.file == NULL ? -EBADF : timerfd_get(r.file, &value);
    fd_return(r);
    return err != 0 ? err : put_value(out, &value);
}
