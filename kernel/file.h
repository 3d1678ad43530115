/* SPDX-License-Identifier: MIT */
/* Open files (open file descriptions) and the descriptor table. */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include <asm/fcntl.h>
#include <asm/stat.h>

#include "kernel/base/base.h"
#include "kernel/base/lock.h"
#include "kernel/wait.h"

struct file;
struct page;

/* A buffer of the program or of the kernel. file_ops move data through iov_copy_to/from, so that
 * user memory is touched only by uaccess. */
struct iov {
    void *base; /* kernel address, or the program's when user is set */
    size_t len;
};
struct iov_iter {
    const struct iov *iov; /* array[n], the caller's */
    unsigned n;
    size_t done; /* bytes moved so far, over all entries */
    size_t total; /* sum of len */
    bool user; /* bases are the program's addresses */
};

/* Move up to len bytes between buf and the iterator and advance it. Return bytes moved (short only
 * when the iterator is full or empty), or -EFAULT when not even one byte could be moved. */
long iov_copy_to(struct iov_iter *it, const void *buf, size_t len);
long iov_copy_from(struct iov_iter *it, void *buf, size_t len);
long iov_zero(struct iov_iter *it, size_t len);
static inline size_t iov_left(const struct iov_iter *it)
{
    return it->total - it->done;
}

/* One page of an object for mmap. */
struct file_page {
    struct pa pa; /* page-aligned frame */
    struct page *page; /* counted frame with one reference for the caller, NULL for initrd frames */
};

/* What a kind of file can do. NULL members: the call fails with the error named. */
struct file_ops {
    const char *name; /* for /proc/self/fd: "socket", "pipe"...; NULL for vnodes */
    /* read, write: at *pos, which they advance; pos is NULL for files without position. Return
     * bytes, 0 at end, negative errno. NULL: -EINVAL. */
    long (*read)(struct file *f, struct iov_iter *it, uint64_t *pos);
    long (*write)(struct file *f, struct iov_iter *it, uint64_t *pos);
    /* seek: new absolute position. NULL: -ESPIPE. */
    long (*seek)(struct file *f, int64_t offset, int whence);
    /* poll: POLL* bits that hold now; *q = queue that is woken when they change. NULL: always
     * readable and writable. */
    unsigned (*poll)(struct file *f, struct wait_queue **q);
    /* ioctl: NULL: -ENOTTY. arg is the raw third argument. */
    long (*ioctl)(struct file *f, unsigned cmd, uint64_t arg);
    /* stat: NULL: an anonymous inode. */
    int (*stat)(struct file *f, struct stat *out);
    /* mmap_page: the frame of page index. write: a page that shared writes may go to. Counted frames
     * come with a reference. Returns 0, -ENOMEM, -ENXIO past the end of the object (SIGBUS).
     * NULL: mmap fails with -ENODEV. */
    int (*mmap_page)(struct file *f, uint64_t index, bool write, struct file_page *out);
    /* getdents: fill linux_dirent64 records; NULL: -ENOTDIR. */
    long (*getdents)(struct file *f, struct iov_iter *it);
    /* truncate, sync, fallocate: NULL: -EINVAL (sync: 0; fallocate: -EOPNOTSUPP). */
    int (*truncate)(struct file *f, uint64_t len);
    int (*sync)(struct file *f);
    int (*fallocate)(struct file *f, int mode, uint64_t offset, uint64_t len);
    /* release: last reference is gone. NULL: nothing to do. */
    void (*release)(struct file *f);
};

struct file {
    const struct file_ops *ops; /* [I] */
    uint32_t refs; /* [A] */
    uint32_t flags; /* [L] O_* status flags and access mode */
    struct spinlock lock;
    uint64_t pos; /* [L] file offset */
    void *object; /* [I] vnode, pipe ... as ops knows */
    struct vnode *vnode; /* [I] NULL when not in a file system */
    uint64_t dir_cursor; /* getdents state of the owner */
};

/* file_create: a new open file with one reference. NULL: out of memory. */
struct file *file_create(const struct file_ops *ops, void *object, unsigned flags);
void file_get(struct file *f);
void file_put(struct file *f);

/* Descriptor table of the process. */
#define FD_MAX 1048576

/* fd_alloc: lowest free descriptor >= min_fd for f (takes over the caller's reference on success).
 * flags: O_CLOEXEC or 0. Returns it, -EMFILE (RLIMIT_NOFILE) or -ENOMEM. */
MUST_CHECK int fd_alloc(struct file *f, int min_fd, unsigned flags);
/* fd_install: put f at exactly fd, closing what was there (dup2). Returns fd, -EBADF, -ENOMEM. */
MUST_CHECK int fd_install(struct file *f, int fd, unsigned flags);
/* fd_get: the file at fd with a new reference, NULL when closed. Pair with file_put. */
struct file *fd_get(int fd);
/* fd_close: 0 or -EBADF. */
int fd_close(int fd);
/* Close-on-exec flag: -EBADF, else 0/1. */
int fd_cloexec(int fd);
int fd_set_cloexec(int fd, bool on);
/* fd_next: smallest open descriptor >= fd, -ENOENT when none (for /proc/self/fd, close_range). */
int fd_next(int fd);
/* fd_table_init: empty table; limit as RLIMIT_NOFILE. */
void fd_set_limit(unsigned limit);
/* fd_close_all: at exit. */
void fd_close_all(void);

#endif
