/* SPDX-License-Identifier: MIT */
/* tmpfs: instances, the life of a node, attributes.
 *
 * Locks: tmpnode.h. References are dropped after locks are released, since the last one takes the
 * node apart.
 * Source: tmpfs(5), inode(7), statfs(2). */
#include "fs/tmpfs.h"

#include <asm/errno.h>
#include <linux/magic.h>

#include "fs/tmpnode.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/fileattr.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "platform/pages.h"

#define FIRST_INO (1UL << 40) /* of nodes made here, past every inode below */
#define ANONYMOUS_DEV 1
#define NAME_MAX 255

static const struct vnode_ops directory_ops, file_ops, symlink_ops, special_ops;

static struct tmpfs *fs_of(struct mount *m)
{
    return container_of(m, struct tmpfs, mount);
}

static const struct vnode_ops *ops_of(uint32_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFDIR: return &directory_ops;
    case S_IFREG: return &file_ops;
    case S_IFLNK: return &symlink_ops;
    default: return &special_ops;
    }
}

struct tmpnode *tmpnode_create(struct tmpfs *fs, uint32_t mode, uint64_t lower_ino)
{
    struct tmpnode *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        return NULL;
    }
    vnode_init(&n->vnode, ops_of(mode), &fs->mount, mode);
    n->fs = fs;
    n->lower_ino = lower_ino;
    n->complete = lower_ino == 0;
    list_init(&n->order);
    n->attr.ino = lower_ino;
    n->attr.mode = mode;
    if (lower_ino == 0) {
        n->attr.ino = __atomic_fetch_add(&fs->next_ino, 1, __ATOMIC_RELAXED);
        n->attr.uid = process.fsuid;
        n->attr.gid = process.fsgid;
        n->attr.size = S_ISDIR(mode) ? PAGE_SIZE : 0;
        n->attr.atime = n->attr.mtime = n->attr.ctime = n->attr.btime = fileattr_now();
    }
    __atomic_fetch_add(&fs->nodes, 1, __ATOMIC_RELAXED);
    return n;
}

static struct tmpnode *find_shared(const struct tmpfs *fs, uint64_t ino)
{
    for (struct rbnode *at = fs->by_lower.root; at != NULL;) {
        struct tmpnode *n = rb_entry(at, struct tmpnode, lower_node);
        if (n->lower_ino == ino) {
            return n;
        }
        at = at->child[ino > n->lower_ino];
    }
    return NULL;
}

static void add_shared(struct tmpfs *fs, struct tmpnode *n)
{
    struct rbnode *parent = NULL;
    struct rbnode **link = &fs->by_lower.root;
    while (*link != NULL) {
        parent = *link;
        link =
            &parent->child[n->lower_ino > rb_entry(parent, struct tmpnode, lower_node)->lower_ino];
    }
    rbtree_link(&fs->by_lower, &n->lower_node, parent, link);
    n->shared = true;
    vnode_get(&n->vnode);
}

/* A directory that contains itself: only a corrupted image has one. */
static bool is_above(const struct tmpnode *dir, uint64_t ino)
{
    while (dir->lower_ino != ino && dir->parent != dir) {
        dir = dir->parent;
    }
    return dir->lower_ino == ino;
}

static int create_from_lower(struct tmpfs *fs, uint64_t ino, struct tmpnode **out)
{
    struct vattr attr;
    int err = fs->lower->attr(ino, &attr);
    if (err != 0) {
        return err;
    }
    struct tmpnode *n = tmpnode_create(fs, attr.mode, ino);
    if (n == NULL) {
        return -ENOMEM;
    }
    n->lower_len = S_ISREG(attr.mode) ? attr.size : 0;
    n->attr = attr;
    n->attr.blocks = 0; /* counts pages of its own */
    *out = n;
    return 0;
}

int tmpnode_from_lower(struct tmpnode *dir, uint64_t ino, struct tmpnode **out)
{
    struct tmpfs *fs = dir->fs;
    lock_assert_held(&fs->lock);
    *out = find_shared(fs, ino);
    if (*out != NULL) {
        vnode_get(&(*out)->vnode);
        return 0;
    }
    if (is_above(dir, ino)) {
        log(FS, ERROR, "root image: directory %lu contains itself", ino);
        return -EUCLEAN;
    }
    int err = create_from_lower(fs, ino, out);
    if (err != 0) {
        return err;
    }
    if (S_ISDIR((*out)->vnode.mode)) {
        (*out)->parent = dir;
    } else if ((*out)->attr.nlink > 1) {
        add_shared(fs, *out);
    }
    return 0;
}

static void touch_locked(struct tmpnode *n, bool content)
{
    lock_assert_held(&n->vnode.lock);
    n->attr.ctime = fileattr_now();
    if (content) {
        n->attr.mtime = n->attr.ctime;
    }
}

void tmpnode_touch(struct tmpnode *n, bool content)
{
    spin_lock(&n->vnode.lock);
    touch_locked(n, content);
    spin_unlock(&n->vnode.lock);
}

void tmpnode_relink(struct tmpnode *n, int change)
{
    lock_assert_held(&n->fs->lock);
    spin_lock(&n->vnode.lock);
    n->attr.nlink += (uint32_t)change;
    spin_unlock(&n->vnode.lock);
}

/* Removed directories hold their parents: a loop, since the chain may be long and the stack is
 * not. */
static void node_release(struct vnode *v)
{
    struct tmpnode *n = tmpnode_of(v);
    while (n != NULL) {
        bool holds_parent = n->parent != NULL && n->parent != n;
        struct tmpnode *up = holds_parent ? n->parent : NULL;
        assert(n->names.root == NULL && !n->shared);
        __atomic_fetch_sub(&n->fs->nodes, 1, __ATOMIC_RELAXED);
        tmpdata_free(n);
        tmpxattr_free(n);
        heap_free(n);
        /* as vnode_put */
        bool last = up != NULL && __atomic_fetch_sub(&up->vnode.refs, 1, __ATOMIC_ACQ_REL) == 1;
        n = last ? up : NULL;
    }
}

static int node_getattr(struct vnode *v, struct vattr *out)
{
    struct tmpnode *n = tmpnode_of(v);
    spin_lock(&v->lock);
    *out = n->attr;
    uint64_t below = align_up(min(n->lower_len, n->attr.size), 512) / 512;
    spin_unlock(&v->lock);
    out->blocks = max(out->blocks, below);
    return 0;
}

static int node_setattr(struct vnode *v, const struct vattr *attr, unsigned which)
{
    struct tmpnode *n = tmpnode_of(v);
    if ((which & VATTR_SIZE) != 0) {
        int err = S_ISREG(v->mode) ? tmpdata_truncate(n, attr->size) : -EINVAL;
        if (err != 0) {
            return err;
        }
    }
    spin_lock(&v->lock);
    touch_locked(n, (which & VATTR_SIZE) != 0);
    if ((which & VATTR_MODE) != 0) {
        n->attr.mode = (n->attr.mode & S_IFMT) | (attr->mode & ~(uint32_t)S_IFMT);
        v->mode = n->attr.mode;
    }
    n->attr.uid = (which & VATTR_UID) != 0 ? attr->uid : n->attr.uid;
    n->attr.gid = (which & VATTR_GID) != 0 ? attr->gid : n->attr.gid;
    n->attr.atime = (which & VATTR_ATIME) != 0 ? attr->atime : n->attr.atime;
    n->attr.mtime = (which & VATTR_MTIME) != 0 ? attr->mtime : n->attr.mtime;
    spin_unlock(&v->lock);
    return 0;
}

static long symlink_readlink(struct vnode *v, char *buf, size_t cap)
{
    const struct tmpnode *n = tmpnode_of(v); /* a target never changes: no lock */
    size_t len = min(cap, (size_t)n->attr.size);
    if (n->target != NULL) {
        memcpy(buf, n->target, len);
        return (long)len;
    }
    int err = n->fs->lower->data(n->lower_ino, 0, buf, len);
    if (err == 0 && memchr(buf, 0, len) != NULL) {
        err = -EUCLEAN;
    }
    return err != 0 ? err : (long)len;
}

#define XATTR_OPS .getxattr = tmpxattr_get, .setxattr = tmpxattr_set, .listxattr = tmpxattr_list

static const struct vnode_ops directory_ops = {
    .lookup = tmpdir_lookup,
    .getattr = node_getattr,
    .setattr = node_setattr,
    .create = tmpdir_create,
    .symlink = tmpdir_symlink,
    .link = tmpdir_link,
    .unlink = tmpdir_unlink,
    .rename = tmpdir_rename,
    .readdir = tmpname_readdir,
    .create_unnamed = tmpfs_create_in,
    XATTR_OPS,
    .release = node_release,
};

static const struct vnode_ops file_ops = {
    .getattr = node_getattr,
    .setattr = node_setattr,
    .read = tmpdata_read,
    .write = tmpdata_write,
    .fallocate = tmpdata_fallocate,
    .seek = tmpdata_seek,
    .seals = true,
    .page = tmpdata_page,
    XATTR_OPS,
    .release = node_release,
};

static const struct vnode_ops symlink_ops = {
    .getattr = node_getattr,
    .setattr = node_setattr,
    .readlink = symlink_readlink,
    XATTR_OPS,
    .release = node_release,
};

/* Devices, FIFOs and sockets: attributes only, opening them is vfs_open's. */
static const struct vnode_ops special_ops = {
    .getattr = node_getattr,
    .setattr = node_setattr,
    XATTR_OPS,
    .release = node_release,
};

static void fs_statfs(struct mount *m, struct fs_stats *out)
{
    struct pages_stats pages;
    pages_stats(&pages);
    *out =
        (struct fs_stats){.type = TMPFS_MAGIC,
                          .block_size = PAGE_SIZE,
                          .blocks = pages.total,
                          .blocks_free = pages.free,
                          .files = __atomic_load_n(&fs_of(m)->nodes, __ATOMIC_RELAXED) + pages.free,
                          .files_free = pages.free,
                          .name_max = NAME_MAX};
}

static void fs_init(struct tmpfs *fs, const struct tmpfs_lower *lower, const char *source)
{
    *fs = (struct tmpfs){.lower = lower, .next_ino = FIRST_INO};
    list_init(&fs->mount.link);
    fs->mount.fs_name = "tmpfs";
    fs->mount.source = source;
    fs->mount.statfs = fs_statfs;
}

int tmpfs_create(const struct tmpfs_lower *lower, const char *source, uint32_t mode,
                 struct mount **out)
{
    int err = 0;
    struct tmpnode *root = NULL;
    struct tmpfs *fs = heap_alloc(sizeof(*fs));
    if (fs == NULL) {
        return -ENOMEM;
    }
    fs_init(fs, lower, source);
    if (lower != NULL) {
        err = create_from_lower(fs, lower->root, &root);
    } else {
        root = tmpnode_create(fs, S_IFDIR | mode, 0);
        err = root == NULL ? -ENOMEM : 0;
    }
    if (err != 0) {
        heap_free(fs);
        return err;
    }
    if (lower != NULL && mode != 0) {
        root->attr.mode = S_IFDIR | mode;
        root->vnode.mode = root->attr.mode;
    }
    root->attr.nlink = max(root->attr.nlink, 2U);
    root->parent = root;
    fs->mount.root = &root->vnode;
    *out = &fs->mount;
    return 0;
}

/* Take the first name out of dir. The lock is given up: a vnode's end takes it. */
static void drop_first_locked(struct tmpnode *dir)
{
    lock_assert_held(&dir->fs->lock);
    struct tmpname *e = list_entry(dir->order.next, struct tmpname, order);
    struct tmpnode *n = e->target;
    tmpname_remove(dir, e);
    for (unsigned refs = n != NULL ? tmpdir_lose_name(dir, n) : 0; refs != 0; refs--) {
        spin_unlock(&dir->fs->lock);
        vnode_put(&n->vnode);
        spin_lock(&dir->fs->lock);
    }
}

void tmpfs_destroy(struct mount *m)
{
    struct tmpfs *fs = fs_of(m);
    struct tmpnode *root = tmpnode_of(m->root);
    spin_lock(&fs->lock);
    for (struct tmpnode *at = root; at != root || !list_empty(&root->order);) {
        if (list_empty(&at->order)) {
            at = at->parent;
            continue;
        }
        struct tmpnode *first = list_entry(at->order.next, struct tmpname, order)->target;
        if (first != NULL && S_ISDIR(first->vnode.mode) && !list_empty(&first->order)) {
            at = first;
        } else {
            drop_first_locked(at);
        }
    }
    while (fs->by_lower.root != NULL) { /* files with names that were never looked at */
        struct tmpnode *n = rb_entry(fs->by_lower.root, struct tmpnode, lower_node);
        rbtree_remove(&fs->by_lower, &n->lower_node);
        n->shared = false;
        spin_unlock(&fs->lock);
        vnode_put(&n->vnode);
        spin_lock(&fs->lock);
    }
    spin_unlock(&fs->lock);
    vnode_put(m->root);
    assert(fs->nodes == 0);
    heap_free(fs);
}

/* Files without a name in any mounted file system live here. */
static struct tmpfs anonymous = {
    .next_ino = FIRST_INO,
    .mount = {.fs_name = "tmpfs", .source = "none", .dev = ANONYMOUS_DEV, .statfs = fs_statfs},
};

int tmpfs_create_anonymous(const char *name, unsigned flags, struct file **out)
{
    char shown[NAME_MAX + 1];
    struct tmpnode *n = tmpnode_create(&anonymous, S_IFREG | 0777, 0);
    if (n == NULL) {
        return -ENOMEM;
    }
    (void)string_copy(shown, sizeof(shown), name); /* a longer one is cut */
    struct path p = {&n->vnode, shown};
    int err = vfile_open(&p, flags, out);
    vnode_put(&n->vnode);
    return err;
}

void tmpfs_inherit(struct tmpnode *dir, struct tmpnode *n)
{
    spin_lock(&dir->vnode.lock);
    if ((dir->attr.mode & S_ISGID) != 0) {
        n->attr.gid = dir->attr.gid;
        n->attr.mode |= S_ISDIR(n->attr.mode) ? S_ISGID : 0;
        n->vnode.mode = n->attr.mode;
    }
    spin_unlock(&dir->vnode.lock);
}

int tmpfs_create_in(struct vnode *dir, uint32_t mode, bool linkable, struct vnode **out)
{
    struct tmpnode *d = tmpnode_of(dir);
    struct tmpnode *n = tmpnode_create(d->fs, S_IFREG | (mode & ~(uint32_t)S_IFMT), 0);
    if (n == NULL) {
        return -ENOMEM;
    }
    tmpfs_inherit(d, n);
    n->linkable = linkable;
    *out = &n->vnode;
    return 0;
}
