/* SPDX-License-Identifier: MIT */
/* Open files, the descriptor table, and the buffers that file operations move data through.
 *
 * The table is an array that doubles; bit sets tell open descriptors and close-on-exec ones. table.lock
 * guards it; a file's own lock guards its offset and flags. Source: open(2), dup(2), readv(2). */
#include "kernel/file.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/uaccess.h"

#define FIRST_SIZE 64
#define WORD_BITS 64

static struct {
    struct spinlock lock;
    struct file **file; /* [L] array[size] */
    uint64_t *cloexec; /* [L] bit per descriptor */
    unsigned size; /* [L] multiple of WORD_BITS */
    unsigned limit; /* [L] RLIMIT_NOFILE */
    unsigned lowest; /* [L] no free descriptor below */
} table = {.limit = 1024};

struct file *file_create(const struct file_ops *ops, void *object, unsigned flags)
{
    struct file *f = heap_zalloc(sizeof(*f));
    if (f != NULL) {
        f->ops = ops;
        f->refs = 1;
        f->flags = flags;
        f->object = object;
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
    if (f->ops->release != NULL) {
        f->ops->release(f);
    }
    heap_free(f);
}

static bool is_open_locked(unsigned fd)
{
    lock_assert_held(&table.lock);
    return fd < table.size && table.file[fd] != NULL;
}

static void set_cloexec_locked(unsigned fd, bool on)
{
    lock_assert_held(&table.lock);
    uint64_t bit = 1UL << fd % WORD_BITS;
    uint64_t *word = &table.cloexec[fd / WORD_BITS];
    *word = on ? *word | bit : *word & ~bit;
}

/* Make room for fd. */
static int grow_locked(unsigned fd)
{
    lock_assert_held(&table.lock);
    unsigned size = max(table.size, (unsigned)FIRST_SIZE);
    while (size <= fd) {
        size *= 2;
    }
    if (size == table.size) {
        return 0;
    }
    struct file **file = heap_zalloc(size * sizeof(*file));
    uint64_t *cloexec = heap_zalloc(size / 8);
    if (file == NULL || cloexec == NULL) {
        heap_free(file);
        heap_free(cloexec);
        return -ENOMEM;
    }
    if (table.size != 0) {
        memcpy(file, table.file, table.size * sizeof(*file));
        memcpy(cloexec, table.cloexec, table.size / 8);
    }
    heap_free(table.file);
    heap_free(table.cloexec);
    table.file = file;
    table.cloexec = cloexec;
    table.size = size;
    return 0;
}

int fd_alloc(struct file *f, int min_fd, unsigned flags)
{
    spin_lock(&table.lock);
    unsigned fd = max((unsigned)min_fd, table.lowest);
    while (is_open_locked(fd)) {
        fd++;
    }
    int err = fd < table.limit ? grow_locked(fd) : -EMFILE;
    if (err == 0) {
        table.file[fd] = f;
        set_cloexec_locked(fd, (flags & O_CLOEXEC) != 0);
        if ((unsigned)min_fd <= table.lowest) {
            table.lowest = fd + 1;
        }
    }
    spin_unlock(&table.lock);
    return err != 0 ? err : (int)fd;
}

int fd_install(struct file *f, int fd, unsigned flags)
{
    spin_lock(&table.lock);
    int err = fd >= 0 && (unsigned)fd < table.limit ? grow_locked((unsigned)fd) : -EBADF;
    struct file *old = NULL;
    if (err == 0) {
        old = table.file[fd];
        table.file[fd] = f;
        set_cloexec_locked((unsigned)fd, (flags & O_CLOEXEC) != 0);
    }
    spin_unlock(&table.lock);
    if (old != NULL) {
        file_put(old);
    }
    return err != 0 ? err : fd;
}

struct file *fd_get(int fd)
{
    struct file *f = NULL;
    spin_lock(&table.lock);
    if (fd >= 0 && is_open_locked((unsigned)fd)) {
        f = table.file[fd];
        file_get(f);
    }
    spin_unlock(&table.lock);
    return f;
}

int fd_close(int fd)
{
    struct file *f = NULL;
    spin_lock(&table.lock);
    if (fd >= 0 && is_open_locked((unsigned)fd)) {
        f = table.file[fd];
        table.file[fd] = NULL;
        table.lowest = min(table.lowest, (unsigned)fd);
    }
    spin_unlock(&table.lock);
    if (f == NULL) {
        return -EBADF;
    }
    file_put(f);
    return 0;
}

int fd_cloexec(int fd)
{
    spin_lock(&table.lock);
    int on = -EBADF;
    if (fd >= 0 && is_open_locked((unsigned)fd)) {
        on = (int)(table.cloexec[fd / WORD_BITS] >> fd % WORD_BITS & 1);
    }
    spin_unlock(&table.lock);
    return on;
}

int fd_set_cloexec(int fd, bool on)
{
    spin_lock(&table.lock);
    int err = fd >= 0 && is_open_locked((unsigned)fd) ? 0 : -EBADF;
    if (err == 0) {
        set_cloexec_locked((unsigned)fd, on);
    }
    spin_unlock(&table.lock);
    return err;
}

int fd_next(int fd)
{
    spin_lock(&table.lock);
    unsigned at = (unsigned)max(fd, 0);
    while (at < table.size && table.file[at] == NULL) {
        at++;
    }
    int found = at < table.size ? (int)at : -ENOENT;
    spin_unlock(&table.lock);
    return found;
}

void fd_set_limit(unsigned limit)
{
    spin_lock(&table.lock);
    table.limit = min(limit, (unsigned)FD_MAX);
    spin_unlock(&table.lock);
}

void fd_close_all(void)
{
    for (int fd = fd_next(0); fd >= 0; fd = fd_next(fd + 1)) {
        (void)fd_close(fd);
    }
}

/* How an iterator's bytes are moved; buf is the kernel's side. */
enum iov_move { IOV_TO, IOV_FROM, IOV_ZERO };

static int move_bytes(const struct iov_iter *it, char *base, char *buf, size_t len, enum iov_move how)
{
    if (it->user) {
        switch (how) {
        case IOV_TO: return uaccess_write(uptr(void, base), buf, len);
        case IOV_FROM: return uaccess_read(buf, uptr(void, base), len);
        default: return uaccess_zero(uptr(void, base), len);
        }
    }
    switch (how) {
    case IOV_TO: memcpy(base, buf, len); break;
    case IOV_FROM: memcpy(buf, base, len); break;
    default: memset(base, 0, len); break;
    }
    return 0;
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
    while (moved < len && it->done < it->total) {
        size_t offset;
        const struct iov *v = position(it, &offset);
        size_t n = min(len - moved, v->len - offset);
        if (move_bytes(it, (char *)v->base + offset, buf, n, how) != 0) {
            return moved != 0 ? (long)moved : -EFAULT;
        }
        moved += n;
        it->done += n;
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
