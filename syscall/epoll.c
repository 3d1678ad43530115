/* SPDX-License-Identifier: MIT */
/* System calls of epoll and of descriptors that are made to be waited for.
 * Source: epoll_create(2), epoll_ctl(2), epoll_wait(2), eventfd(2), signalfd(2). */
#include "kernel/epoll.h"

#include <asm/errno.h>
#include <linux/signalfd.h>

#include "kernel/eventfd.h"
#include "kernel/signalfd.h"
#include "kernel/uaccess.h"
#include "syscall/await.h"
#include "syscall/calls.h"

/* of eventfd(2): the headers of Linux 6.1 for programs do not have them */
#define EFD_SEMAPHORE 1
#define EFD_CLOEXEC O_CLOEXEC
#define EFD_NONBLOCK O_NONBLOCK
#define EVENTS_MAX (INT32_MAX / sizeof(struct epoll_event))

long sys_epoll_create1(int flags)
{
    struct file *f;
    if ((flags & ~O_CLOEXEC) != 0) {
        return -EINVAL;
    }
    int err = epoll_create_file(&f);
    return err != 0 ? err : fd_give(f, 0, (unsigned)flags);
}

long sys_epoll_create(int size)
{
    return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

long sys_epoll_ctl(int epfd, int op, int fd, const void USER *event)
{
    struct epoll_event ev = {.events = 0};
    if (op != EPOLL_CTL_DEL && uaccess_read(&ev, event, sizeof(ev)) != 0) {
        return -EFAULT;
    }
    struct fd_ref set = fd_borrow(epfd);
    struct fd_ref target = fd_borrow(fd);
    long err = -EBADF;
    if (set.file != NULL && target.file != NULL) {
        err = epoll_control(set.file, op, target.file, fd, &ev);
    }
    fd_return(target);
    fd_return(set);
    return err;
}

static long collect(int epfd, void USER *events, int n, uint64_t deadline_ns)
{
    if (n <= 0 || (size_t)n > EVENTS_MAX) {
        return -EINVAL;
    }
    if (!uaccess_ok(events, (size_t)n * sizeof(struct epoll_event))) {
        return -EFAULT;
    }
    struct file *f = fd_get(epfd);
    if (f == NULL) {
        return -EBADF;
    }
    long result = epoll_collect(f, events, n, deadline_ns);
    file_put(f);
    return result;
}

static long collect_masked(int epfd, void USER *events, int n, uint64_t deadline_ns,
                           const uint64_t USER *mask)
{
    long result = collect(epfd, events, n, deadline_ns);
    await_mask_end(mask, result == -EINTR);
    return result;
}

long sys_epoll_wait(int epfd, void USER *events, int n, int timeout_ms)
{
    return collect(epfd, events, n, await_after_ms(timeout_ms));
}

long sys_epoll_pwait(int epfd, void USER *events, int n, int timeout_ms, const uint64_t USER *mask,
                     size_t size)
{
    int err = await_mask(mask, size);
    return err != 0 ? err : collect_masked(epfd, events, n, await_after_ms(timeout_ms), mask);
}

long sys_epoll_pwait2(int epfd, void USER *events, int n, const void USER *timeout,
                      const uint64_t USER *mask, size_t size)
{
    uint64_t deadline_ns;
    int err = await_timespec(timeout, &deadline_ns);
    err = err != 0 ? err : await_mask(mask, size);
    return err != 0 ? err : collect_masked(epfd, events, n, deadline_ns, mask);
}

long sys_eventfd2(unsigned start, int flags)
{
    struct file *f;
    if ((flags & ~(EFD_SEMAPHORE | EFD_CLOEXEC | EFD_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    int err = eventfd_create(start, (flags & EFD_SEMAPHORE) != 0, (unsigned)flags, &f);
    return err != 0 ? err : fd_give(f, 0, (unsigned)flags);
}

long sys_eventfd(unsigned start)
{
    return sys_eventfd2(start, 0);
}

/* fd -1: a new descriptor; else another set for this one. */
long sys_signalfd4(int fd, const uint64_t USER *mask, size_t size, int flags)
{
    uint64_t set;
    struct file *f;
    if (size != sizeof(set) || (flags & ~(SFD_CLOEXEC | SFD_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    if (uaccess_read(&set, mask, sizeof(set)) != 0) {
        return -EFAULT;
    }
    if (fd == -1) {
        int err = signalfd_create(set, (unsigned)flags, &f);
        return err != 0 ? err : fd_give(f, 0, (unsigned)flags);
    }
    struct fd_ref r = fd_borrow(fd);
    int err = r.file != NULL ? signalfd_set(r.file, set) : -EBADF;
    fd_return(r);
    return err != 0 ? err : fd;
}

long sys_signalfd(int fd, const uint64_t USER *mask, size_t size)
{
    return sys_signalfd4(fd, mask, size, 0);
}
