/* SPDX-License-Identifier: MIT */
/* The generic open file of a vnode.
 *
 * A file that came from the tree owns its path (struct path on the heap), which holds the vnode's
 * reference; that is so for devices and pipes opened by name too, whose operations are their own.
 * pos of a directory is the file system's cursor. The vnode's write_lock makes "go to the end and
 * write" one step.
 * Source: open(2), read(2), write(2), lseek(2), getdents(2), fallocate(2). */
#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "fs/attr.h"
#include "fs/devfs.h"
#include "fs/fifo.h"
#include "fs/inotify.h"
#include "fs/lock.h"
#include "fs/vnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

#define DENTS_ALIGN 8

/* One record of getdents64; no uapi header has it. */
struct dirent64 {
    uint64_t ino;
    int64_t next; /* cursor of the record that follows */
    uint16_t len;
    uint8_t type; /* DT_* */
    char name[];
} __attribute__((packed));
static_assert(offsetof(struct dirent64, name) == 19, "ABI");

static long vfile_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct vnode *v = f->vnode;
    if (v->ops->read == NULL) {
        return -EINVAL;
    }
    long n = v->ops->read(v, it, *pos);
    if (n > 0) {
        *pos += (uint64_t)n;
        inotify_file(f, IN_ACCESS);
    }
    return n;
}

static long write_at(struct vnode *v, struct iov_iter *it, uint64_t *pos, bool append)
{
    struct vattr attr;
    bool privileged = (v->mode & (S_ISUID | S_ISGID)) != 0;
    int err = privileged ? attr_drop_privileges(v) : 0;
    err = err == 0 && append ? v->ops->getattr(v, &attr) : err;
    if (err != 0) {
        return err;
    }
    *pos = append ? attr.size : *pos;
    long n = v->ops->write(v, it, *pos);
    if (n > 0) {
        *pos += (uint64_t)n;
    }
    return n;
}

/* The lock is left alone while nobody else could want it: see fd_borrow. */
LOCK_ITSELF static long vfile_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct vnode *v = f->vnode;
    bool shared = fd_table.shared;
    if (v->ops->write == NULL) {
        return -EINVAL;
    }
    if (iov_left(it) == 0) {
        return 0;
    }
    if (unlikely(shared)) {
        mutex_lock(&v->write_lock);
    }
    long n = write_at(v, it, pos, (f->flags & O_APPEND) != 0 || it->append);
    if (unlikely(shared)) {
        mutex_unlock(&v->write_lock);
    }
    if (n > 0) {
        inotify_file(f, IN_MODIFY);
    }
    return n;
}

static long move_to(struct file *f, int64_t base, int64_t offset)
{
    int64_t to;
    if (__builtin_add_overflow(base, offset, &to)) {
        return -EOVERFLOW;
    }
    if (to < 0) {
        return -EINVAL;
    }
    f->pos = (uint64_t)to;
    return to;
}

/* SEEK_DATA, SEEK_HOLE. There is a hole at the end of every file. */
static long seek_content(struct file *f, const struct vattr *attr, int64_t offset, bool hole)
{
    struct vnode *v = f->vnode;
    uint64_t to = hole ? attr->size : (uint64_t)offset;
    if (offset < 0 || (uint64_t)offset >= attr->size) {
        return -ENXIO;
    }
    int err = v->ops->seek != NULL ? v->ops->seek(v, (uint64_t)offset, hole, &to) : 0;
    return err != 0 ? err : move_to(f, 0, (int64_t)to);
}

static long vfile_seek(struct file *f, int64_t offset, int whence)
{
    struct vattr attr;
    if (whence == SEEK_SET) {
        return move_to(f, 0, offset);
    }
    if (whence == SEEK_CUR) {
        return move_to(f, (int64_t)f->pos, offset);
    }
    if (whence != SEEK_END && whence != SEEK_DATA && whence != SEEK_HOLE) {
        return -EINVAL;
    }
    int err = f->vnode->ops->getattr(f->vnode, &attr);
    if (err != 0) {
        return err;
    }
    if (whence == SEEK_END) {
        return move_to(f, (int64_t)attr.size, offset);
    }
    return seek_content(f, &attr, offset, whence == SEEK_HOLE);
}

static int vfile_stat(struct file *f, struct stat *out)
{
    struct vattr attr;
    int err = f->vnode->ops->getattr(f->vnode, &attr);
    if (err == 0) {
        attr_to_stat(&attr, f->vnode->mount, out);
    }
    return err;
}

static int vfile_page(struct file *f, uint64_t index, bool write, struct file_page *out)
{
    return f->vnode->ops->page(f->vnode, index, write, out);
}

static bool vfile_sealed(struct file *f)
{
    uint32_t seals = __atomic_load_n(&f->vnode->seals, __ATOMIC_RELAXED);
    return (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)) != 0;
}

static int vfile_truncate(struct file *f, uint64_t len)
{
    int err = attr_truncate(f->vnode, len);
    if (err == 0) {
        inotify_file(f, IN_MODIFY);
    }
    return err;
}

static int vfile_fallocate(struct file *f, int mode, uint64_t offset, uint64_t len)
{
    struct vnode *v = f->vnode;
    int err = v->ops->fallocate != NULL ? v->ops->fallocate(v, mode, offset, len) : -EOPNOTSUPP;
    if (err == 0) {
        inotify_file(f, IN_MODIFY);
    }
    return err;
}

/* Records of one round, made here because the file system's locks are held while it emits. */
struct dents {
    char *buf;
    size_t used, cap;
    uint64_t cursor; /* where to go on */
    bool full;
};

static int dents_emit(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype,
                      uint64_t next_cursor)
{
    struct dents *d = ctx;
    size_t need = align_up(offsetof(struct dirent64, name) + len + 1, DENTS_ALIGN);
    if (need > d->cap - d->used) {
        d->full = true;
        return 1;
    }
    struct dirent64 *e = (struct dirent64 *)(void *)(d->buf + d->used);
    memset(e, 0, need);
    *e = (struct dirent64){ino, (int64_t)next_cursor, (uint16_t)need, (uint8_t)dtype};
    memcpy(e->name, name, len);
    d->used += need;
    d->cursor = next_cursor;
    return 0;
}

/* One round of at most a page. Returns bytes, 0 at the end, -EINVAL when not even one record
 * fits. */
static long dents_round(struct file *f, struct iov_iter *it, struct dents *d)
{
    struct vnode *v = f->vnode;
    d->used = 0;
    d->cap = min(iov_left(it), (size_t)PAGE_SIZE);
    d->cursor = f->pos;
    d->full = false;
    int err = v->ops->readdir(v, f->pos, dents_emit, d);
    if (err < 0 || d->used == 0) {
        return err < 0 ? err : d->full ? -EINVAL : 0;
    }
    long n = iov_copy_to(it, d->buf, d->used);
    if (n != (long)d->used) {
        return -EFAULT;
    }
    f->pos = d->cursor;
    return n;
}

static long vfile_getdents(struct file *f, struct iov_iter *it)
{
    struct dents d = {.buf = heap_alloc(PAGE_SIZE)};
    struct vattr attr;
    if (d.buf == NULL) {
        return -ENOMEM;
    }
    long done = 0;
    long n = f->vnode->ops->getattr(f->vnode, &attr);
    if (n == 0 && attr.nlink == 0) { /* removed */
        n = -ENOENT;
    }
    while (n >= 0) {
        n = dents_round(f, it, &d);
        if (n <= 0) {
            break;
        }
        done += n;
    }
    heap_free(d.buf);
    if (n >= 0) {
        inotify_file(f, IN_ACCESS);
    }
    return done != 0 ? done : n;
}

static const struct file_ops regular_ops = {
    .read = vfile_read,
    .write = vfile_write,
    .seek = vfile_seek,
    .stat = vfile_stat,
    .mmap_page = vfile_page,
    .mmap_sealed = vfile_sealed,
    .truncate = vfile_truncate,
    .fallocate = vfile_fallocate,
};

/* Contents that are made up as they are read (/proc). */
static const struct file_ops pageless_ops = {
    .read = vfile_read,
    .write = vfile_write,
    .seek = vfile_seek,
    .stat = vfile_stat,
    .truncate = vfile_truncate,
};

static const struct file_ops directory_ops = {
    .seek = vfile_seek,
    .stat = vfile_stat,
    .getdents = vfile_getdents,
};

static const struct file_ops place_ops = {.stat = vfile_stat}; /* O_PATH */

static void vfile_detach(struct file *f)
{
    struct vnode *v = f->vnode;
    lock_release(f);
    vnode_get(v);
    inotify_file(f, file_writable(f) ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
    path_put(f->path);
    inotify_gone(v);
    vnode_put(v);
    heap_free(f->path);
}

int vfile_attach(struct file *f, const struct path *p)
{
    struct path *own = heap_alloc(sizeof(*own));
    int err = own != NULL ? path_copy(own, p) : -ENOMEM;
    if (err != 0) {
        heap_free(own);
        return err;
    }
    f->path = own;
    f->vnode = own->vnode;
    f->detach = vfile_detach;
    return 0;
}

static const struct file_ops *choose_ops(const struct vnode *v, unsigned flags)
{
    if ((flags & O_PATH) != 0) {
        return &place_ops;
    }
    if (S_ISDIR(v->mode)) {
        return &directory_ops;
    }
    return v->ops->page != NULL ? &regular_ops : &pageless_ops;
}

int vfile_open(const struct path *p, unsigned flags, struct file **out)
{
    struct file *f = file_create(choose_ops(p->vnode, flags), p->vnode, flags);
    if (f == NULL) {
        return -ENOMEM;
    }
    int err = vfile_attach(f, p);
    if (err != 0) {
        file_put(f);
        return err;
    }
    *out = f;
    return 0;
}

/* Open by the kind of the vnode, whoever provides it. */
static int open_kind(struct vnode *v, unsigned flags, struct file **out)
{
    if (v->ops->open != NULL) {
        return v->ops->open(v, flags, out);
    }
    struct vattr attr;
    switch (v->mode & S_IFMT) {
    case S_IFIFO: return fifo_open(v, flags, out);
    case S_IFCHR:
    case S_IFBLK: {
        int err = v->ops->getattr(v, &attr);
        return err != 0 ? err : devfs_open_device(attr.rdev, flags, out);
    }
    default: return -ENXIO; /* sockets */
    }
}

int vfile_open_any(const struct path *p, unsigned flags, struct file **out)
{
    struct vnode *v = p->vnode;
    bool plain = S_ISREG(v->mode) || S_ISDIR(v->mode);
    if ((flags & O_PATH) != 0 || (plain && v->ops->open == NULL)) {
        return vfile_open(p, flags, out);
    }
    int err = open_kind(v, flags, out);
    if (err != 0 || (*out)->path != NULL || (*out)->refs > 1) { /* a file that was open already */
        return err;
    }
    err = vfile_attach(*out, p);
    if (err != 0) {
        file_put(*out);
    }
    return err;
}

const struct path *vfs_file_path(const struct file *f)
{
    return f->path;
}
