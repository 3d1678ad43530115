/* SPDX-License-Identifier: MIT */
/* Attributes: stat and its forms, statx, statfs. Source: stat(2), statx(2), statfs(2). */
#include "syscall/stat.h"

#include <asm/errno.h>
#include <asm/statfs.h>
#include <linux/fcntl.h>
#include <linux/magic.h>

#include "fs/attr.h"
#include "fs/proctables.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/name.h"

#define STAT_FLAGS (AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH)
#define ANON_DEV 0xf /* of inodes in no file system */
#define ANON_INO 1 /* they share one, as Linux's anon_inode */
#define MOUNT_VALID 0x20 /* f_flags: the other bits are right (ST_VALID of Linux) */
#define MOUNT_READ_ONLY 0x1
#define MOUNT_RELATIME 0x1000

static int stat_vnode(struct vnode *v, struct stat *out, struct __kernel_timespec *btime)
{
    struct vattr attr;
    int err = v->ops->getattr(v, &attr);
    if (err == 0) {
        attr_to_stat(&attr, v->mount, out);
        *btime = attr.btime;
    }
    return err;
}

int stat_file(struct file *f, struct stat *out, struct __kernel_timespec *btime)
{
    *btime = (struct __kernel_timespec){0, 0};
    if (f->vnode != NULL && f->path != NULL) {
        return stat_vnode(f->vnode, out, btime);
    }
    if (f->ops->stat != NULL) {
        return f->ops->stat(f, out);
    }
    *out = (struct stat){.st_dev = ANON_DEV,
                         .st_ino = ANON_INO,
                         .st_nlink = 1,
                         .st_mode = 0600,
                         .st_blksize = PAGE_SIZE};
    return 0;
}

/* What stat and statx tell. */
struct found {
    struct stat st;
    struct __kernel_timespec btime;
    bool mount_root;
};

static bool is_mount_root(const struct vnode *v)
{
    return v != NULL && v->mount != NULL && v == v->mount->root;
}

/* Attributes of what (at, name, flags) means. */
static int stat_name(int at, const char USER *name, unsigned flags, struct found *out)
{
    struct name n;
    struct path p;
    int err = name_take(&n, at, name, flags);
    if (err != 0) {
        return err;
    }
    if (name_is_file(&n)) {
        err = stat_file(n.dir.file, &out->st, &out->btime);
        out->mount_root = is_mount_root(n.dir.file->vnode);
    } else {
        err = name_walk(&n, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? WALK_NOFOLLOW : 0, &p);
        if (err == 0) {
            err = stat_vnode(p.vnode, &out->st, &out->btime);
            out->mount_root = is_mount_root(p.vnode);
            path_put(&p);
        }
    }
    name_drop(&n);
    return err;
}

static long stat_to(int at, const char USER *name, unsigned flags, void USER *out)
{
    struct found f;
    int err = stat_name(at, name, flags, &f);
    return err != 0 ? err : uaccess_write(out, &f.st, sizeof(f.st));
}

long sys_stat(const char USER *name, void USER *out)
{
    return stat_to(AT_FDCWD, name, 0, out);
}

long sys_lstat(const char USER *name, void USER *out)
{
    return stat_to(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, out);
}

long sys_newfstatat(int at, const char USER *name, void USER *out, int flags)
{
    return ((unsigned)flags & ~(unsigned)STAT_FLAGS) != 0 ? -EINVAL
                                                          : stat_to(at, name, (unsigned)flags, out);
}

long sys_fstat(int fd, void USER *out)
{
    struct stat st;
    struct __kernel_timespec btime;
    struct fd_ref r = fd_borrow_any(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    int err = stat_file(r.file, &st, &btime);
    fd_return(r);
    return err != 0 ? err : uaccess_write(out, &st, sizeof(st));
}

/* Device numbers as stat(2) packs them. */
static uint32_t dev_major(uint64_t dev)
{
    return (uint32_t)((dev >> 8 & 0xfff) | (dev >> 32 & 0xfffff000));
}

static uint32_t dev_minor(uint64_t dev)
{
    return (uint32_t)((dev & 0xff) | (dev >> 12 & 0xffffff00));
}

static struct statx_timestamp stamp(uint64_t sec, uint64_t nsec)
{
    return (struct statx_timestamp){.tv_sec = (int64_t)sec, .tv_nsec = (uint32_t)nsec};
}

static void to_statx(const struct found *f, struct statx *out)
{
    const struct stat *st = &f->st;
    const struct __kernel_timespec *btime = &f->btime;
    bool born = btime->tv_sec != 0 || btime->tv_nsec != 0;
    *out = (struct statx){
        .stx_mask = STATX_BASIC_STATS | STATX_MNT_ID | (born ? STATX_BTIME : 0),
        .stx_attributes = f->mount_root ? STATX_ATTR_MOUNT_ROOT : 0,
        .stx_attributes_mask = STATX_ATTR_MOUNT_ROOT,
        .stx_mnt_id = PROC_MOUNT_ID(st->st_dev),
        .stx_blksize = (uint32_t)st->st_blksize,
        .stx_nlink = (uint32_t)st->st_nlink,
        .stx_uid = st->st_uid,
        .stx_gid = st->st_gid,
        .stx_mode = (uint16_t)st->st_mode,
        .stx_ino = st->st_ino,
        .stx_size = (uint64_t)st->st_size,
        .stx_blocks = (uint64_t)st->st_blocks,
        .stx_atime = stamp(st->st_atime, st->st_atime_nsec),
        .stx_mtime = stamp(st->st_mtime, st->st_mtime_nsec),
        .stx_ctime = stamp(st->st_ctime, st->st_ctime_nsec),
        .stx_btime = stamp((uint64_t)btime->tv_sec, (uint64_t)btime->tv_nsec),
        .stx_rdev_major = dev_major(st->st_rdev),
        .stx_rdev_minor = dev_minor(st->st_rdev),
        .stx_dev_major = dev_major(st->st_dev),
        .stx_dev_minor = dev_minor(st->st_dev),
    };
}

long sys_statx(int at, const char USER *name, int flags, unsigned mask, void USER *out)
{
    struct found f;
    struct statx stx;
    unsigned known = STAT_FLAGS | AT_STATX_SYNC_TYPE;
    bool both = ((unsigned)flags & AT_STATX_SYNC_TYPE) == AT_STATX_SYNC_TYPE;
    if ((mask & STATX__RESERVED) != 0 || both || ((unsigned)flags & ~known) != 0) {
        return -EINVAL;
    }
    int err = stat_name(at, name, (unsigned)flags, &f);
    if (err != 0) {
        return err;
    }
    to_statx(&f, &stx);
    return uaccess_write(out, &stx, sizeof(stx));
}

/* The kind of file system that Linux keeps files without a name in. */
static uint64_t nameless_magic(struct file *f)
{
    struct stat st;
    struct __kernel_timespec btime;
    uint32_t mode = stat_file(f, &st, &btime) == 0 ? st.st_mode : 0;
    return S_ISFIFO(mode) ? PIPEFS_MAGIC : S_ISSOCK(mode) ? SOCKFS_MAGIC : ANON_INODE_FS_MAGIC;
}

/* m NULL: files in no file system, whose magic says which kind. */
static long statfs_to(struct mount *m, uint64_t magic, void USER *out)
{
    struct fs_stats s = {.type = magic, .block_size = PAGE_SIZE, .name_max = NAME_MAX};
    if (m != NULL && m->statfs != NULL) {
        m->statfs(m, &s);
    }
    struct statfs st = {
        .f_type = (long)s.type,
        .f_bsize = (long)s.block_size,
        .f_blocks = (long)s.blocks,
        .f_bfree = (long)s.blocks_free,
        .f_bavail = (long)s.blocks_free,
        .f_files = (long)s.files,
        .f_ffree = (long)s.files_free,
        .f_fsid = {{m != NULL ? (int)m->dev : 0, 0}},
        .f_namelen = (long)s.name_max,
        .f_frsize = (long)s.block_size,
        .f_flags = MOUNT_VALID | MOUNT_RELATIME,
    };
    st.f_flags |= m != NULL && m->read_only ? MOUNT_READ_ONLY : 0;
    return uaccess_write(out, &st, sizeof(st));
}

long sys_statfs(const char USER *name, void USER *out)
{
    struct path p;
    int err = name_place(AT_FDCWD, name, 0, &p);
    if (err != 0) {
        return err;
    }
    long result = statfs_to(p.vnode->mount, 0, out);
    path_put(&p);
    return result;
}

long sys_fstatfs(int fd, void USER *out)
{
    struct fd_ref r = fd_borrow_any(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    long result = r.file->vnode != NULL ? statfs_to(r.file->vnode->mount, 0, out)
                                        : statfs_to(NULL, nameless_magic(r.file), out);
    fd_return(r);
    return result;
}
