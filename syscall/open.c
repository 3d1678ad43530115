/* SPDX-License-Identifier: MIT */
/* Opening names, and the directories and mask that names depend on.
 * Source: open(2), openat2(2), access(2), getcwd(2), chdir(2), chroot(2), umask(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/openat2.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/name.h"

#define ACCESS_MASK (MAY_READ | MAY_WRITE | MAY_EXEC)
#define ACCESS_FLAGS (AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)
#define PERMISSIONS 0777
#define MODE_BITS 07777
/* What open(2) knows; it ignores other bits, openat2(2) refuses them. */
#define OPEN_KNOWN                                                                                 \
    (O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_DSYNC |         \
     FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME | O_CLOEXEC | O_SYNC | \
     O_PATH | O_TMPFILE)
#define RESOLVE_KNOWN                                                                  \
    (RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH | \
     RESOLVE_IN_ROOT | RESOLVE_CACHED)

/* Open n and give it a descriptor. */
static long open_name(const struct name *n, unsigned flags, uint32_t mode, unsigned walk)
{
    struct file *f;
    int err = vfs_open_how(n->at, n->text, flags, mode, walk, &f);
    if (err != 0) {
        return err == -EINTR ? -ERESTARTSYS : err;
    }
    return fd_give(f, 0, flags & O_CLOEXEC);
}

long sys_openat(int at, const char USER *name, int flags, unsigned mode)
{
    struct name n;
    int err = name_take(&n, at, name, 0);
    if (err != 0) {
        return err;
    }
    long fd = open_name(&n, (unsigned)flags & OPEN_KNOWN, mode & MODE_BITS, 0);
    name_drop(&n);
    return fd;
}

long sys_open(const char USER *name, int flags, unsigned mode)
{
    return sys_openat(AT_FDCWD, name, flags, mode);
}

long sys_creat(const char USER *name, unsigned mode)
{
    return sys_openat(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

static int read_how(struct open_how *how, const void USER *from, size_t size)
{
    if (size < sizeof(*how)) {
        return -EINVAL;
    }
    if (size > PAGE_SIZE) {
        return -E2BIG;
    }
    return uaccess_struct(how, sizeof(*how), from, size);
}

static int check_how(const struct open_how *how)
{
    bool creates = (how->flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0;
    unsigned alone = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    if ((how->flags & ~(uint64_t)OPEN_KNOWN) != 0 ||
        (how->resolve & ~(uint64_t)RESOLVE_KNOWN) != 0) {
        return -EINVAL;
    }
    if ((how->mode & ~(uint64_t)MODE_BITS) != 0 || (how->mode != 0 && !creates)) {
        return -EINVAL;
    }
    if ((how->flags & O_PATH) != 0 && (how->flags & ~(uint64_t)alone) != 0) {
        return -EINVAL;
    }
    if ((how->resolve & RESOLVE_BENEATH) != 0 && (how->resolve & RESOLVE_IN_ROOT) != 0) {
        return -EINVAL;
    }
    /* all is in memory, but Linux promises nothing for calls that change something */
    bool changes = creates || (how->flags & O_TRUNC) != 0;
    return (how->resolve & RESOLVE_CACHED) != 0 && changes ? -EAGAIN : 0;
}

/* How to walk. */
static unsigned walk_of(uint64_t resolve)
{
    static const struct {
        unsigned resolve, walk;
    } flags[] = {
        {RESOLVE_NO_SYMLINKS, WALK_NO_SYMLINKS}, {RESOLVE_NO_MAGICLINKS, WALK_NO_MAGIC},
        {RESOLVE_BENEATH, WALK_BENEATH},         {RESOLVE_IN_ROOT, WALK_IN_ROOT},
        {RESOLVE_NO_XDEV, WALK_NO_XDEV},
    };
    unsigned walk = 0;
    for (unsigned i = 0; i < ARRAY_LEN(flags); i++) {
        walk |= (resolve & flags[i].resolve) != 0 ? flags[i].walk : 0;
    }
    return walk;
}

long sys_openat2(int at, const char USER *name, const void USER *from, size_t size)
{
    struct name n;
    struct open_how how;
    int err = read_how(&how, from, size);
    err = err != 0 ? err : check_how(&how);
    if (err != 0) {
        return err;
    }
    err = name_take(&n, at, name, (how.resolve & RESOLVE_IN_ROOT) != 0 ? NAME_IN_ROOT : 0);
    if (err != 0) {
        return err;
    }
    long fd = open_name(&n, (unsigned)how.flags, (uint32_t)how.mode, walk_of(how.resolve));
    name_drop(&n);
    return fd;
}

long sys_faccessat2(int at, const char USER *name, int mode, int flags)
{
    struct path p;
    unsigned mask = (unsigned)mode;
    if ((mask & ~(unsigned)ACCESS_MASK) != 0 || ((unsigned)flags & ~(unsigned)ACCESS_FLAGS) != 0) {
        return -EINVAL;
    }
    int err = name_place(at, name, (unsigned)flags, &p);
    if (err != 0 || mask == 0) {
        if (err == 0) {
            path_put(&p);
        }
        return err;
    }
    err = access_check(p.vnode, mask, ((unsigned)flags & AT_EACCESS) == 0);
    bool stored = S_ISREG(p.vnode->mode) || S_ISDIR(p.vnode->mode) || S_ISLNK(p.vnode->mode);
    if (err == 0 && (mask & MAY_WRITE) != 0 && stored && p.vnode->mount->read_only) {
        err = -EROFS;
    }
    path_put(&p);
    return err;
}

long sys_faccessat(int at, const char USER *name, int mode)
{
    return sys_faccessat2(at, name, mode, 0);
}

long sys_access(const char USER *name, int mode)
{
    return sys_faccessat2(AT_FDCWD, name, mode, 0);
}

/* The part of a name below the root directory; names outside it are shown as Linux shows them. */
static const char *below_root(const char *name, const struct path *root, bool *outside)
{
    size_t len = strlen(root->name);
    *outside = false;
    if (len <= 1) {
        return name;
    }
    if (strncmp(name, root->name, len) == 0 && (name[len] == '/' || name[len] == 0)) {
        return name[len] == 0 ? "/" : name + len;
    }
    *outside = true;
    return name;
}

static long write_cwd(const struct path *cwd, const struct path *root, char USER *buf, size_t cap)
{
    static const char unreachable[] = "(unreachable)";
    struct vattr attr;
    bool outside;
    int err = cwd->vnode->ops->getattr(cwd->vnode, &attr);
    if (err != 0 || attr.nlink == 0) {
        return err != 0 ? err : -ENOENT;
    }
    const char *text = below_root(cwd->name, root, &outside);
    size_t skip = outside ? sizeof(unreachable) - 1 : 0;
    size_t len = strlen(text) + 1;
    if (skip + len > PATH_MAX) {
        return -ENAMETOOLONG;
    }
    if (skip + len > cap) {
        return -ERANGE;
    }
    err = uaccess_write(buf, unreachable, skip);
    err = err != 0 ? err : uaccess_write(buf + skip, text, len);
    return err != 0 ? err : (long)(skip + len);
}

long sys_getcwd(char USER *buf, size_t cap)
{
    struct path cwd;
    struct path root;
    namei_cwd(&cwd);
    namei_root(&root);
    long result =
        cwd.vnode == NULL || root.vnode == NULL ? -ENOMEM : write_cwd(&cwd, &root, buf, cap);
    path_put(&cwd);
    path_put(&root);
    return result;
}

static int change_directory(const struct path *p)
{
    int err = S_ISDIR(p->vnode->mode) ? access_check(p->vnode, MAY_EXEC, false) : -ENOTDIR;
    return err != 0 ? err : namei_set_cwd(p);
}

long sys_chdir(const char USER *name)
{
    struct path p;
    int err = name_place(AT_FDCWD, name, 0, &p);
    if (err == 0) {
        err = change_directory(&p);
        path_put(&p);
    }
    return err;
}

long sys_fchdir(int fd)
{
    struct fd_ref r = fd_borrow_any(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    int err = r.file->path != NULL ? change_directory(r.file->path) : -ENOTDIR;
    fd_return(r);
    return err;
}

long sys_chroot(const char USER *name)
{
    struct path p;
    int err = name_place(AT_FDCWD, name, 0, &p);
    if (err != 0) {
        return err;
    }
    err = S_ISDIR(p.vnode->mode) ? access_check(p.vnode, MAY_EXEC, false) : -ENOTDIR;
    err = err == 0 && !process_capable(CAP_SYS_CHROOT) ? -EPERM : err;
    err = err != 0 ? err : namei_set_root(&p);
    path_put(&p);
    return err;
}

long sys_umask(unsigned mask)
{
    return __atomic_exchange_n(&namei_umask, mask & PERMISSIONS, __ATOMIC_RELAXED);
}
