/* SPDX-License-Identifier: MIT */
/* Changing attributes: length, mode, owner, times. Source: the manual page of each call. */
#include "fs/attr.h"
#include "fs/inotify.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/time.h>

#include "kernel/fileattr.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/name.h"

/* Values of tv_nsec in utimensat(2); no uapi header has them. */
#define UTIME_NOW ((1L << 30) - 1)
#define UTIME_OMIT ((1L << 30) - 2)
#define NSEC_PER_USEC 1000

/* The old forms' arguments; utime(2)'s structure. */
struct utime_pair {
    __kernel_old_time_t actime, modtime;
};

/* Report to inotify what has been done, if err says that it has. */
static void tell_path(int err, const struct path *p, uint32_t mask)
{
    if (err == 0) {
        inotify_path(p, mask);
    }
}

static void tell_fd(int err, int fd, uint32_t mask)
{
    if (err == 0 && inotify_active()) {
        struct fd_ref r = fd_borrow(fd);
        if (r.file != NULL) {
            inotify_file(r.file, mask);
        }
        fd_return(r);
    }
}

long sys_truncate(const char USER *name, long len)
{
    struct path p;
    if (len < 0) {
        return -EINVAL;
    }
    int err = name_place(AT_FDCWD, name, 0, &p);
    if (err != 0) {
        return err;
    }
    if (S_ISREG(p.vnode->mode)) {
        err = access_check(p.vnode, MAY_WRITE, false);
    }
    err = err != 0 ? err : attr_truncate(p.vnode, (uint64_t)len);
    tell_path(err, &p, IN_MODIFY);
    path_put(&p);
    return err;
}

long sys_fchmodat2(int at, const char USER *name, unsigned mode, int flags)
{
    struct path p;
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    int err = name_place(at, name, (unsigned)flags, &p);
    if (err == 0) {
        err = attr_chmod(p.vnode, mode);
        tell_path(err, &p, IN_ATTRIB);
        path_put(&p);
    }
    return err;
}

long sys_fchmodat(int at, const char USER *name, unsigned mode)
{
    return sys_fchmodat2(at, name, mode, 0);
}

long sys_chmod(const char USER *name, unsigned mode)
{
    return sys_fchmodat2(AT_FDCWD, name, mode, 0);
}

long sys_fchmod(int fd, unsigned mode)
{
    struct vnode *v;
    int err = name_vnode(fd, &v);
    if (err == 0) {
        err = attr_chmod(v, mode);
        vnode_put(v);
        tell_fd(err, fd, IN_ATTRIB);
    }
    return err;
}

long sys_fchownat(int at, const char USER *name, unsigned uid, unsigned gid, int flags)
{
    struct path p;
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    int err = name_place(at, name, (unsigned)flags, &p);
    if (err == 0) {
        err = attr_chown(p.vnode, uid, gid);
        tell_path(err, &p, IN_ATTRIB);
        path_put(&p);
    }
    return err;
}

long sys_chown(const char USER *name, unsigned uid, unsigned gid)
{
    return sys_fchownat(AT_FDCWD, name, uid, gid, 0);
}

long sys_lchown(const char USER *name, unsigned uid, unsigned gid)
{
    return sys_fchownat(AT_FDCWD, name, uid, gid, AT_SYMLINK_NOFOLLOW);
}

long sys_fchown(int fd, unsigned uid, unsigned gid)
{
    struct vnode *v;
    int err = name_vnode(fd, &v);
    if (err == 0) {
        err = attr_chown(v, uid, gid);
        vnode_put(v);
        tell_fd(err, fd, IN_ATTRIB);
    }
    return err;
}

/* Access and modification time as asked for. */
struct times {
    struct vattr attr;
    unsigned which;
    bool now; /* both are the current time */
};

/* One of the two: its value, or the current time, or nothing. Returns 0 or -EINVAL. */
static int decode_time(const struct __kernel_timespec *ts, struct __kernel_timespec *out,
                       unsigned bit, unsigned *which)
{
    if (ts->tv_nsec == UTIME_OMIT) {
        return 0;
    }
    if (ts->tv_nsec != UTIME_NOW && (ts->tv_nsec < 0 || ts->tv_nsec >= (long)NSEC_PER_SEC)) {
        return -EINVAL;
    }
    *out = ts->tv_nsec == UTIME_NOW ? fileattr_now() : *ts;
    *which |= bit;
    return 0;
}

static int decode_times(const struct __kernel_timespec ts[2], struct times *out)
{
    *out = (struct times){.now = ts[0].tv_nsec == UTIME_NOW && ts[1].tv_nsec == UTIME_NOW};
    int err = decode_time(&ts[0], &out->attr.atime, VATTR_ATIME, &out->which);
    return err != 0 ? err : decode_time(&ts[1], &out->attr.mtime, VATTR_MTIME, &out->which);
}

/* What inotify(7) calls it. */
static uint32_t times_event(unsigned which)
{
    bool both = which == (VATTR_ATIME | VATTR_MTIME);
    return both ? IN_ATTRIB : (which & VATTR_ATIME) != 0 ? IN_ACCESS : IN_MODIFY;
}

static int set_times(int at, const char USER *name, unsigned flags,
                     const struct __kernel_timespec ts[2])
{
    struct times t;
    struct path p;
    struct vnode *v;
    int err = decode_times(ts, &t);
    if (err != 0 || t.which == 0) { /* nothing to set: the name is not even looked at */
        return err;
    }
    if (name == NULL) { /* futimens(3) */
        err = name_vnode(at, &v);
        if (err == 0) {
            err = attr_set_times(v, &t.attr, t.which, t.now);
            vnode_put(v);
            tell_fd(err, at, times_event(t.which));
        }
        return err;
    }
    err = name_place(at, name, flags, &p);
    if (err == 0) {
        err = attr_set_times(p.vnode, &t.attr, t.which, t.now);
        tell_path(err, &p, times_event(t.which));
        path_put(&p);
    }
    return err;
}

static const struct __kernel_timespec both_now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};

long sys_utimensat(int at, const char USER *name, const void USER *times, int flags)
{
    struct __kernel_timespec ts[2] = {both_now[0], both_now[1]};
    if (times != NULL && uaccess_read(ts, times, sizeof(ts)) != 0) {
        return -EFAULT;
    }
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0 || (name == NULL && flags != 0)) {
        return -EINVAL;
    }
    if (name == NULL && at == AT_FDCWD) {
        return -EFAULT;
    }
    return set_times(at, name, (unsigned)flags, ts);
}

long sys_futimesat(int at, const char USER *name, const void USER *times)
{
    struct __kernel_timespec ts[2] = {both_now[0], both_now[1]};
    struct timeval tv[2];
    if (times != NULL) {
        if (uaccess_read(tv, times, sizeof(tv)) != 0) {
            return -EFAULT;
        }
        for (unsigned i = 0; i < 2; i++) {
            if (tv[i].tv_usec < 0 || tv[i].tv_usec >= (long)(NSEC_PER_SEC / NSEC_PER_USEC)) {
                return -EINVAL;
            }
            ts[i] = (struct __kernel_timespec){tv[i].tv_sec, tv[i].tv_usec * NSEC_PER_USEC};
        }
    }
    return set_times(at, name, 0, ts);
}

long sys_utimes(const char USER *name, const void USER *times)
{
    return sys_futimesat(AT_FDCWD, name, times);
}

long sys_utime(const char USER *name, const void USER *times)
{
    struct __kernel_timespec ts[2] = {both_now[0], both_now[1]};
    struct utime_pair pair;
    if (times != NULL) {
        if (uaccess_read(&pair, times, sizeof(pair)) != 0) {
            return -EFAULT;
        }
        ts[0] = (struct __kernel_timespec){pair.actime, 0};
        ts[1] = (struct __kernel_timespec){pair.modtime, 0};
    }
    return set_times(AT_FDCWD, name, 0, ts);
}
