/* SPDX-License-Identifier: MIT */
/* Open files (open file descriptions) and the descriptor table. */
#ifndef KERNEL_FILE_H
#define KERNEL_FILE_H

#include <asm/fcntl.h>
#include <asm/stat.h>

#include "kernel/base/base.h"
#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/mutex.h"
#include "kernel/wait.h"

struct file;
struct fileattr;
struct page;
struct path;

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
    bool nowait; /* -EAGAIN rather than sleep, for pipes: as O_NONBLOCK */
    bool append; /* write at the end of the object, wherever *pos is: RWF_APPEND */
};

/* iov_iter_one: an iterator over one buffer; v is the storage of its entry. */
static inline struct iov_iter iov_iter_one(struct iov *v, void *base, size_t len, bool user)
{
    *v = (struct iov){base, len};
    return (struct iov_iter){.iov = v, .n = 1, .total = len, .user = user};
}

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
    bool replaces; /* mappings made before may show another frame, which this one takes over from */
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
    /* poll: POLL* bits that hold now; *q = queue that is woken when they change, the same one for
     * the life of the file. May block. NULL: always readable and writable, no epoll. */
    unsigned (*poll)(struct file *f, struct wait_queue **q);
    /* ioctl: NULL: -ENOTTY. arg is the raw third argument. */
    long (*ioctl)(struct file *f, unsigned cmd, uint64_t arg);
    /* stat: NULL: an anonymous inode. */
    int (*stat)(struct file *f, struct stat *out);
    /* attr: what fchmod and its like change of an object without a vnode. NULL: -EOPNOTSUPP. */
    struct fileattr *(*attr)(struct file *f);
    /* mmap_page: the frame of page index. write: a page that shared writes may go to. Counted
     * frames come with a reference. Returns 0, -ENOMEM, -ENXIO past the end of the object (SIGBUS).
     * NULL: mmap fails with -ENODEV. */
    int (*mmap_page)(struct file *f, uint64_t index, bool write, struct file_page *out);
    /* mmap_sealed: no new shared mapping may be writable (F_SEAL_WRITE). NULL: never. */
    bool (*mmap_sealed)(struct file *f);
    /* getdents: fill linux_dirent64 records; NULL: -ENOTDIR. */
    long (*getdents)(struct file *f, struct iov_iter *it);
    /* truncate, sync, fallocate: NULL: -EINVAL (sync: 0; fallocate: -EOPNOTSUPP). */
    int (*truncate)(struct file *f, uint64_t len);
    int (*sync)(struct file *f);
    int (*fallocate)(struct file *f, int mode, uint64_t offset, uint64_t len);
    /* reopen: a new open file of the same object, through /proc/self/fd. NULL: -ENXIO. */
    int (*reopen)(struct file *f, unsigned flags, struct file **out);
    /* release: last reference is gone. NULL: nothing to do. */
    void (*release)(struct file *f);
};

struct file {
    const struct file_ops *ops; /* [I] */
    uint32_t refs; /* [A] */
    uint32_t flags; /* [A] O_* status flags and access mode; written under lock */
    struct spinlock lock;
    struct mutex pos_lock; /* over a call that uses pos, once there are several threads */
    uint64_t pos; /* [pos_lock] file offset; of directories: cursor */
    void *object; /* [I] vnode, pipe ... as ops knows */
    struct vnode *vnode; /* [I] NULL when not in a file system; path holds the reference */
    struct path *path; /* [I] how it was opened, NULL; fs/vfile.c owns it */
    /* [A] NULL; called after release: gives path back, ends locks; set once, by fs/ */
    void (*detach)(struct file *f);
    uint64_t dir_cursor; /* getdents state of the owner */
    struct list watches; /* [L] of epoll instances: kernel/epoll.c; next is NULL before the first */
    void (*unwatch)(struct file *f); /* [A] ends them before release; NULL: never watched */
};

/* file_readable, file_writable: opened for it. O_PATH files and access mode 3 are neither. */
static inline bool file_readable(const struct file *f)
{
    return (f->flags & (O_WRONLY | O_PATH)) == 0;
}

static inline bool file_writable(const struct file *f)
{
    return (((f->flags & O_ACCMODE) + 1) & O_RDWR) != 0;
}

/* file_set_flags: change the bits of mask in the status flags. */
void file_set_flags(struct file *f, unsigned mask, unsigned value);

/* file_create: a new open file with one reference. NULL: out of memory. */
struct file *file_create(const struct file_ops *ops, void *object, unsigned flags);
void file_get(struct file *f);
void file_put(struct file *f);

/* Descriptor table of the process. */
#define FD_MAX 1048576

/* fd_alloc: lowest free descriptor >= min_fd for f (takes over the caller's reference on success).
 * flags: O_CLOEXEC or 0. Returns it, -EMFILE (RLIMIT_NOFILE) or -ENOMEM. */
MUST_CHECK int fd_alloc(struct file *f, int min_fd, unsigned flags);
/* fd_give: the same, but f's reference is taken over in any case. */
MUST_CHECK int fd_give(struct file *f, int min_fd, unsigned flags);
/* fd_room: whether fd_alloc would find a descriptor now: 0 or -EMFILE. */
MUST_CHECK int fd_room(void);
/* fd_install: put f at exactly fd, closing what was there (dup2). Returns fd, -EBADF, -ENOMEM. */
MUST_CHECK int fd_install(struct file *f, int fd, unsigned flags);
/* fd_get: the file at fd with a new reference; NULL when closed or opened with O_PATH. Pair with
 * file_put. fd_get_any: O_PATH files too. */
struct file *fd_get(int fd);
struct file *fd_get_any(int fd);

/* The table. Only kernel/file.c writes it. While shared is false the one thread of the process may
 * read it without the lock: nobody else can close what it looks at. */
struct fd_table {
    struct spinlock lock;
    struct file **file; /* [L] array[size] */
    uint64_t *cloexec; /* [L] bit per descriptor */
    unsigned size; /* [L] multiple of 64 */
    unsigned limit; /* [L] RLIMIT_NOFILE */
    unsigned lowest; /* [L] no free descriptor below */
    bool shared; /* [A] the process has, or has had, a second thread */
};
extern struct fd_table fd_table;

/* fd_share: a second thread is about to start. */
void fd_share(void);

/* fd_borrow: the file at fd for the length of the current call, without a reference as long as
 * there is a single thread. file is NULL when fd is closed or opened with O_PATH. End with
 * fd_return. fd_borrow_any: O_PATH files too. */
struct fd_ref {
    struct file *file;
    bool counted;
};

static inline struct fd_ref fd_borrow_any(int fd)
{
    if (unlikely(fd_table.shared)) {
        struct file *f = fd_get_any(fd);
        return (struct fd_ref){f, f != NULL};
    }
    return (struct fd_ref){(unsigned)fd < fd_table.size ? fd_table.file[fd] : NULL, false};
}

static inline void fd_return(struct fd_ref r)
{
    if (unlikely(r.counted)) {
        file_put(r.file);
    }
}

static inline struct fd_ref fd_borrow(int fd)
{
    struct fd_ref r = fd_borrow_any(fd);
    if (r.file != NULL && unlikely((r.file->flags & O_PATH) != 0)) {
        fd_return(r);
        return (struct fd_ref){NULL, false};
    }
    return r;
}

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
