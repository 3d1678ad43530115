/* SPDX-License-Identifier: MIT */
/* Operations on the names of tmpfs: lookup, create, symlink, link, unlink, rename.
 *
 * Each but lookup takes fs->lock once: finds and checks everything, gets the memory it needs, then
 * changes names and link counts, which cannot fail. References are dropped after the lock.
 * Source: the manual page of each call; order of rename's errors as Linux has it. */
#include <asm/errno.h>
#include <linux/fs.h>

#include "fs/tmpnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

static void put_refs(struct tmpnode *n, unsigned refs)
{
    while (refs-- != 0) {
        vnode_put(&n->vnode);
    }
}

static struct tmpnode *get_parent(struct tmpnode *dir)
{
    spin_lock(&dir->vnode.lock);
    struct tmpnode *up = dir->parent;
    vnode_get(&up->vnode);
    spin_unlock(&dir->vnode.lock);
    return up;
}

/* A name that has to be looked for below. */
static int lookup_below(struct tmpnode *dir, const char *name, size_t len, struct tmpnode **out)
{
    struct tmpname *e;
    spin_lock(&dir->fs->lock);
    int err = tmpname_find(dir, name, len, &e);
    err = err != 0 ? err : tmpname_target(dir, e, out);
    if (err == 0) {
        vnode_get(&(*out)->vnode);
    }
    spin_unlock(&dir->fs->lock);
    return err;
}

int tmpdir_lookup(struct vnode *v, const char *name, size_t len, struct vnode **out)
{
    struct tmpnode *dir = tmpnode_of(v);
    struct tmpnode *n = dir;
    int err = 0;
    if (len == 1 && name[0] == '.') {
        vnode_get(v);
    } else if (len == 2 && name[0] == '.' && name[1] == '.') {
        n = get_parent(dir);
    } else {
        err = tmpname_known(dir, name, len, &n);
        err = err == -EAGAIN ? lookup_below(dir, name, len, &n) : err;
    }
    if (err == 0) {
        *out = &n->vnode;
    }
    return err;
}

/* May dir get this name? */
static int check_free(struct tmpnode *dir, const char *name, size_t len)
{
    struct tmpname *e;
    if (dir->attr.nlink == 0) {
        return -ENOENT; /* removed, but still somebody's current directory */
    }
    int err = tmpname_find(dir, name, len, &e);
    return err == 0 ? -EEXIST : err == -ENOENT ? 0 : err;
}

/* n, new and known to nobody else, under a name in dir; a reference of n goes to the name. */
static void enter(struct tmpnode *dir, struct tmpname *e, struct tmpnode *n)
{
    tmpfs_inherit(dir, n);
    n->attr.nlink = 1;
    if (S_ISDIR(n->vnode.mode)) {
        n->attr.nlink = 2;
        n->parent = dir;
        tmpnode_relink(dir, 1);
    }
    tmpname_add(dir, e, n);
    tmpnode_touch(dir, true);
}

/* Give n, new, the name; takes over one reference of n also on failure. */
static int enter_new(struct tmpnode *dir, const char *name, size_t len, struct tmpnode *n)
{
    if (n == NULL) {
        return -ENOMEM;
    }
    spin_lock(&dir->fs->lock);
    struct tmpname *e = NULL;
    int err = check_free(dir, name, len);
    if (err == 0) {
        e = tmpname_create(name, len);
        err = e == NULL ? -ENOMEM : 0;
    }
    if (err == 0) {
        enter(dir, e, n);
    }
    spin_unlock(&dir->fs->lock);
    if (err != 0) {
        vnode_put(&n->vnode);
    }
    return err;
}

int tmpdir_create(struct vnode *v, const char *name, size_t len, uint32_t mode, uint64_t rdev,
                  struct vnode **out)
{
    struct tmpnode *dir = tmpnode_of(v);
    struct tmpnode *n = tmpnode_create(dir->fs, mode, 0);
    if (n != NULL) {
        n->attr.rdev = S_ISCHR(mode) || S_ISBLK(mode) ? rdev : 0;
        vnode_get(&n->vnode); /* the caller's */
    }
    int err = enter_new(dir, name, len, n);
    if (err == 0) {
        *out = &n->vnode;
    } else if (n != NULL) {
        vnode_put(&n->vnode);
    }
    return err;
}

int tmpdir_symlink(struct vnode *v, const char *name, size_t len, const char *target)
{
    size_t target_len = strlen(target);
    struct tmpnode *dir = tmpnode_of(v);
    char *copy = heap_alloc(target_len + 1);
    if (copy == NULL) {
        return -ENOMEM;
    }
    struct tmpnode *n = tmpnode_create(dir->fs, S_IFLNK | 0777, 0);
    if (n == NULL) {
        heap_free(copy);
        return -ENOMEM;
    }
    memcpy(copy, target, target_len + 1);
    n->target = copy;
    n->attr.size = target_len;
    return enter_new(dir, name, len, n);
}

int tmpdir_link(struct vnode *v, const char *name, size_t len, struct vnode *linked)
{
    struct tmpnode *dir = tmpnode_of(v);
    if (linked->mount != v->mount) {
        return -EXDEV;
    }
    struct tmpnode *n = tmpnode_of(linked);
    struct tmpname *e = NULL;
    spin_lock(&dir->fs->lock);
    int err = check_free(dir, name, len);
    if (err == 0 && S_ISDIR(linked->mode)) {
        err = -EPERM;
    }
    if (err == 0 && n->attr.nlink == 0 && !n->linkable) {
        err = -ENOENT;
    }
    if (err == 0) {
        e = tmpname_create(name, len);
        err = e == NULL ? -ENOMEM : 0;
    }
    if (err == 0) {
        vnode_get(linked); /* the name's */
        tmpnode_relink(n, 1);
        n->linkable = false;
        tmpnode_touch(n, false);
        tmpname_add(dir, e, n);
        tmpnode_touch(dir, true);
    }
    spin_unlock(&dir->fs->lock);
    return err;
}

unsigned tmpdir_lose_name(struct tmpnode *dir, struct tmpnode *n)
{
    lock_assert_held(&dir->fs->lock);
    tmpnode_touch(n, false);
    if (S_ISDIR(n->vnode.mode)) {
        tmpnode_relink(dir, -1);
        tmpnode_relink(n, -(int)n->attr.nlink);
        vnode_get(&dir->vnode); /* for n->parent */
        return 1;
    }
    tmpnode_relink(n, -1);
    if (n->attr.nlink == 0 && n->shared) {
        rbtree_remove(&dir->fs->by_lower, &n->lower_node);
        n->shared = false;
        return 2;
    }
    return 1;
}

/* May n, found in a directory, go: by rmdir (is_rmdir) or by unlink? */
static int check_removable(struct tmpnode *n, bool is_rmdir)
{
    if (S_ISDIR(n->vnode.mode) != is_rmdir) {
        return is_rmdir ? -ENOTDIR : -EISDIR;
    }
    if (!is_rmdir) {
        return 0;
    }
    if (n->vnode.mounted_here != NULL) {
        return -EBUSY;
    }
    int err = tmpname_complete(n);
    return err != 0 ? err : n->nnames != 0 ? -ENOTEMPTY : 0;
}

int tmpdir_unlink(struct vnode *v, const char *name, size_t len, bool is_rmdir)
{
    struct tmpnode *dir = tmpnode_of(v);
    struct tmpnode *n = NULL;
    struct tmpname *e;
    unsigned refs = 0;
    spin_lock(&dir->fs->lock);
    int err = tmpname_find(dir, name, len, &e);
    err = err != 0 ? err : tmpname_target(dir, e, &n);
    err = err != 0 ? err : check_removable(n, is_rmdir);
    err = err != 0 ? err : tmpname_complete(dir);
    if (err == 0) {
        tmpname_remove(dir, e);
        refs = tmpdir_lose_name(dir, n);
        tmpnode_touch(dir, true);
    }
    spin_unlock(&dir->fs->lock);
    put_refs(n, refs);
    return err;
}

/* A rename: where from and to; to and replaced are NULL when the new name is free. */
struct rename {
    struct tmpnode *from_dir, *to_dir;
    struct tmpname *from, *to;
    struct tmpnode *moving, *replaced;
};

/* Is n at or below top? */
static bool is_below(const struct tmpnode *n, const struct tmpnode *top)
{
    while (n != top && n->parent != n) {
        n = n->parent;
    }
    return n == top;
}

static int rename_find(struct rename *r, const struct vnode_name *from, const struct vnode_name *to)
{
    int err = tmpname_find(r->from_dir, from->name, from->len, &r->from);
    err = err != 0 ? err : tmpname_target(r->from_dir, r->from, &r->moving);
    if (err != 0) {
        return err;
    }
    if (r->to_dir->attr.nlink == 0) {
        return -ENOENT;
    }
    err = tmpname_find(r->to_dir, to->name, to->len, &r->to);
    if (err == -ENOENT) {
        r->to = NULL;
        return 0;
    }
    return err != 0 ? err : tmpname_target(r->to_dir, r->to, &r->replaced);
}

/* Sets *same when both names are one file's: nothing to do. */
static int rename_check(const struct rename *r, unsigned flags, bool *same)
{
    bool exchange = (flags & RENAME_EXCHANGE) != 0;
    if (r->to != NULL && (flags & RENAME_NOREPLACE) != 0) {
        return -EEXIST;
    }
    if (r->to == NULL && exchange) {
        return -ENOENT;
    }
    if (S_ISDIR(r->moving->vnode.mode) && is_below(r->to_dir, r->moving)) {
        return -EINVAL;
    }
    if (r->to != NULL && S_ISDIR(r->replaced->vnode.mode) && is_below(r->from_dir, r->replaced)) {
        return exchange ? -EINVAL : -ENOTEMPTY;
    }
    *same = r->moving == r->replaced;
    if (*same) {
        return 0;
    }
    if (r->moving->vnode.mounted_here != NULL ||
        (r->replaced != NULL && r->replaced->vnode.mounted_here != NULL)) {
        return -EBUSY;
    }
    return exchange || r->to == NULL ? 0
                                     : check_removable(r->replaced, S_ISDIR(r->moving->vnode.mode));
}

/* A directory has come under dir. */
static void adopt(struct tmpnode *dir, struct tmpnode *n)
{
    if (S_ISDIR(n->vnode.mode) && n->parent != dir) {
        tmpnode_relink(n->parent, -1);
        tmpnode_relink(dir, 1);
        spin_lock(&n->vnode.lock);
        n->parent = dir;
        spin_unlock(&n->vnode.lock);
    }
}

static void rename_exchange(const struct rename *r)
{
    tmpname_point(r->from_dir, r->from, r->replaced);
    tmpname_point(r->to_dir, r->to, r->moving);
    adopt(r->to_dir, r->moving);
    adopt(r->from_dir, r->replaced);
    tmpnode_touch(r->replaced, false);
}

/* Returns references of r->replaced to drop. */
static unsigned rename_move(const struct rename *r, struct tmpname *fresh)
{
    unsigned refs = 0;
    tmpname_remove(r->from_dir, r->from);
    if (r->to != NULL) {
        refs = tmpdir_lose_name(r->to_dir, r->replaced);
        tmpname_point(r->to_dir, r->to, r->moving);
    } else {
        tmpname_add(r->to_dir, fresh, r->moving);
    }
    adopt(r->to_dir, r->moving);
    return refs;
}

int tmpdir_rename(const struct vnode_name *from, const struct vnode_name *to, unsigned flags)
{
    struct rename r = {.from_dir = tmpnode_of(from->dir)};
    struct tmpname *fresh = NULL;
    unsigned refs = 0;
    bool same = false;
    if (from->dir->mount != to->dir->mount) {
        return -EXDEV;
    }
    r.to_dir = tmpnode_of(to->dir);
    spin_lock(&r.from_dir->fs->lock);
    int err = rename_find(&r, from, to);
    err = err != 0 ? err : rename_check(&r, flags, &same);
    err = err != 0 ? err : tmpname_complete(r.from_dir);
    if (err == 0 && r.to == NULL) {
        fresh = tmpname_create(to->name, to->len);
        err = fresh == NULL ? -ENOMEM : 0;
    }
    if (err == 0 && !same) {
        if ((flags & RENAME_EXCHANGE) != 0) {
            rename_exchange(&r);
        } else {
            refs = rename_move(&r, fresh);
        }
        tmpnode_touch(r.moving, false);
        tmpnode_touch(r.from_dir, true);
        tmpnode_touch(r.to_dir, true);
    }
    spin_unlock(&r.from_dir->fs->lock);
    put_refs(r.replaced, refs);
    return err;
}
