/* SPDX-License-Identifier: MIT */
/* System calls of POSIX message queues. Source: mq_overview(7), mq_getsetattr(2). */
#include "kernel/mqueue.h"

#include <asm/errno.h>
#include <linux/limits.h>

#include "fs/vnode.h"
#include "kernel/base/print.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "syscall/calls.h"
#include "syscall/clock.h"

long sys_mq_open(const char USER *name, int flags, unsigned mode, const void USER *attr)
{
    char text[NAME_MAX + 1];
    struct mq_attr a;
    struct file *f;
    if (attr != NULL && uaccess_read(&a, attr, sizeof(a)) != 0) {
        return -EFAULT;
    }
    long len = uaccess_string(text, name, sizeof(text));
    if (len < 0) {
        return len;
    }
    int err = mqueue_open(text, flags, mode & ~namei_umask, attr != NULL ? &a : NULL, &f);
    if (err != 0) {
        return err;
    }
    return fd_give(f, 0, O_CLOEXEC);
}

long sys_mq_unlink(const char USER *name)
{
    char text[NAME_MAX + 1];
    long len = uaccess_string(text, name, sizeof(text));
    return len < 0 ? len : mqueue_unlink(text);
}

/* A time of the wall clock, NULL: never, as one of the other. */
static int take_deadline(const void USER *timeout, uint64_t *deadline_ns)
{
    uint64_t at;
    *deadline_ns = TIME_NEVER;
    if (timeout == NULL) {
        return 0;
    }
    int err = clock_take(timeout, &at);
    uint64_t now = clock_wall_ns();
    if (err == 0 && !add_ok(clock_ns(), at > now ? at - now : 0, deadline_ns)) {
        *deadline_ns = TIME_NEVER;
    }
    return err;
}

long sys_mq_timedsend(int fd, const void USER *message, size_t len, unsigned priority,
                      const void USER *timeout)
{
    uint64_t deadline_ns;
    int err = take_deadline(timeout, &deadline_ns);
    if (err != 0) {
        return err;
    }
    if (priority >= MQ_PRIO_MAX) {
        return -EINVAL;
    }
    struct file *f = fd_get(fd);
    if (f == NULL) {
        return -EBADF;
    }
    long result = mqueue_send(f, message, len, priority, deadline_ns);
    file_put(f);
    return result;
}

long sys_mq_timedreceive(int fd, void USER *message, size_t cap, unsigned USER *priority,
                         const void USER *timeout)
{
    uint64_t deadline_ns;
    unsigned found;
    int err = take_deadline(timeout, &deadline_ns);
    struct file *f = err == 0 ? fd_get(fd) : NULL;
    if (f == NULL) {
        return err != 0 ? err : -EBADF;
    }
    long result = mqueue_receive(f, message, cap, &found, deadline_ns);
    if (result >= 0 && priority != NULL && uaccess_write(priority, &found, sizeof(found)) != 0) {
        result = -EFAULT;
    }
    file_put(f);
    return result;
}

static int check_event(const struct sigevent *ev)
{
    switch (ev->sigev_notify) {
    case SIGEV_NONE: return 0;
    case SIGEV_SIGNAL: return ev->sigev_signo < 0 || ev->sigev_signo > SIGNAL_MAX ? -EINVAL : 0;
    case SIGEV_THREAD:
        log(SYSCALL, WARN, "mq_notify: SIGEV_THREAD needs netlink sockets");
        return -ENOSYS;
    default: return -EINVAL;
    }
}

long sys_mq_notify(int fd, const void USER *event)
{
    struct sigevent ev;
    int err = event != NULL ? uaccess_read(&ev, event, sizeof(ev)) : 0;
    err = err == 0 && event != NULL ? check_event(&ev) : err;
    struct file *f = err == 0 ? fd_get(fd) : NULL;
    if (f == NULL) {
        return err != 0 ? err : -EBADF;
    }
    err = mqueue_notify(f, event != NULL ? &ev : NULL);
    file_put(f);
    return err;
}

long sys_mq_getsetattr(int fd, const void USER *set, void USER *out)
{
    struct mq_attr a;
    struct mq_attr old;
    if (set != NULL && uaccess_read(&a, set, sizeof(a)) != 0) {
        return -EFAULT;
    }
    if (set != NULL && (a.mq_flags & ~O_NONBLOCK) != 0) {
        return -EINVAL;
    }
    struct file *f = fd_get(fd);
    if (f == NULL) {
        return -EBADF;
    }
    int err = mqueue_attr(f, set != NULL ? &a : NULL, &old);
    file_put(f);
    return err != 0 || out == NULL ? err : uaccess_write(out, &old, sizeof(old));
}
