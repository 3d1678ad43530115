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
#include "fs/vnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

#define LINKS_MAX 40
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
    if ((o->flags & O_TRUNC) != 0 && S_ISREG(p->vnode->mode) && !o->created) {
        err = attr_truncate(p->vnode, 0);
    }
    unsigned kept = o->flags & ~(unsigned)OPEN_ONCE;
    kept |= (o->flags & O_PATH) != 0 ? 0 : O_LARGEFILE; /* F_GETFL shows it on x86-64 */
    return err != 0 ? err : vfile_open_any(p, kept, out);
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
    err = child_path(dir, name, v, out);
    if (err != 0) {
        vnode_put(v);
    }
    return err;
}

/* The target of the dangling symlink v, to be walked from its directory. */
static int link_target(struct vnode *v, const struct open *o, char **out)
{
    if ((o->flags & O_EXCL) != 0) {
        return -EEXIST;
    }
    if ((o->flags & O_NOFOLLOW) != 0 || (o->walk & WALK_NO_SYMLINKS) != 0) {
        return -ELOOP;
    }
    if (v->ops->jump != NULL) {
        return -ENOENT;
    }
    char *text = heap_alloc(PATH_MAX);
    if (text == NULL) {
        return -ENOMEM;
    }
    long n = v->ops->readlink(v, text, PATH_MAX - 1);
    if (n < 0) {
        heap_free(text);
        return (int)n;
    }
    text[n] = 0;
    *out = text;
    return 0;
}

/* One try at creating the missing name. On success with *next set, go on there from *dir: it is the
 * target of a symlink. */
static int create_missing(const struct path *at, const char *name, struct open *o, struct path *out,
                          struct path *dir, char **next)
{
    char last[NAME_MAX + 1];
    bool slash;
    struct vnode *v;
    *next = NULL;
    int err = namei_parent(at, name, dir, last, &slash);
    if (err != 0) {
        return err;
    }
    err = dir->vnode->ops->lookup(dir->vnode, last, strlen(last), &v);
    if (err == -ENOENT) {
        err = create_in(dir, last, o, out);
    } else if (err == 0) {
        err = S_ISLNK(v->mode) ? link_target(v, o, next) : -EEXIST;
        vnode_put(v);
    }
    if (err != 0 || *next == NULL) {
        path_put(dir);
    }
    return err;
}

/* A name that ends in a slash is a directory's, and O_CREAT makes none: the error. "./" and the
 * like are no names to be made, they exist. */
static int refuse_slash(const struct path *at, const char *name, bool excl)
{
    struct path dir;
    char last[NAME_MAX + 1];
    int err = namei_parent(at, name, &dir, last, NULL);
    if (err != 0) {
        return err;
    }
    path_put(&dir);
    bool special = last[0] == 0 || strcmp(last, ".") == 0 || strcmp(last, "..") == 0;
    return special && excl ? -EEXIST : -EISDIR;
}

/* The walk failed, but a last component that is missing, or a symlink, may say more. */
static bool look_closer(int err)
{
    return err == -ENOENT || err == -ELOOP || err == -ENOTDIR;
}

/* Find name or create it. */
static int find_or_create(const struct path *at, const char *name, struct open *o, struct path *out)
{
    struct path from = {NULL, NULL}; /* directory of the symlink whose target is walked */
    char *text = NULL;
    bool excl = (o->flags & O_EXCL) != 0;
    unsigned walk = o->walk | (excl ? WALK_NOFOLLOW : 0);
    int err = -ELOOP;
    for (unsigned links = 0; links < LINKS_MAX; links++) {
        struct path dir;
        char *next = NULL;
        size_t len = strlen(name);
        if (len > 0 && name[len - 1] == '/') { /* of a symlink's target too */
            err = refuse_slash(at, name, excl);
            break;
        }
        err = namei_walk(at, name, walk, out);
        if (err == 0 && excl) {
            path_put(out);
            err = -EEXIST;
        }
        if (!look_closer(err)) {
            break;
        }
        err = create_missing(at, name, o, out, &dir, &next);
        if (next == NULL && (err != -EEXIST || excl)) {
            break;
        }
        if (next != NULL) {
            path_put(&from);
            heap_free(text);
            from = dir;
            text = next;
            at = &from;
            name = text;
        }
        err = -ELOOP;
    }
    path_put(&from);
    heap_free(text);
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
