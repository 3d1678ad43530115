/* SPDX-License-Identifier: MIT */
/* Opening names.
 *
 * What exists is opened after the checks of its type and permissions; with O_CREAT a missing last
 * component is created, behind a dangling symlink too. Two threads that create the same name meet
 * in the file system's create: the loser gets -EEXIST and starts over. Source: open(2),
 * openat2(2). */
#include <asm/errno.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "fs/attr.h"
#include "fs/inotify.h"
#include "fs/vnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

#define TMPFILE_ONLY (O_TMPFILE & ~O_DIRECTORY)
#define OPEN_ONCE (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC) /* not kept as status */
#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC)

struct open {
    unsigned flags, walk;
    uint32_t mode; /* permissions of what is created, umask applied */
    bool created;
};

/* MAY_* that the access mode asks for. */
static unsigned access_mask(unsigned flags)
{
    static const unsigned masks[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE,
                                     MAY_READ | MAY_WRITE};
    return masks[flags & O_ACCMODE] | ((flags & O_TRUNC) != 0 ? MAY_WRITE : 0);
}

static int check_flags(unsigned *flags)
{
    if ((*flags & O_PATH) != 0) {
        *flags &= PATH_FLAGS;
        return 0;
    }
    bool writes = (*flags & O_ACCMODE) != O_RDONLY;
    if ((*flags & TMPFILE_ONLY) != 0) {
        return (*flags & O_DIRECTORY) != 0 && (*flags & O_CREAT) == 0 && writes ? 0 : -EINVAL;
    }
    return (*flags & (O_CREAT | O_DIRECTORY)) == (O_CREAT | O_DIRECTORY) ? -EINVAL : 0;
}

/* May the process open what exists? */
static int check_existing(struct vnode *v, const struct open *o)
{
    unsigned mask = access_mask(o->flags);
    if ((o->flags & O_PATH) != 0) {
        return 0;
    }
    if ((o->flags & O_CREAT) != 0 && S_ISDIR(v->mode)) {
        return -EISDIR;
    }
    if (S_ISLNK(v->mode)) {
        return -ELOOP;
    }
    if (S_ISDIR(v->mode) && (mask & MAY_WRITE) != 0) {
        return -EISDIR;
    }
    bool stored = S_ISDIR(v->mode) || S_ISREG(v->mode);
    if (stored && (mask & MAY_WRITE) != 0 && v->mount->read_only) {
        return -EROFS;
    }
    int err = access_check(v, mask, false);
    if (err == 0 && v->executing && (mask & MAY_WRITE) != 0) {
        err = -ETXTBSY;
    }
    struct vattr attr;
    if (err == 0 && (o->flags & O_NOATIME) != 0) {
        err = v->ops->getattr(v, &attr);
        err = err == 0 && !attr_owns(&attr) ? -EPERM : err;
    }
    return err;
}

/* Open p, which exists or was made just now. */
static int open_place(const struct path *p, const struct open *o, struct file **out)
{
    int err = o->created ? 0 : check_existing(p->vnode, o);
    if (err != 0) {
        return err;
    }
    bool truncated = (o->flags & O_TRUNC) != 0 && S_ISREG(p->vnode->mode) && !o->created;
    if (truncated) {
        err = attr_truncate(p->vnode, 0);
    }
    unsigned kept = o->flags & ~(unsigned)OPEN_ONCE;
    kept |= (o->flags & O_PATH) != 0 ? 0 : O_LARGEFILE; /* F_GETFL shows it on x86-64 */
    err = err != 0 ? err : vfile_open_any(p, kept, out);
    if (err == 0) {
        inotify_file(*out, IN_OPEN);
    }
    if (err == 0 && truncated) {
        inotify_path(p, IN_MODIFY);
    }
    return err;
}

/* path of name in dir. */
static int child_path(const struct path *dir, const char *name, struct vnode *v, struct path *out)
{
    size_t dir_len = strlen(dir->name);
    size_t len = strlen(name);
    bool slash = dir_len > 1;
    char *text = heap_alloc(dir_len + slash + len + 1);
    if (text == NULL) {
        return -ENOMEM;
    }
    memcpy(text, dir->name, dir_len);
    text[dir_len] = '/';
    memcpy(text + dir_len + slash, name, len + 1);
    *out = (struct path){v, text};
    return 0;
}

static int create_in(const struct path *dir, const char *name, struct open *o, struct path *out)
{
    struct vnode *v;
    const struct vnode_ops *ops = dir->vnode->ops;
    if (dir->vnode->mount->read_only || ops->create == NULL) {
        return -EROFS;
    }
    int err = access_check(dir->vnode, MAY_WRITE | MAY_EXEC, false);
    err = err != 0 ? err : ops->create(dir->vnode, name, strlen(name), S_IFREG | o->mode, 0, &v);
    if (err != 0) {
        return err;
    }
    o->created = true;
    inotify_name(dir->vnode, name, v, IN_CREATE);
    err = child_path(dir, name, v, out);
    if (err != 0) {
        vnode_put(v);
    }
    return err;
}

/* The walk failed, but a last component that is missing, or a symlink, may say more. */
static bool look_closer(int err)
{
    return err == -ENOENT || err == -ELOOP || err == -ENOTDIR;
}

/* One try at creating what name leads to. -EEXIST: it is there (by now). */
static int create_missing(const struct path *at, const char *name, struct open *o, unsigned walk,
                          struct path *out)
{
    char last[NAME_MAX + 1];
    bool slash;
    struct path dir;
    struct vnode *v;
    int err = namei_target(at, name, walk, &dir, last, &slash);
    if (err != 0) {
        return err;
    }
    bool special = last[0] == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
    if (slash || special) { /* a directory's name, and O_CREAT makes none */
        err = special && (o->flags & O_EXCL) != 0 ? -EEXIST : -EISDIR;
    } else {
        err = dir.vnode->ops->lookup(dir.vnode, last, strlen(last), &v);
        if (err == 0) {
            vnode_put(v);
            err = -EEXIST;
        } else if (err == -ENOENT) {
            err = create_in(&dir, last, o, out);
        }
    }
    path_put(&dir);
    return err;
}

/* Find name or create it: until one of the two succeeds, since other threads create and remove,
 * too. */
static int find_or_create(const struct path *at, const char *name, struct open *o, struct path *out)
{
    bool excl = (o->flags & O_EXCL) != 0;
    unsigned walk = o->walk | (excl ? WALK_NOFOLLOW : 0);
    int err;
    do {
        err = excl ? -ENOENT : namei_walk(at, name, walk, out);
        err = look_closer(err) ? create_missing(at, name, o, walk, out) : err;
    } while (err == -EEXIST && !excl);
    return err;
}

static int open_create(const struct path *at, const char *name, struct open *o, struct file **out)
{
    struct path p;
    int err = find_or_create(at, name, o, &p);
    if (err == 0) {
        err = open_place(&p, o, out);
        path_put(&p);
    }
    return err;
}

/* O_TMPFILE: a file without a name in directory p. */
static int open_unnamed(const struct path *dir, struct open *o, struct file **out)
{
    struct vnode *v;
    struct path p;
    const struct vnode_ops *ops = dir->vnode->ops;
    if (dir->vnode->mount->read_only || ops->create == NULL) {
        return -EROFS;
    }
    int err = ops->create_unnamed == NULL ? -EOPNOTSUPP : 0;
    err = err != 0 ? err : access_check(dir->vnode, MAY_WRITE | MAY_EXEC, false);
    err = err != 0
              ? err
              : ops->create_unnamed(dir->vnode, S_IFREG | o->mode, (o->flags & O_EXCL) == 0, &v);
    if (err != 0) {
        return err;
    }
    err = child_path(dir, "#unnamed (deleted)", v, &p);
    if (err != 0) {
        vnode_put(v);
        return err;
    }
    o->created = true;
    o->flags &= ~(unsigned)O_DIRECTORY;
    err = open_place(&p, o, out);
    path_put(&p);
    return err;
}

int vfs_open_how(const struct path *at, const char *name, unsigned flags, uint32_t mode,
                 unsigned walk, struct file **out)
{
    struct open o = {.walk = walk, .mode = mode & 07777 & ~namei_umask};
    struct path p;
    int err = check_flags(&flags);
    if (err != 0) {
        return err;
    }
    o.flags = flags;
    o.walk |= (flags & O_DIRECTORY) != 0 ? WALK_DIRECTORY : 0;
    o.walk |= (flags & O_NOFOLLOW) != 0 ? WALK_NOFOLLOW : 0;
    if ((flags & O_CREAT) != 0) {
        return open_create(at, name, &o, out);
    }
    err = namei_walk(at, name, o.walk, &p);
    if (err != 0) {
        return err;
    }
    err = (flags & TMPFILE_ONLY) != 0 ? open_unnamed(&p, &o, out) : open_place(&p, &o, out);
    path_put(&p);
    return err;
}

int vfs_open(const struct path *at, const char *name, unsigned flags, uint32_t mode,
             struct file **out)
{
    return vfs_open_how(at, name, flags, mode, 0, out);
}
