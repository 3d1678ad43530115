/* SPDX-License-Identifier: MIT */
/* Open files, the descriptor table, and the buffers that file operations move data through.
 *
 * The table is an array that doubles; bit sets tell open descriptors and close-on-exec ones.
 * fd_table.lock guards it; a file's own lock guards its offset and flags. Source: open(2), dup(2),
 * readv(2). */
#include "kernel/file.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/uaccess.h"

#define FIRST_SIZE 64
#define WORD_BITS 64

struct fd_table fd_table = {.limit = 1024};

struct file *file_create(const struct file_ops *ops, void *object, unsigned flags)
{
    struct file *f = heap_zalloc(sizeof(*f));
    if (f != NULL) {
        f->ops = ops;
        f->refs = 1;
        f->flags = flags;
        f->object = object;
        mutex_init(&f->pos_lock);
    }
    return f;
}

void file_get(struct file *f)
{
    uint32_t before = __atomic_fetch_add(&f->refs, 1, __ATOMIC_RELAXED);
    assert(before != 0);
}

void file_put(struct file *f)
{
    /* release and acquire: other holders are done before release runs */
    if (__atomic_fetch_sub(&f->refs, 1, __ATOMIC_ACQ_REL) != 1) {
        return;
    }
    if (f->unwatch != NULL) {
        f->unwatch(f);
    }
    if (f->ops->release != NULL) {
        f->ops->release(f);
    }
    if (f->detach != NULL) {
        f->detach(f);
    }
    heap_free(f);
}

void file_set_flags(struct file *f, unsigned mask, unsigned value)
{
    spin_lock(&f->lock);
    f->flags = (f->flags & ~mask) | (value & mask);
    spin_unlock(&f->lock);
}

static bool is_open_locked(unsigned fd)
{
    lock_assert_held(&fd_table.lock);
    return fd < fd_table.size && fd_table.file[fd] != NULL;
}

static void set_cloexec_locked(unsigned fd, bool on)
{
    lock_assert_held(&fd_table.lock);
    uint64_t bit = 1UL << fd % WORD_BITS;
    uint64_t *word = &fd_table.cloexec[fd / WORD_BITS];
    *word = on ? *word | bit : *word & ~bit;
}

/* Make room for fd. */
static int grow_locked(unsigned fd)
{
    lock_assert_held(&fd_table.lock);
    unsigned size = max(fd_table.size, (unsigned)FIRST_SIZE);
    while (size <= fd) {
        size *= 2;
    }
    if (size == fd_table.size) {
        return 0;
    }
    struct file **file = heap_zalloc(size * sizeof(*file));
    uint64_t *cloexec = heap_zalloc(size / 8);
    if (file == NULL || cloexec == NULL) {
        heap_free(file);
        heap_free(cloexec);
        return -ENOMEM;
    }
    if (fd_table.size != 0) {
        memcpy(file, fd_table.file, fd_table.size * sizeof(*file));
        memcpy(cloexec, fd_table.cloexec, fd_table.size / 8);
    }
    heap_free(fd_table.file);
    heap_free(fd_table.cloexec);
    fd_table.file = file;
    fd_table.cloexec = cloexec;
    fd_table.size = size;
    return 0;
}

int fd_alloc(struct file *f, int min_fd, unsigned flags)
{
    spin_lock(&fd_table.lock);
    unsigned fd = max((unsigned)min_fd, fd_table.lowest);
    while (is_open_locked(fd)) {
        fd++;
    }
    int err = fd < fd_table.limit ? grow_locked(fd) : -EMFILE;
    if (err == 0) {
        fd_table.file[fd] = f;
        set_cloexec_locked(fd, (flags & O_CLOEXEC) != 0);
        if ((unsigned)min_fd <= fd_table.lowest) {
            fd_table.lowest = fd + 1;
        }
    }
    spin_unlock(&fd_table.lock);
    return err != 0 ? err : (int)fd;
}

int fd_give(struct file *f, int min_fd, unsigned flags)
{
    int fd = fd_alloc(f, min_fd, flags);
    if (fd < 0) {
        file_put(f);
    }
    return fd;
}

int fd_room(void)
{
    spin_lock(&fd_table.lock);
    unsigned fd = fd_table.lowest;
    while (is_open_locked(fd)) {
        fd++;
    }
    int err = fd < fd_table.limit ? 0 : -EMFILE;
    spin_unlock(&fd_table.lock);
    return err;
}

int fd_install(struct file *f, int fd, unsigned flags)
{
    spin_lock(&fd_table.lock);
    int err = fd >= 0 && (unsigned)fd < fd_table.limit ? grow_locked((unsigned)fd) : -EBADF;
    struct file *old = NULL;
    if (err == 0) {
        old = fd_table.file[fd];
        fd_table.file[fd] = f;
        set_cloexec_locked((unsigned)fd, (flags & O_CLOEXEC) != 0);
    }
    spin_unlock(&fd_table.lock);
    if (old != NULL) {
        file_put(old);
    }
    return err != 0 ? err : fd;
}

struct file *fd_get_any(int fd)
{
    struct file *f = NULL;
    spin_lock(&fd_table.lock);
    if (fd >= 0 && is_open_locked((unsigned)fd)) {
        f = fd_table.file[fd];
        file_get(f);
    }
    spin_unlock(&fd_table.lock);
    return f;
}

struct file *fd_get(int fd)
{
    struct file *f = fd_get_any(fd);
    if (f != NULL && (f->flags & O_PATH) != 0) {
        file_put(f);
        return NULL;
    }
    return f;
}

void fd_share(void)
{
    __atomic_store_n(&fd_table.shared, true, __ATOMIC_RELEASE);
}

int fd_close(int fd)
{
    struct file *f = NULL;
    spin_lock(&fd_table.lock);
    if (fd >= 0 && is_open_locked((unsigned)fd)) {
        f = fd_table.file[fd];
        fd_table.file[fd] = NULL;
        fd_table.lowest = min(fd_table.lowest, (unsigned)fd);
    }
    spin_unlock(&fd_table.lock);
    if (f == NULL) {
        return -EBADF;
    }
    file_put(f);
    return 0;
}

int fd_cloexec(int fd)
{
    spin_lock(&fd_table.lock);
    int on = -EBADF;
    if (fd >= 0 && is_open_locked((unsigned)fd)) {
        on = (int)(fd_table.cloexec[fd / WORD_BITS] >> fd % WORD_BITS & 1);
    }
    spin_unlock(&fd_table.lock);
    return on;
}

int fd_set_cloexec(int fd, bool on)
{
    spin_lock(&fd_table.lock);
    int err = fd >= 0 && is_open_locked((unsigned)fd) ? 0 : -EBADF;
    if (err == 0) {
        set_cloexec_locked((unsigned)fd, on);
    }
    spin_unlock(&fd_table.lock);
    return err;
}

int fd_next(int fd)
{
    spin_lock(&fd_table.lock);
    unsigned at = (unsigned)max(fd, 0);
    while (at < fd_table.size && fd_table.file[at] == NULL) {
        at++;
    }
    int found = at < fd_table.size ? (int)at : -ENOENT;
    spin_unlock(&fd_table.lock);
    return found;
}

void fd_set_limit(unsigned limit)
{
    spin_lock(&fd_table.lock);
    fd_table.limit = min(limit, (unsigned)FD_MAX);
    spin_unlock(&fd_table.lock);
}

void fd_close_all(void)
{
    for (int fd = fd_next(0); fd >= 0; fd = fd_next(fd + 1)) {
        (void)fd_close(fd);
    }
}

/* How an iterator's bytes are moved; buf is the kernel's side. */
enum iov_move { IOV_TO, IOV_FROM, IOV_ZERO };

/* Returns the bytes moved: less than len at a bad page of the program. */
static size_t move_bytes(const struct iov_iter *it, char *base, char *buf, size_t len,
                         enum iov_move how)
{
    if (it->user) {
        switch (how) {
        case IOV_TO: return uaccess_write_part(uptr(void, base), buf, len);
        case IOV_FROM: return uaccess_read_part(buf, uptr(void, base), len);
        default: return uaccess_zero_part(uptr(void, base), len);
        }
    }
    switch (how) {
    case IOV_TO: memcpy(base, buf, len); break;
    case IOV_FROM: memcpy(buf, base, len); break;
    default: memset(base, 0, len); break;
    }
    return len;
}

/* The entry and the offset in it that it->done stands at. */
static const struct iov *position(const struct iov_iter *it, size_t *offset)
{
    size_t skip = it->done;
    const struct iov *v = it->iov;
    while (skip >= v->len) { /* done < total: there is an entry */
        skip -= v->len;
        v++;
    }
    *offset = skip;
    return v;
}

static long iov_move(struct iov_iter *it, char *buf, size_t len, enum iov_move how)
{
    size_t moved = 0;
    if (likely(it->n == 1)) { /* read and write: no search for the entry */
        size_t n = min(len, it->total - it->done);
        moved = move_bytes(it, (char *)it->iov->base + it->done, buf, n, how);
        it->done += moved;
        return moved != 0 || n == 0 ? (long)moved : -EFAULT;
    }
    while (moved < len && it->done < it->total) {
        size_t offset;
        const struct iov *v = position(it, &offset);
        size_t n = min(len - moved, v->len - offset);
        size_t part = move_bytes(it, (char *)v->base + offset, buf, n, how);
        moved += part;
        it->done += part;
        if (part < n) {
            return moved != 0 ? (long)moved : -EFAULT;
        }
        buf = how == IOV_ZERO ? buf : buf + n;
    }
    return (long)moved;
}

long iov_copy_to(struct iov_iter *it, const void *buf, size_t len)
{
    return iov_move(it, (char *)(uintptr_t)buf, len, IOV_TO);
}

long iov_copy_from(struct iov_iter *it, void *buf, size_t len)
{
    return iov_move(it, buf, len, IOV_FROM);
}

long iov_zero(struct iov_iter *it, size_t len)
{
    return iov_move(it, NULL, len, IOV_ZERO);
}
