/* SPDX-License-Identifier: MIT */
/* Devices. /dev is a memory file system that starts with their nodes; a node leads here by its
 * device number, wherever it was made. The memory devices have no state. Source: null(4), full(4),
 * random(4), console(4), tty(4); Linux Documentation/admin-guide/devices.txt for the numbers. */
#include "fs/devfs.h"

#include <asm/errno.h>
#include <linux/random.h>

#include "fs/attr.h"
#include "fs/pty.h"
#include "fs/tmpfs.h"
#include "fs/tty.h"
#include "kernel/base/string.h"
#include "kernel/random.h"
#include "kernel/uaccess.h"
#include "platform/pages.h"

#define RANDOM_CHUNK 256
#define ENTROPY_BITS 256 /* what RNDGETENTCNT says: a seeded generator */
#define MAJOR_MEM 1
#define MAJOR_TTY 5
#define RDEV(major, minor) ((uint64_t)(major) << 8 | (minor)) /* both below 256 */

static long null_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    (void)f;
    (void)it;
    (void)pos;
    return 0;
}

static long null_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    size_t n = iov_left(it);
    (void)f;
    (void)pos;
    it->done = it->total;
    return (long)n;
}

static long null_seek(struct file *f, int64_t offset, int whence)
{
    (void)offset;
    (void)whence;
    f->pos = 0;
    return 0;
}

static long zero_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    (void)f;
    (void)pos;
    return iov_zero(it, iov_left(it));
}

/* Each page of a mapping is a fresh one. MAP_SHARED needs no more: one process, and a page is asked
 * for once. */
static int zero_page(struct file *f, uint64_t index, bool write, struct file_page *out)
{
    struct page *page = pages_alloc(0, PAGES_ZERO);
    (void)f;
    (void)index;
    (void)write;
    if (page == NULL) {
        return -ENOMEM;
    }
    *out = (struct file_page){.pa = pages_pa(page), .page = page};
    return 0;
}

static long full_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    (void)f;
    (void)pos;
    (void)it;
    return -ENOSPC; /* also for nothing */
}

static long random_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    uint8_t bytes[RANDOM_CHUNK];
    long done = 0;
    (void)f;
    (void)pos;
    while (iov_left(it) != 0) {
        size_t len = min(iov_left(it), sizeof(bytes));
        random_bytes(bytes, len);
        long n = iov_copy_to(it, bytes, len);
        if (n < 0) {
            done = done != 0 ? done : n;
            break;
        }
        done += n;
    }
    memset(bytes, 0, sizeof(bytes));
    return done;
}

static long random_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    uint8_t bytes[RANDOM_CHUNK];
    long done = 0;
    (void)f;
    (void)pos;
    while (iov_left(it) != 0) {
        long n = iov_copy_from(it, bytes, min(iov_left(it), sizeof(bytes)));
        if (n < 0) {
            return done != 0 ? done : n;
        }
        random_seed(bytes, (size_t)n);
        done += n;
    }
    return done;
}

static long random_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    int bits = ENTROPY_BITS;
    (void)f;
    return cmd == RNDGETENTCNT ? uaccess_write(uptr(void, arg), &bits, sizeof(bits)) : -EINVAL;
}

static long random_seek(struct file *f, int64_t offset, int whence)
{
    (void)offset;
    (void)whence;
    return (long)f->pos;
}

int devfs_stat_node(struct file *f, struct stat *out)
{
    struct vattr attr;
    int err = f->vnode != NULL ? f->vnode->ops->getattr(f->vnode, &attr) : -EBADF;
    if (err == 0) {
        attr_to_stat(&attr, f->vnode->mount, out);
    }
    return err;
}

#define DEVICE_OPS .seek = null_seek, .stat = devfs_stat_node

static const struct file_ops null_ops = {DEVICE_OPS, .read = null_read, .write = null_write};
static const struct file_ops zero_ops = {DEVICE_OPS, .read = zero_read, .write = null_write,
                                         .mmap_page = zero_page};
static const struct file_ops full_ops = {DEVICE_OPS, .read = zero_read, .write = full_write};
static const struct file_ops random_ops = {
    .seek = random_seek,
    .stat = devfs_stat_node,
    .read = random_read,
    .write = random_write,
    .ioctl = random_ioctl,
};

static int open_console(unsigned flags, struct file **out)
{
    return tty_open(TTY_CONSOLE, flags, out);
}

static int open_tty(unsigned flags, struct file **out)
{
    return tty_exists() ? tty_open(TTY_CONSOLE, flags, out) : -ENXIO;
}

struct device {
    const char *name;
    uint64_t rdev;
    uint32_t mode;
    const struct file_ops *ops; /* NULL: open makes the file */
    int (*open)(unsigned flags, struct file **out);
};

static const struct device devices[] = {
    {"null", RDEV(MAJOR_MEM, 3), 0666, &null_ops, NULL},
    {"zero", RDEV(MAJOR_MEM, 5), 0666, &zero_ops, NULL},
    {"full", RDEV(MAJOR_MEM, 7), 0666, &full_ops, NULL},
    {"random", RDEV(MAJOR_MEM, 8), 0666, &random_ops, NULL},
    {"urandom", RDEV(MAJOR_MEM, 9), 0666, &random_ops, NULL},
    {"tty", RDEV(MAJOR_TTY, 0), 0666, NULL, open_tty},
    {"console", RDEV(MAJOR_TTY, 1), 0600, NULL, open_console},
    {"ptmx", RDEV(MAJOR_TTY, 2), 0666, NULL, pty_open_master},
};

int devfs_open_device(uint64_t rdev, unsigned flags, struct file **out)
{
    const struct device *d = devices;
    if (rdev >= RDEV(PTY_MAJOR, 0) && rdev < RDEV(PTY_MAJOR, PTY_MAX)) {
        return pty_open_slave((unsigned)(rdev - RDEV(PTY_MAJOR, 0)), flags, out);
    }
    while (d < devices + ARRAY_LEN(devices) && d->rdev != rdev) {
        d++;
    }
    if (d == devices + ARRAY_LEN(devices)) {
        return -ENXIO;
    }
    if (d->ops == NULL) {
        return d->open(flags, out);
    }
    *out = file_create(d->ops, NULL, flags);
    return *out != NULL ? 0 : -ENOMEM;
}

int devfs_open_console(enum console_stream stream, unsigned flags, struct file **out)
{
    if ((flags & O_ACCMODE) == O_RDONLY) {
        return tty_open(TTY_STDIN, flags, out);
    }
    return tty_open(stream == CONSOLE_ERR ? TTY_STDERR : TTY_STDOUT, flags, out);
}

static int add_node(struct vnode *dir, const char *name, uint32_t mode, uint64_t rdev)
{
    struct vnode *v;
    int err = dir->ops->create(dir, name, strlen(name), mode, rdev, &v);
    if (err == 0) {
        vnode_put(v);
    }
    return err;
}

static int populate(struct vnode *dir)
{
    static const struct {
        const char *name, *target;
    } links[] = {
        {"fd", "/proc/self/fd"},
        {"stdin", "/proc/self/fd/0"},
        {"stdout", "/proc/self/fd/1"},
        {"stderr", "/proc/self/fd/2"},
    };
    int err = 0;
    for (unsigned i = 0; err == 0 && i < ARRAY_LEN(devices); i++) {
        err = add_node(dir, devices[i].name, S_IFCHR | devices[i].mode, devices[i].rdev);
    }
    for (unsigned i = 0; err == 0 && i < ARRAY_LEN(links); i++) {
        err = dir->ops->symlink(dir, links[i].name, strlen(links[i].name), links[i].target);
    }
    err = err != 0 ? err : add_node(dir, "shm", S_IFDIR | 01777, 0);
    err = err != 0 ? err : add_node(dir, "pts", S_IFDIR | 0755, 0);
    struct vnode *pts;
    err = err != 0 ? err : dir->ops->lookup(dir, "pts", 3, &pts);
    if (err == 0) {
        pty_init(pts); /* which keeps the reference */
    }
    return err;
}

int devfs_create(struct mount **out)
{
    int err = tmpfs_create(NULL, "devtmpfs", 0755, out);
    if (err != 0) {
        return err;
    }
    (*out)->fs_name = "devtmpfs";
    return populate((*out)->root);
}
