/* SPDX-License-Identifier: MIT */
/* The forms of read and write with several buffers or a position. Source: readv(2), pread(2). */
#include "syscall/iovec.h"

#include <linux/fs.h>

#include "fs/vnode.h"
#include "kernel/heap.h"
#include "syscall/calls.h"

static_assert(sizeof(struct iov) == sizeof(struct iovec), "read in place");
static_assert(offsetof(struct iov, len) == offsetof(struct iovec, iov_len), "read in place");

#define RW_ACCEPTED (RWF_HIPRI | RWF_DSYNC | RWF_SYNC) /* all data is in memory: nothing to add */
#define OWN_POSITION UINT64_MAX /* preadv2(2): position -1 */

static int check_entries(struct iovec_list *l, unsigned long n)
{
    size_t total = 0;
    for (unsigned long i = 0; i < n; i++) {
        struct iov one;
        struct iov_iter it;
        int err = iovec_one(&it, &one, uptr(void, l->entries[i].base), l->entries[i].len);
        if (err != 0) {
            return err;
        }
        l->entries[i].len = min(l->entries[i].len, IOVEC_MAX_BYTES - total);
        total += l->entries[i].len;
    }
    l->it = (struct iov_iter){.iov = l->entries, .n = (unsigned)n, .total = total, .user = true};
    return 0;
}

int iovec_take(struct iovec_list *l, const struct iovec USER *vec, unsigned long n)
{
    if (n > UIO_MAXIOV) {
        return -EINVAL;
    }
    l->entries = l->fast;
    if (n > IOVEC_FAST) {
        l->entries = heap_alloc(n * sizeof(*l->entries));
        if (l->entries == NULL) {
            return -ENOMEM;
        }
    }
    int err = uaccess_read(l->entries, vec, n * sizeof(*l->entries));
    err = err != 0 ? err : check_entries(l, n);
    if (err != 0) {
        iovec_drop(l);
    }
    return err;
}

void iovec_drop(struct iovec_list *l)
{
    if (l->entries != l->fast) {
        heap_free(l->entries);
    }
}

/* Flags that f cannot honour: -EOPNOTSUPP. Reading what is in memory never waits. */
static int check_flags(const struct file *f, unsigned flags, bool write)
{
    bool stored = f->vnode != NULL && S_ISREG(f->vnode->mode);
    unsigned known = RW_ACCEPTED | RWF_APPEND | (stored && !write ? RWF_NOWAIT : 0);
    return (flags & ~known) != 0 ? -EOPNOTSUPP : 0;
}

/* What to do with the file, once it and its buffers are at hand. */
static long move(struct file *f, struct iov_iter *it, bool write, uint64_t pos)
{
    if (pos == OWN_POSITION) {
        return write ? file_write(f, it) : file_read(f, it);
    }
    if ((int64_t)pos < 0) {
        return -EINVAL;
    }
    return write ? file_write_at(f, it, pos) : file_read_at(f, it, pos);
}

static long move_vector(int fd, const struct iovec USER *vec, unsigned long n, bool write,
                        uint64_t pos, unsigned flags)
{
    struct iovec_list l;
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    long result = iovec_take(&l, vec, n);
    if (result == 0) {
        l.it.append = (flags & RWF_APPEND) != 0;
        result = check_flags(r.file, flags, write);
        result = result != 0 ? result : move(r.file, &l.it, write, pos);
        iovec_drop(&l);
    }
    fd_return(r);
    return result;
}

static long move_at(int fd, const void USER *buf, size_t n, bool write, long pos)
{
    struct iov one;
    struct iov_iter it;
    if (pos < 0) {
        return -EINVAL;
    }
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    long result = iovec_one(&it, &one, buf, n);
    result = result != 0 ? result : move(r.file, &it, write, (uint64_t)pos);
    fd_return(r);
    return result;
}

long sys_pread64(int fd, void USER *buf, size_t n, long pos)
{
    return move_at(fd, buf, n, false, pos);
}

long sys_pwrite64(int fd, const void USER *buf, size_t n, long pos)
{
    return move_at(fd, buf, n, true, pos);
}

long sys_readv(int fd, const struct iovec USER *vec, unsigned long n)
{
    return move_vector(fd, vec, n, false, OWN_POSITION, 0);
}

long sys_writev(int fd, const struct iovec USER *vec, unsigned long n)
{
    return move_vector(fd, vec, n, true, OWN_POSITION, 0);
}

/* The high half of the position is 0 or repeats the low one's on 64-bit machines: it is ignored. */
long sys_preadv(int fd, const struct iovec USER *vec, unsigned long n, unsigned long pos_low,
                unsigned long pos_high)
{
    (void)pos_high;
    return (long)pos_low < 0 ? -EINVAL : move_vector(fd, vec, n, false, pos_low, 0);
}

long sys_pwritev(int fd, const struct iovec USER *vec, unsigned long n, unsigned long pos_low,
                 unsigned long pos_high)
{
    (void)pos_high;
    return (long)pos_low < 0 ? -EINVAL : move_vector(fd, vec, n, true, pos_low, 0);
}

long sys_preadv2(int fd, const struct iovec USER *vec, unsigned long n, unsigned long pos_low,
                 unsigned long pos_high, int flags)
{
    (void)pos_high;
    return move_vector(fd, vec, n, false, pos_low, (unsigned)flags);
}

long sys_pwritev2(int fd, const struct iovec USER *vec, unsigned long n, unsigned long pos_low,
                  unsigned long pos_high, int flags)
{
    (void)pos_high;
    return move_vector(fd, vec, n, true, pos_low, (unsigned)flags);
}
