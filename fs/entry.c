/* SPDX-License-Identifier: MIT */
/* Making, removing and renaming names.
 *
 * Here are the rules that hold for every file system: permissions, types, mount points, ancestors.
 * The file system itself refuses what it alone can see (-EEXIST of a race, -ENOTEMPTY).
 * Source: mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2), rename(2), inode(7). */
#include "fs/entry.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "fs/attr.h"
#include "fs/inotify.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/process.h"

#define MODE_BITS 07777

/* A name to be changed: the directory it is in, and what it leads to. */
struct entry {
    struct path dir;
    struct vnode *vnode; /* referenced, NULL: there is no such name */
    bool slash; /* the name ended in '/' */
    char name[NAME_MAX + 1];
};

static bool is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/* An ordinary last component: neither "/" nor "." nor "..". */
static bool is_ordinary(const struct entry *e)
{
    return e->name[0] != 0 && !is_dots(e->name);
}

static void entry_put(struct entry *e)
{
    if (e->vnode != NULL) {
        vnode_put(e->vnode);
    }
    path_put(&e->dir);
}

static int entry_find(const struct path *at, const char *name, struct entry *e)
{
    e->vnode = NULL;
    int err = namei_parent(at, name, &e->dir, e->name, &e->slash);
    if (err != 0 || !is_ordinary(e)) {
        return err;
    }
    struct vnode *dir = e->dir.vnode;
    err = dir->ops->lookup(dir, e->name, strlen(e->name), &e->vnode);
    if (err == -ENOENT) {
        e->vnode = NULL;
        return 0;
    }
    if (err != 0) {
        path_put(&e->dir);
    }
    return err;
}

/* May names of dir be changed? */
static int check_directory(struct vnode *dir)
{
    int err = dir->mount->read_only ? -EROFS : 0;
    return err != 0 ? err : access_check(dir, MAY_WRITE | MAY_EXEC, false);
}

/* Find a name that must not exist yet, in a directory that takes it. */
static int entry_find_new(const struct path *at, const char *name, bool is_dir, struct entry *e)
{
    int err = entry_find(at, name, e);
    if (err != 0) {
        return err;
    }
    if (!is_ordinary(e) || e->vnode != NULL) {
        err = -EEXIST;
    } else if (e->slash && !is_dir) {
        err = -ENOENT;
    } else {
        err = check_directory(e->dir.vnode);
    }
    if (err != 0) {
        entry_put(e);
    }
    return err;
}

int entry_make_node(const struct path *at, const char *name, uint32_t mode, uint64_t rdev,
                    struct vnode **out)
{
    struct entry e;
    bool device = S_ISCHR(mode) || S_ISBLK(mode);
    int err = entry_find_new(at, name, S_ISDIR(mode), &e);
    if (err != 0) {
        return err;
    }
    const struct vnode_ops *ops = e.dir.vnode->ops;
    mode = (mode & S_IFMT) | (mode & MODE_BITS & ~namei_umask);
    if (device && !process_capable(CAP_MKNOD)) {
        err = -EPERM;
    } else if (ops->create == NULL) {
        err = -EROFS;
    } else {
        err = ops->create(e.dir.vnode, e.name, strlen(e.name), mode, rdev, out);
    }
    if (err == 0) {
        inotify_name(e.dir.vnode, e.name, *out, IN_CREATE);
    }
    entry_put(&e);
    return err;
}

int entry_make(const struct path *at, const char *name, uint32_t mode, uint64_t rdev)
{
    struct vnode *v;
    int err = entry_make_node(at, name, mode, rdev, &v);
    if (err == 0) {
        vnode_put(v);
    }
    return err;
}

/* A name without a vnode at hand was made. */
static void told_created(const struct entry *e)
{
    struct vnode *v;
    struct vnode *dir = e->dir.vnode;
    if (inotify_active() && dir->ops->lookup(dir, e->name, strlen(e->name), &v) == 0) {
        inotify_name(dir, e->name, v, IN_CREATE);
        vnode_put(v);
    }
}

int entry_symlink(const char *target, const struct path *at, const char *name)
{
    struct entry e;
    int err = entry_find_new(at, name, false, &e);
    if (err != 0) {
        return err;
    }
    const struct vnode_ops *ops = e.dir.vnode->ops;
    err = ops->symlink != NULL ? ops->symlink(e.dir.vnode, e.name, strlen(e.name), target) : -EPERM;
    if (err == 0) {
        told_created(&e);
    }
    entry_put(&e);
    return err;
}

int entry_link(struct vnode *v, const struct path *at, const char *name)
{
    struct entry e;
    int err = entry_find_new(at, name, false, &e);
    if (err != 0) {
        return err;
    }
    const struct vnode_ops *ops = e.dir.vnode->ops;
    if (v->mount != e.dir.vnode->mount) {
        err = -EXDEV;
    } else if (ops->link == NULL) {
        err = -EPERM;
    } else {
        err = ops->link(e.dir.vnode, e.name, strlen(e.name), v);
    }
    if (err == 0) {
        inotify_node(v, IN_ATTRIB);
        inotify_name(e.dir.vnode, e.name, v, IN_CREATE);
    }
    entry_put(&e);
    return err;
}

/* The sticky bit: only the owner of the file or of the directory. */
static int check_sticky(struct vnode *dir, struct vnode *victim)
{
    struct vattr attr;
    struct vattr dir_attr;
    int err = dir->ops->getattr(dir, &dir_attr);
    if (err != 0 || (dir_attr.mode & S_ISVTX) == 0 || attr_owns(&dir_attr)) {
        return err;
    }
    err = victim->ops->getattr(victim, &attr);
    return err != 0 ? err : attr_owns(&attr) ? 0 : -EPERM;
}

/* May the name e go, as a directory or as something else? */
static int check_removal(const struct entry *e, bool as_dir)
{
    struct vnode *v = e->vnode;
    int err = check_directory(e->dir.vnode);
    err = err != 0 ? err : check_sticky(e->dir.vnode, v);
    if (err != 0) {
        return err;
    }
    if (as_dir && !S_ISDIR(v->mode)) {
        return -ENOTDIR;
    }
    if (!as_dir && S_ISDIR(v->mode)) {
        return -EISDIR;
    }
    return v->mounted_here != NULL || v == v->mount->root ? -EBUSY : 0;
}

/* Names that are no entry of their own: "/", "." and "..". */
static int refuse_special(const struct entry *e, bool is_rmdir)
{
    if (!is_rmdir) {
        return -EISDIR;
    }
    return e->name[0] == 0 ? -EBUSY : e->name[1] == 0 ? -EINVAL : -ENOTEMPTY;
}

static int refuse_slash(const struct vnode *v)
{
    return v == NULL ? -ENOENT : S_ISDIR(v->mode) ? -EISDIR : -ENOTDIR;
}

/* v has lost a name. */
static void tell_removed(struct vnode *v)
{
    if (!S_ISDIR(v->mode)) {
        inotify_node(v, IN_ATTRIB);
    }
    inotify_gone(v);
}

int entry_remove(const struct path *at, const char *name, bool is_rmdir)
{
    struct entry e;
    int err = entry_find(at, name, &e);
    if (err != 0) {
        return err;
    }
    if (!is_ordinary(&e)) {
        err = refuse_special(&e, is_rmdir);
    } else if (e.slash && !is_rmdir) {
        err = refuse_slash(e.vnode);
    } else if (e.vnode == NULL) {
        err = -ENOENT;
    } else {
        err = check_removal(&e, is_rmdir);
    }
    struct vnode *dir = e.dir.vnode;
    if (err == 0) {
        err = dir->ops->unlink != NULL ? dir->ops->unlink(dir, e.name, strlen(e.name), is_rmdir)
                                       : -EROFS;
    }
    if (err == 0) {
        tell_removed(e.vnode);
        inotify_name(dir, e.name, e.vnode, IN_DELETE);
    }
    entry_put(&e);
    return err;
}

/* v is dir or above it. */
static int is_above(const struct vnode *v, struct vnode *dir, bool *above)
{
    int err = 0;
    vnode_get(dir);
    while (dir != v && dir != dir->mount->root && err == 0) {
        struct vnode *up;
        err = dir->ops->lookup(dir, "..", 2, &up);
        if (err == 0) {
            vnode_put(dir);
            dir = up;
        }
    }
    *above = dir == v;
    vnode_put(dir);
    return err;
}

/* Neither name may lie inside what the other one leads to. */
static int check_ancestors(const struct entry *from, const struct entry *to, unsigned flags)
{
    bool above = false;
    int err = S_ISDIR(from->vnode->mode) ? is_above(from->vnode, to->dir.vnode, &above) : 0;
    if (err != 0 || above) {
        return err != 0 ? err : -EINVAL;
    }
    if (to->vnode != NULL && S_ISDIR(to->vnode->mode)) {
        err = is_above(to->vnode, from->dir.vnode, &above);
    }
    if (err != 0 || above) {
        return err != 0 ? err : (flags & RENAME_EXCHANGE) != 0 ? -EINVAL : -ENOTEMPTY;
    }
    return 0;
}

/* Trailing slashes say "directory". */
static int check_slashes(const struct entry *from, const struct entry *to, unsigned flags)
{
    bool exchange = (flags & RENAME_EXCHANGE) != 0;
    if (exchange && to->slash && !S_ISDIR(to->vnode->mode)) {
        return -ENOTDIR;
    }
    bool wrong = from->slash || (!exchange && to->slash);
    return wrong && !S_ISDIR(from->vnode->mode) ? -ENOTDIR : 0;
}

static int check_rename(const struct entry *from, const struct entry *to, unsigned flags)
{
    if (from->vnode == NULL) {
        return -ENOENT;
    }
    if (to->vnode != NULL && (flags & RENAME_NOREPLACE) != 0) {
        return -EEXIST;
    }
    if (to->vnode == NULL && (flags & RENAME_EXCHANGE) != 0) {
        return -ENOENT;
    }
    int err = check_slashes(from, to, flags);
    return err != 0 ? err : check_ancestors(from, to, flags);
}

/* Permissions on both sides, once the shape of the rename is known to be good. */
static int check_rename_rights(const struct entry *from, const struct entry *to, unsigned flags)
{
    assert(from->vnode != NULL); /* check_rename */
    bool is_dir = S_ISDIR(from->vnode->mode);
    bool exchange = (flags & RENAME_EXCHANGE) != 0;
    bool moves = from->dir.vnode != to->dir.vnode;
    int err = check_removal(from, is_dir);
    if (err == 0 && to->vnode != NULL) {
        err = check_removal(to, exchange ? S_ISDIR(to->vnode->mode) : is_dir);
    } else if (err == 0) {
        err = check_directory(to->dir.vnode);
    }
    if (err == 0 && is_dir && moves) { /* its ".." changes */
        err = access_check(from->vnode, MAY_WRITE, false);
    }
    if (err == 0 && exchange && moves && S_ISDIR(to->vnode->mode)) {
        err = access_check(to->vnode, MAY_WRITE, false);
    }
    return err;
}

static void tell_moved(const struct entry *from, const struct entry *to)
{
    uint32_t cookie = inotify_cookie();
    inotify_name_event(from->dir.vnode, from->name, from->vnode, IN_MOVED_FROM, cookie);
    inotify_name_event(to->dir.vnode, to->name, from->vnode, IN_MOVED_TO, cookie);
}

static void tell_renamed(const struct entry *from, const struct entry *to, unsigned flags)
{
    tell_moved(from, to);
    if (to->vnode != NULL && (flags & RENAME_EXCHANGE) == 0) {
        tell_removed(to->vnode);
    }
    inotify_node(from->vnode, IN_MOVE_SELF);
    if (to->vnode != NULL && (flags & RENAME_EXCHANGE) != 0) {
        tell_moved(to, from);
        inotify_node(to->vnode, IN_MOVE_SELF);
    }
}

static int rename_found(const struct entry *from, const struct entry *to, unsigned flags)
{
    struct vnode *dir = from->dir.vnode;
    if (dir->mount != to->dir.vnode->mount) {
        return -EXDEV;
    }
    if (!is_ordinary(from)) {
        return -EBUSY;
    }
    if (!is_ordinary(to)) {
        return (flags & RENAME_NOREPLACE) != 0 ? -EEXIST : -EBUSY;
    }
    int err = dir->mount->read_only || dir->ops->rename == NULL ? -EROFS : 0;
    err = err != 0 ? err : check_rename(from, to, flags);
    if (err != 0 || from->vnode == to->vnode) {
        return err;
    }
    err = check_rename_rights(from, to, flags);
    struct vnode_name old = {dir, from->name, strlen(from->name)};
    struct vnode_name fresh = {to->dir.vnode, to->name, strlen(to->name)};
    err = err != 0 ? err : dir->ops->rename(&old, &fresh, flags);
    if (err == 0 && inotify_active()) {
        tell_renamed(from, to, flags);
    }
    return err;
}

int entry_rename(const struct path *from_at, const char *from, const struct path *to_at,
                 const char *to, unsigned flags)
{
    struct entry old;
    struct entry fresh;
    int err = entry_find(from_at, from, &old);
    if (err != 0) {
        return err;
    }
    err = entry_find(to_at, to, &fresh);
    if (err == 0) {
        err = rename_found(&old, &fresh, flags);
        entry_put(&fresh);
    }
    entry_put(&old);
    return err;
}
