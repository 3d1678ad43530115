/* SPDX-License-Identifier: MIT */
/* Buffers of read and write calls. */
#ifndef SYSCALL_IOVEC_H
#define SYSCALL_IOVEC_H

#include <asm/errno.h>
#include <linux/uio.h>

#include "kernel/file.h"
#include "kernel/uaccess.h"

#define IOVEC_MAX_BYTES 0x7ffff000UL /* greatest transfer of one call; more is cut */
/* Linux refuses buffers that end above before it looks at the file */
#define IOVEC_TOP 0x7ffffffff000UL
#define IOVEC_FAST UIO_FASTIOV

/* An array of buffers taken from the program. */
struct iovec_list {
    struct iov_iter it;
    struct iov *entries; /* fast, or heap */
    struct iov fast[IOVEC_FAST];
};

/* iovec_take: read n entries from vec. Returns 0, -EINVAL, -EFAULT, -ENOMEM. Pair with
 * iovec_drop. */
MUST_CHECK int iovec_take(struct iovec_list *l, const struct iovec USER *vec, unsigned long n);
void iovec_drop(struct iovec_list *l);

/* iovec_one: the single buffer of read or write; v is the storage of its entry. */
static inline int iovec_one(struct iov_iter *it, struct iov *v, const void USER *buf, size_t n)
{
    if (unlikely((long)n < 0)) {
        return -EINVAL;
    }
    uint64_t start = (uint64_t)(uintptr_t)(const void *)buf;
    if (unlikely(start > IOVEC_TOP || n > IOVEC_TOP - start)) {
        return -EFAULT;
    }
    *it = iov_iter_one(v, (void *)(uintptr_t)start, min(n, IOVEC_MAX_BYTES), true);
    return 0;
}

/* file_pos_begin, file_pos_end: around the use of f's position. The lock is left alone while nobody
 * else could want it: see fd_borrow. */
LOCK_ITSELF static inline bool file_pos_begin(struct file *f)
{
    bool shared = fd_table.shared && f->ops->seek != NULL;
    if (unlikely(shared)) {
        mutex_lock(&f->pos_lock);
    }
    return shared;
}

LOCK_ITSELF static inline void file_pos_end(struct file *f, bool locked)
{
    if (unlikely(locked)) {
        mutex_unlock(&f->pos_lock);
    }
}

/* file_pos, file_set_pos: the position between two calls. */
uint64_t file_pos(struct file *f);
void file_set_pos(struct file *f, uint64_t pos);

/* How a call moves data: through the file's own position, or at pos. */
long file_read(struct file *f, struct iov_iter *it);
long file_write(struct file *f, struct iov_iter *it);
long file_read_at(struct file *f, struct iov_iter *it, uint64_t pos);
long file_write_at(struct file *f, struct iov_iter *it, uint64_t pos);

#endif
