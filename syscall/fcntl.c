/* SPDX-License-Identifier: MIT */
/* fcntl, flock and ioctl: flags of descriptors and open files, locks, what all kinds of file share.
 * Source: fcntl(2), flock(2), ioctl(2). */
#include <asm/errno.h>
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/resource.h>

#include "fs/attr.h"
#include "fs/lock.h"
#include "kernel/base/print.h"
#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"
#include "syscall/owner.h"

#define SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static long dup_from(struct file *f, uint64_t min_fd, unsigned flags)
{
    if (min_fd >= process.limits[RLIMIT_NOFILE].rlim_cur) {
        return -EINVAL;
    }
    file_get(f);
    return fd_give(f, (int)min_fd, flags);
}

static long set_flags(int fd, struct file *f, unsigned flags)
{
    struct vattr attr;
    if ((flags & ~f->flags & O_NOATIME) != 0 && f->vnode != NULL) {
        int err = f->vnode->ops->getattr(f->vnode, &attr);
        if (err != 0 || !attr_owns(&attr)) {
            return err != 0 ? err : -EPERM;
        }
    }
    owner_set_async(fd, f, flags);
    file_set_flags(f, SETTABLE, flags);
    return 0;
}

/* Where l_whence counts from. */
static int lock_base(struct file *f, int whence, int64_t *base)
{
    struct vattr attr;
    switch (whence) {
    case SEEK_SET: *base = 0; return 0;
    case SEEK_CUR: *base = (int64_t)file_pos(f); return 0;
    case SEEK_END: {
        if (f->vnode == NULL) {
            return -EINVAL;
        }
        int err = f->vnode->ops->getattr(f->vnode, &attr);
        *base = err == 0 ? (int64_t)attr.size : 0;
        return err;
    }
    default: return -EINVAL;
    }
}

static int lock_decode(struct file *f, const struct flock *fl, struct lock_range *out)
{
    int64_t start;
    int64_t edge;
    int err = lock_base(f, fl->l_whence, &start);
    if (err != 0) {
        return err;
    }
    if (__builtin_add_overflow(start, fl->l_start, &start)) {
        return -EOVERFLOW;
    }
    if (start < 0) {
        return -EINVAL;
    }
    *out = (struct lock_range){fl->l_type, start, INT64_MAX};
    if (fl->l_len != 0 && __builtin_add_overflow(start, fl->l_len, &edge)) {
        return -EOVERFLOW;
    }
    if (fl->l_len > 0) {
        out->end = edge - 1;
    } else if (fl->l_len < 0) {
        out->start = edge;
        out->end = start - 1;
    }
    return out->start < 0 ? -EINVAL : 0;
}

static int check_lock(const struct file *f, const struct flock *fl, bool ofd, bool test)
{
    if (ofd && fl->l_pid != 0) {
        return -EINVAL;
    }
    switch (fl->l_type) {
    case F_RDLCK: return test || file_readable(f) ? 0 : -EBADF;
    case F_WRLCK: return test || file_writable(f) ? 0 : -EBADF;
    case F_UNLCK: return test ? -EINVAL : 0;
    default: return -EINVAL;
    }
}

static long record_lock(struct file *f, unsigned cmd, struct flock USER *arg)
{
    struct flock fl;
    struct lock_range range;
    bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
    bool test = cmd == F_GETLK || cmd == F_OFD_GETLK;
    enum lock_kind kind = ofd ? LOCK_OF_FILE : LOCK_OF_PROCESS;
    if (uaccess_read(&fl, arg, sizeof(fl)) != 0) {
        return -EFAULT;
    }
    int err = check_lock(f, &fl, ofd, test);
    err = err != 0 ? err : lock_decode(f, &fl, &range);
    if (err != 0) {
        return err;
    }
    if (!test) {
        err = lock_set(f, kind, &range, cmd == F_SETLKW || cmd == F_OFD_SETLKW);
        return err == -EINTR ? -ERESTARTSYS : err;
    }
    lock_test(f, &kind, &range);
    fl.l_type = (short)range.type;
    if (range.type != F_UNLCK) {
        fl.l_whence = SEEK_SET;
        fl.l_start = range.start;
        fl.l_len = range.end == INT64_MAX ? 0 : range.end - range.start + 1;
        fl.l_pid = kind == LOCK_OF_PROCESS ? PROCESS_PID : -1;
    }
    return uaccess_write(arg, &fl, sizeof(fl));
}

/* Commands that work on an O_PATH descriptor, too. */
static long fcntl_descriptor(int fd, struct file *f, unsigned cmd, uint64_t arg, bool *done)
{
    *done = true;
    switch (cmd) {
    case F_DUPFD: return dup_from(f, arg, 0);
    case F_DUPFD_CLOEXEC: return dup_from(f, arg, O_CLOEXEC);
    case F_GETFD: return fd_cloexec(fd);
    case F_SETFD: return fd_set_cloexec(fd, (arg & FD_CLOEXEC) != 0);
    case F_GETFL: return f->flags;
    default: *done = false; return -EBADF;
    }
}

static long add_seals(struct file *f, unsigned seals)
{
    if (!file_writable(f)) {
        return -EPERM;
    }
    return f->vnode != NULL ? attr_seal(f->vnode, seals) : -EINVAL;
}

static long fcntl_file(int fd, struct file *f, unsigned cmd, uint64_t arg)
{
    switch (cmd) {
    case F_SETFL: return set_flags(fd, f, (unsigned)arg);
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: return record_lock(f, cmd, uptr(struct flock, arg));
    case F_ADD_SEALS: return add_seals(f, (unsigned)arg);
    case F_GET_SEALS: return f->vnode != NULL ? attr_seals(f->vnode) : -EINVAL;
    case F_GETPIPE_SZ: return pipe_size(f);
    case F_SETPIPE_SZ: return pipe_set_size(f, arg);
    case F_GETOWN:
    case F_SETOWN:
    case F_GETOWN_EX:
    case F_SETOWN_EX:
    case F_GETSIG:
    case F_SETSIG: return owner_fcntl(f, cmd, arg);
    case F_GETLEASE: return F_UNLCK;
    case F_SETLEASE:
    case F_NOTIFY:
        log(SYSCALL, INFO, "fcntl command %u is not supported (EINVAL)", cmd);
        return -EINVAL;
    default: return -EINVAL;
    }
}

long sys_fcntl(int fd, unsigned cmd, uint64_t arg)
{
    bool done;
    struct fd_ref r = fd_borrow_any(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    long result = fcntl_descriptor(fd, r.file, cmd, arg, &done);
    if (!done && (r.file->flags & O_PATH) == 0) {
        result = fcntl_file(fd, r.file, cmd, arg);
    }
    fd_return(r);
    return result;
}

long sys_flock(int fd, int op)
{
    struct lock_range range = {F_UNLCK, 0, INT64_MAX};
    bool wait = (op & LOCK_NB) == 0;
    if ((op & LOCK_MAND) != 0) { /* share modes are gone from Linux, too: no effect */
        return 0;
    }
    switch (op & ~LOCK_NB) {
    case LOCK_SH: range.type = F_RDLCK; break;
    case LOCK_EX: range.type = F_WRLCK; break;
    case LOCK_UN: break;
    default: return -EINVAL;
    }
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    int err = lock_set(r.file, LOCK_WHOLE, &range, wait);
    fd_return(r);
    return err == -EINTR ? -ERESTARTSYS : err;
}

static long set_nonblock(struct file *f, const int USER *arg)
{
    int on;
    if (uaccess_read(&on, arg, sizeof(on)) != 0) {
        return -EFAULT;
    }
    file_set_flags(f, O_NONBLOCK, on != 0 ? O_NONBLOCK : 0);
    return 0;
}

/* Bytes left to read in a regular file. */
static long bytes_left(struct file *f, int USER *arg)
{
    struct vattr attr;
    int err = f->vnode->ops->getattr(f->vnode, &attr);
    int left = (int)(attr.size - file_pos(f));
    return err != 0 ? err : uaccess_write(arg, &left, sizeof(left));
}

static long ioctl_regular(struct file *f, unsigned cmd, uint64_t arg)
{
    static const int block_size = PAGE_SIZE;
    switch (cmd) {
    case FIONREAD: return bytes_left(f, uptr(int, arg));
    case FIGETBSZ: return uaccess_write(uptr(int, arg), &block_size, sizeof(block_size));
    case FICLONE:
    case FICLONERANGE:
    case FIDEDUPERANGE: return -EOPNOTSUPP;
    default: return -ENOTTY;
    }
}

long sys_ioctl(int fd, unsigned cmd, uint64_t arg)
{
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    struct file *f = r.file;
    long result = -ENOTTY;
    if (cmd == FIOCLEX || cmd == FIONCLEX) {
        result = fd_set_cloexec(fd, cmd == FIOCLEX);
    } else if (cmd == FIONBIO) {
        result = set_nonblock(f, uptr(int, arg));
    } else if (f->ops->ioctl != NULL) {
        result = owner_ioctl(fd, f, cmd, arg);
        result = result == -ENOTTY ? f->ops->ioctl(f, cmd, arg) : result;
    } else if (f->vnode != NULL && S_ISREG(f->vnode->mode)) {
        result = ioctl_regular(f, cmd, arg);
    }
    fd_return(r);
    return result;
}
