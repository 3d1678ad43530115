/* SPDX-License-Identifier: MIT */
/* System calls of inotify. Source: inotify_init(2), inotify_add_watch(2), inotify_rm_watch(2). */
#include "fs/inotify.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "syscall/calls.h"
#include "syscall/name.h"

#define MASKS                                                                                  \
    (IN_ALL_EVENTS | IN_ONESHOT | IN_EXCL_UNLINK | IN_ONLYDIR | IN_DONT_FOLLOW | IN_MASK_ADD | \
     IN_MASK_CREATE)

long sys_inotify_init1(int flags)
{
    struct file *f;
    if ((flags & ~(IN_CLOEXEC | IN_NONBLOCK)) != 0) {
        return -EINVAL;
    }
    int err = inotify_create((unsigned)flags, &f);
    if (err != 0) {
        return err;
    }
    return fd_give(f, 0, (unsigned)flags);
}

long sys_inotify_init(void)
{
    return sys_inotify_init1(0);
}

static long watch_name(struct file *f, const char USER *name, uint32_t mask)
{
    struct path p;
    int err =
        name_place(AT_FDCWD, name, (mask & IN_DONT_FOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0, &p);
    if (err != 0) {
        return err;
    }
    if ((mask & IN_ONLYDIR) != 0 && !S_ISDIR(p.vnode->mode)) {
        err = -ENOTDIR;
    }
    err = err != 0 ? err : access_check(p.vnode, MAY_READ, false);
    err = err != 0 ? err : inotify_watch(f, p.vnode, mask);
    path_put(&p);
    return err;
}

long sys_inotify_add_watch(int fd, const char USER *name, uint32_t mask)
{
    if ((mask & MASKS) == 0) {
        return -EINVAL;
    }
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    bool both = (mask & IN_MASK_ADD) != 0 && (mask & IN_MASK_CREATE) != 0;
    long result = both ? -EINVAL : watch_name(r.file, name, mask);
    fd_return(r);
    return result;
}

long sys_inotify_rm_watch(int fd, int wd)
{
    struct fd_ref r = fd_borrow(fd);
    int err = r.file != NULL ? inotify_unwatch(r.file, wd) : -EBADF;
    fd_return(r);
    return err;
}
