/* SPDX-License-Identifier: MIT */
/* Names in directories: making, linking, removing, renaming, reading them.
 * Source: the manual page of each call. */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "fs/entry.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"
#include "syscall/name.h"

/* What a program passes to the calls on handles; no uapi header has it. */
struct file_handle {
    unsigned bytes;
    int type;
};

#define DENTS_MAX ((size_t)32768) /* bytes of one getdents; no program gives it more */
#define HANDLE_MAX 128
#define MKDIR_BITS 01777
#define MODE_BITS 07777

static long make(int at, const char USER *name, uint32_t mode, uint64_t dev)
{
    struct name n;
    int err = name_take(&n, at, name, 0);
    if (err == 0) {
        err = entry_make(n.at, n.text, mode, dev);
        name_drop(&n);
    }
    return err;
}

long sys_mkdirat(int at, const char USER *name, unsigned mode)
{
    return make(at, name, S_IFDIR | (mode & MKDIR_BITS), 0);
}

long sys_mkdir(const char USER *name, unsigned mode)
{
    return sys_mkdirat(AT_FDCWD, name, mode);
}

long sys_mknodat(int at, const char USER *name, unsigned mode, uint64_t dev)
{
    mode &= S_IFMT | MODE_BITS;
    switch (mode & S_IFMT) {
    case 0: return make(at, name, S_IFREG | mode, 0);
    case S_IFREG:
    case S_IFIFO:
    case S_IFSOCK: return make(at, name, mode, 0);
    case S_IFCHR:
    case S_IFBLK: return make(at, name, mode, (uint32_t)dev);
    case S_IFDIR: return -EPERM;
    default: return -EINVAL;
    }
}

long sys_mknod(const char USER *name, unsigned mode, uint64_t dev)
{
    return sys_mknodat(AT_FDCWD, name, mode, dev);
}

long sys_unlinkat(int at, const char USER *name, int flags)
{
    struct name n;
    if ((flags & ~AT_REMOVEDIR) != 0) {
        return -EINVAL;
    }
    int err = name_take(&n, at, name, 0);
    if (err == 0) {
        err = entry_remove(n.at, n.text, flags != 0);
        name_drop(&n);
    }
    return err;
}

long sys_unlink(const char USER *name)
{
    return sys_unlinkat(AT_FDCWD, name, 0);
}

long sys_rmdir(const char USER *name)
{
    return sys_unlinkat(AT_FDCWD, name, AT_REMOVEDIR);
}

long sys_symlinkat(const char USER *target, int at, const char USER *name)
{
    struct name n;
    char *text = heap_alloc(PATH_MAX);
    if (text == NULL) {
        return -ENOMEM;
    }
    long len = uaccess_string(text, target, PATH_MAX);
    int err = len < 0 ? (int)len : len == 0 ? -ENOENT : name_take(&n, at, name, 0);
    if (err == 0) {
        err = entry_symlink(text, n.at, n.text);
        name_drop(&n);
    }
    heap_free(text);
    return err;
}

long sys_symlink(const char USER *target, const char USER *name)
{
    return sys_symlinkat(target, AT_FDCWD, name);
}

/* The vnode that linkat's first name means. A file without a path (a pipe) has none that could get
 * one. */
static int link_source(int at, const char USER *name, unsigned flags, struct path *out)
{
    struct name n;
    int err = name_take(&n, at, name, flags);
    if (err != 0) {
        return err;
    }
    if (name_is_file(&n) && !process_capable(CAP_DAC_READ_SEARCH)) {
        err = -ENOENT;
    } else {
        err = name_walk(&n, (flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : WALK_NOFOLLOW, out);
    }
    name_drop(&n);
    return err;
}

long sys_linkat(int from_at, const char USER *from, int to_at, const char USER *to, int flags)
{
    struct name n;
    struct path source;
    if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    int err = link_source(from_at, from, (unsigned)flags, &source);
    if (err != 0) {
        return err;
    }
    err = name_take(&n, to_at, to, 0);
    if (err == 0) {
        err = entry_link(source.vnode, n.at, n.text);
        name_drop(&n);
    }
    path_put(&source);
    return err;
}

long sys_link(const char USER *from, const char USER *to)
{
    return sys_linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* RENAME_WHITEOUT is for union file systems that keep their whiteouts in the upper layer. */
long sys_renameat2(int from_at, const char USER *from, int to_at, const char USER *to,
                   unsigned flags)
{
    struct name old;
    struct name fresh;
    bool both = (flags & RENAME_NOREPLACE) != 0 && (flags & RENAME_EXCHANGE) != 0;
    if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0 || both) {
        return -EINVAL;
    }
    int err = name_take(&old, from_at, from, 0);
    if (err != 0) {
        return err;
    }
    err = name_take(&fresh, to_at, to, 0);
    if (err == 0) {
        err = entry_rename(old.at, old.text, fresh.at, fresh.text, flags);
        name_drop(&fresh);
    }
    name_drop(&old);
    return err;
}

long sys_renameat(int from_at, const char USER *from, int to_at, const char USER *to)
{
    return sys_renameat2(from_at, from, to_at, to, 0);
}

long sys_rename(const char USER *from, const char USER *to)
{
    return sys_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* File handles: no file system here can find a file by its number. */
long sys_name_to_handle_at(int at, const char USER *name, void USER *handle, int USER *mount,
                           int flags)
{
    struct path p;
    struct file_handle head;
    (void)mount;
    if ((flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH)) != 0) {
        return -EINVAL;
    }
    unsigned walk = (flags & AT_SYMLINK_FOLLOW) != 0 ? 0 : AT_SYMLINK_NOFOLLOW;
    int err = name_place(at, name, walk | ((unsigned)flags & AT_EMPTY_PATH), &p);
    if (err != 0) {
        return err;
    }
    path_put(&p);
    return uaccess_read(&head, handle, sizeof(head)) != 0 ? -EFAULT : -EOPNOTSUPP;
}

long sys_open_by_handle_at(int mount, const void USER *handle, int flags)
{
    struct file_handle head;
    (void)flags;
    struct fd_ref r = fd_borrow_any(mount);
    fd_return(r);
    if (!process_capable(CAP_DAC_READ_SEARCH)) {
        return -EPERM;
    }
    if (uaccess_read(&head, handle, sizeof(head)) != 0) {
        return -EFAULT;
    }
    if (head.bytes == 0 || head.bytes > HANDLE_MAX) {
        return -EINVAL;
    }
    return r.file == NULL && mount != AT_FDCWD ? -EBADF : -ESTALE;
}

static long read_target(struct vnode *v, char USER *buf, size_t cap)
{
    if (!S_ISLNK(v->mode) || v->ops->readlink == NULL) {
        return -EINVAL;
    }
    char *text = heap_alloc(PATH_MAX);
    if (text == NULL) {
        return -ENOMEM;
    }
    long len = v->ops->readlink(v, text, PATH_MAX);
    if (len > 0) {
        len = (long)min((size_t)len, cap);
        len = uaccess_write(buf, text, (size_t)len) != 0 ? -EFAULT : len;
    }
    heap_free(text);
    return len;
}

long sys_readlinkat(int at, const char USER *name, char USER *buf, size_t cap)
{
    struct path p;
    if ((int)cap <= 0) {
        return -EINVAL;
    }
    /* "" means the symlink that at was opened as, with O_PATH | O_NOFOLLOW */
    int err = name_place(at, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, &p);
    if (err != 0) {
        return err;
    }
    long result = read_target(p.vnode, buf, (unsigned)cap);
    path_put(&p);
    return result;
}

long sys_readlink(const char USER *name, char USER *buf, size_t cap)
{
    return sys_readlinkat(AT_FDCWD, name, buf, cap);
}

long sys_getdents64(int fd, void USER *buf, unsigned cap)
{
    struct iov one;
    struct iov_iter it;
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    long result = iovec_one(&it, &one, buf, cap);
    if (result == 0) {
        bool locked = file_pos_begin(r.file);
        result = r.file->ops->getdents != NULL ? r.file->ops->getdents(r.file, &it) : -ENOTDIR;
        file_pos_end(r.file, locked);
    }
    fd_return(r);
    return result;
}

/* A record of getdents, without its type; no uapi header has it. */
struct linux_dirent {
    uint64_t ino;
    int64_t next;
    uint16_t len;
    char name[];
} __attribute__((packed));

/* A record of getdents64 in the layout of getdents, which is as long: the type is its last byte. */
static void make_old(char *record, size_t len)
{
    size_t name = offsetof(struct linux_dirent, name);
    char type = record[name];
    memmove(record + name, record + name + 1, len - name - 1);
    record[len - 1] = type;
}

long sys_getdents(int fd, void USER *buf, unsigned cap)
{
    struct iov one;
    struct fd_ref r = fd_borrow(fd);
    char *records = r.file != NULL ? heap_alloc(DENTS_MAX) : NULL;
    if (records == NULL) {
        fd_return(r);
        return r.file == NULL ? -EBADF : -ENOMEM;
    }
    struct iov_iter it = iov_iter_one(&one, records, min((size_t)cap, DENTS_MAX), false);
    bool locked = file_pos_begin(r.file);
    long result = r.file->ops->getdents != NULL ? r.file->ops->getdents(r.file, &it) : -ENOTDIR;
    file_pos_end(r.file, locked);
    fd_return(r);
    for (long at = 0; at < result;) {
        size_t len = ((struct linux_dirent *)(records + at))->len;
        make_old(records + at, len);
        at += (long)len;
    }
    if (result > 0 && uaccess_write(buf, records, (size_t)result) != 0) {
        result = -EFAULT;
    }
    heap_free(records);
    return result;
}
