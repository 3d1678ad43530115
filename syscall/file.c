/* SPDX-License-Identifier: MIT */
/* Descriptors and data: read, write, lseek, close, dup, and what keeps data safe on disks.
 *
 * The path of read and write is short on purpose: no reference, no lock and no copy of the
 * arguments while the process has one thread. Source: the manual page of each call. */
#include <linux/close_range.h>
#include <linux/fadvise.h>
#include <linux/fs.h>
#include <linux/resource.h>

#include "fs/lock.h"
#include "fs/vnode.h"
#include "kernel/process.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"

static long refuse_read(const struct file *f)
{
    if (!file_readable(f)) {
        return -EBADF;
    }
    return f->vnode != NULL && S_ISDIR(f->vnode->mode) ? -EISDIR : -EINVAL;
}

inline long file_read(struct file *f, struct iov_iter *it)
{
    if (unlikely(!file_readable(f) || f->ops->read == NULL)) {
        return refuse_read(f);
    }
    bool locked = file_pos_begin(f);
    long n = f->ops->read(f, it, f->ops->seek != NULL ? &f->pos : NULL);
    file_pos_end(f, locked);
    return n;
}

inline long file_write(struct file *f, struct iov_iter *it)
{
    if (unlikely(!file_writable(f) || f->ops->write == NULL)) {
        return file_writable(f) ? -EINVAL : -EBADF;
    }
    bool locked = file_pos_begin(f);
    long n = f->ops->write(f, it, f->ops->seek != NULL ? &f->pos : NULL);
    file_pos_end(f, locked);
    return n;
}

long file_read_at(struct file *f, struct iov_iter *it, uint64_t pos)
{
    if (f->ops->seek == NULL) {
        return -ESPIPE;
    }
    if (!file_readable(f) || f->ops->read == NULL) {
        return refuse_read(f);
    }
    return f->ops->read(f, it, &pos);
}

long file_write_at(struct file *f, struct iov_iter *it, uint64_t pos)
{
    if (f->ops->seek == NULL) {
        return -ESPIPE;
    }
    if (!file_writable(f) || f->ops->write == NULL) {
        return file_writable(f) ? -EINVAL : -EBADF;
    }
    return f->ops->write(f, it, &pos);
}

/* What read and write share; move is known where this is expanded. */
__attribute__((always_inline)) static inline long move_one(int fd, const void USER *buf, size_t n,
                                                           long (*move)(struct file *f,
                                                                        struct iov_iter *it))
{
    struct iov one;
    struct iov_iter it;
    struct fd_ref r = fd_borrow(fd);
    if (unlikely(r.file == NULL)) {
        return -EBADF;
    }
    long result = iovec_one(&it, &one, buf, n);
    if (likely(result == 0)) {
        result = move(r.file, &it);
    }
    fd_return(r);
    return result;
}

long sys_read(int fd, void USER *buf, size_t n)
{
    return move_one(fd, buf, n, file_read);
}

long sys_write(int fd, const void USER *buf, size_t n)
{
    return move_one(fd, buf, n, file_write);
}

/* The process's record locks on a file end when any of its descriptors is closed: fcntl(2). */
static void forget_locks(int fd)
{
    struct fd_ref r = fd_borrow_any(fd);
    if (r.file != NULL) {
        lock_forget(r.file);
        fd_return(r);
    }
}

long sys_close(int fd)
{
    forget_locks(fd);
    return fd_close(fd);
}

long sys_lseek(int fd, long offset, int whence)
{
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    struct file *f = r.file;
    long result = (unsigned)whence > SEEK_HOLE ? -EINVAL : -ESPIPE;
    if (result == -ESPIPE && f->ops->seek != NULL) {
        bool locked = file_pos_begin(f);
        result = f->ops->seek(f, offset, whence);
        file_pos_end(f, locked);
    }
    fd_return(r);
    return result;
}

long sys_dup(int fd)
{
    struct file *f = fd_get_any(fd);
    if (f == NULL) {
        return -EBADF;
    }
    return fd_give(f, 0, 0);
}

static long dup_to(int fd, int to, unsigned flags)
{
    if ((unsigned)to >= process.limits[RLIMIT_NOFILE].rlim_cur) {
        return -EBADF;
    }
    struct file *f = fd_get_any(fd);
    if (f == NULL) {
        return -EBADF;
    }
    forget_locks(to);
    int done = fd_install(f, to, flags);
    if (done < 0) {
        file_put(f);
    }
    return done;
}

long sys_dup2(int fd, int to)
{
    if (fd == to) {
        struct fd_ref r = fd_borrow_any(fd);
        fd_return(r);
        return r.file != NULL ? fd : -EBADF;
    }
    return dup_to(fd, to, 0);
}

long sys_dup3(int fd, int to, int flags)
{
    if ((flags & ~O_CLOEXEC) != 0 || fd == to) {
        return -EINVAL;
    }
    return dup_to(fd, to, (unsigned)flags);
}

/* CLOSE_RANGE_UNSHARE: the only process shares its table with nobody. */
long sys_close_range(unsigned first, unsigned last, unsigned flags)
{
    if ((flags & ~(unsigned)(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC)) != 0 || first > last) {
        return -EINVAL;
    }
    if (first >= FD_MAX) {
        return 0;
    }
    for (int fd = fd_next((int)first); fd >= 0 && (unsigned)fd <= last; fd = fd_next(fd + 1)) {
        if ((flags & CLOSE_RANGE_CLOEXEC) != 0) {
            (void)fd_set_cloexec(fd, true); /* -EBADF: another thread closed it meanwhile */
        } else {
            (void)sys_close(fd);
        }
    }
    return 0;
}

long sys_fsync(int fd)
{
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    const struct file *f = r.file;
    bool stored = f->vnode != NULL && (S_ISREG(f->vnode->mode) || S_ISDIR(f->vnode->mode));
    int err = stored ? 0 : -EINVAL;
    if (f->ops->sync != NULL) {
        err = f->ops->sync(r.file);
    }
    fd_return(r);
    return err;
}

long sys_fdatasync(int fd)
{
    return sys_fsync(fd);
}

/* File systems without a disk behind them have nothing to write. */
long sys_sync(void)
{
    return 0;
}

long sys_syncfs(int fd)
{
    struct fd_ref r = fd_borrow(fd);
    bool open = r.file != NULL;
    fd_return(r);
    return open ? 0 : -EBADF;
}

long sys_ftruncate(int fd, long len)
{
    if (len < 0) {
        return -EINVAL;
    }
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    struct file *f = r.file;
    int err = -EINVAL;
    if (f->ops->truncate != NULL && file_writable(f)) {
        err = f->ops->truncate(f, (uint64_t)len);
    }
    fd_return(r);
    return err;
}

static int check_fallocate(const struct file *f, long offset, long len)
{
    if (offset < 0 || len <= 0) {
        return -EINVAL;
    }
    if (!file_writable(f)) {
        return -EBADF;
    }
    if (f->vnode == NULL) {
        return f->ops->fallocate != NULL ? 0 : -ESPIPE;
    }
    if (S_ISFIFO(f->vnode->mode)) {
        return -ESPIPE;
    }
    return S_ISDIR(f->vnode->mode) ? -EISDIR : S_ISREG(f->vnode->mode) ? 0 : -ENODEV;
}

long sys_fallocate(int fd, int mode, long offset, long len)
{
    uint64_t end;
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    struct file *f = r.file;
    int err = check_fallocate(f, offset, len);
    if (err == 0 && (!add_ok((uint64_t)offset, (uint64_t)len, &end) || end > INT64_MAX)) {
        err = -EFBIG;
    }
    if (err == 0) {
        err = f->ops->fallocate != NULL
                  ? f->ops->fallocate(f, mode, (uint64_t)offset, (uint64_t)len)
                  : -EOPNOTSUPP;
    }
    fd_return(r);
    return err;
}

/* Everything is in memory already: advice is checked and has no effect. */
long sys_fadvise64(int fd, long offset, size_t n, int advice)
{
    (void)offset;
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    bool pipe = r.file->vnode == NULL ? r.file->ops->seek == NULL : S_ISFIFO(r.file->vnode->mode);
    fd_return(r);
    if (pipe) {
        return -ESPIPE;
    }
    return (long)n < 0 || advice < POSIX_FADV_NORMAL || advice > POSIX_FADV_NOREUSE ? -EINVAL : 0;
}

long sys_readahead(int fd, long offset, size_t n)
{
    (void)offset;
    (void)n;
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL || !file_readable(r.file)) {
        fd_return(r);
        return -EBADF;
    }
    bool regular = r.file->vnode != NULL && S_ISREG(r.file->vnode->mode);
    fd_return(r);
    return regular ? 0 : -EINVAL;
}

uint64_t file_pos(struct file *f)
{
    bool locked = file_pos_begin(f);
    uint64_t pos = f->pos;
    file_pos_end(f, locked);
    return pos;
}

void file_set_pos(struct file *f, uint64_t pos)
{
    bool locked = file_pos_begin(f);
    f->pos = pos;
    file_pos_end(f, locked);
}

/* All data is in memory: there is nothing to write out. */
long sys_sync_file_range(int fd, long offset, long len, unsigned flags)
{
    int64_t end;
    unsigned known =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    uint32_t mode = r.file->vnode != NULL ? r.file->vnode->mode : 0;
    fd_return(r);
    bool bad = offset < 0 || len < 0 || __builtin_add_overflow(offset, len, &end);
    if (bad || (flags & ~known) != 0) {
        return -EINVAL;
    }
    return S_ISREG(mode) || S_ISBLK(mode) || S_ISDIR(mode) ? 0 : -ESPIPE;
}
