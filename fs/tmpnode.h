/* SPDX-License-Identifier: MIT */
/* Nodes of tmpfs: what tmpfs.c (instances and nodes), tmpname.c (the names of a directory),
 * tmpdir.c (operations on names) and tmpdata.c (contents) share.
 *
 * References: a name holds one of its target, fs->by_lower one of each of its nodes, the mount
 * one of the root, and a directory that was removed one of its last parent. So a node without
 * references has no links and goes.
 *
 * Locks: fs->lock makes changes to the tree of names one at a time. Each node's own lock,
 * vnode.lock, guards its attributes and contents, and lets a directory's names be read without
 * fs->lock: [T] fields are written under both and read under either. So lookups in different
 * directories, and reads and writes of different files, share no lock. Order: fs->lock, then one
 * vnode.lock. */
#ifndef FS_TMPNODE_H
#define FS_TMPNODE_H

#include "fs/tmpfs.h"
#include "kernel/base/rbtree.h"

struct tmpfs {
    struct mount mount; /* [I] */
    const struct tmpfs_lower *lower; /* [I] NULL: none */
    uint64_t next_ino; /* [A] for nodes without a lower inode */
    uint64_t nodes, pages; /* [A] for statfs */
    /* [lock] files with several names below, by lower inode: one node for all names of each */
    struct rbtree by_lower;
    struct spinlock lock; /* changes to names and links of all its nodes */
};

/* A page of contents that differs from what lies below. */
struct tmppage {
    struct rbnode node; /* [L of the tmpnode] as all here */
    uint64_t index;
    struct page *page; /* counted */
    bool unwritten; /* set aside by fallocate and all zero: a hole to SEEK_DATA */
};

/* A name in a directory. T: as in that directory. */
struct tmpname {
    struct rbnode node; /* [T] by hash, then by name */
    struct list order; /* [T] in order of creation, for readdir */
    uint64_t cookie; /* [I] position for readdir, ascending */
    uint32_t hash; /* [I] */
    uint16_t len; /* [I] */
    uint8_t dtype; /* [T] DT_* */
    struct tmpnode *target; /* [T] NULL while the lower inode has not been looked at */
    uint64_t lower_ino; /* [I] with target NULL */
    char name[]; /* [I] */
};

struct tmpnode {
    struct vnode vnode;
    struct tmpfs *fs; /* [I] */
    struct rbnode lower_node; /* [fs->lock] in fs->by_lower */
    uint64_t lower_ino; /* [I] 0: nothing below */
    uint64_t lower_len; /* [L] contents below are valid up to here */
    struct rbtree xattrs; /* [L] extended attributes */
    struct vattr attr; /* [L] size, times, mode ...; [T] nlink; [I] ino, rdev, type of mode */
    /* directories */
    struct rbtree names; /* [T] */
    struct list order; /* [T] */
    uint64_t next_cookie; /* [T] */
    uint64_t nnames; /* [T] */
    struct tmpname *resume; /* [L] where the last readdir stopped, NULL */
    /* [T] A parent outlives its names. Itself for the root; NULL before the first name;
     * referenced once the directory is removed. */
    struct tmpnode *parent;
    bool complete; /* [T] the lower directory's names have all been taken in */
    bool shared; /* [fs->lock] in fs->by_lower */
    bool linkable; /* [fs->lock] made without a name, may get one (O_TMPFILE) */
    /* regular files and symlinks */
    struct rbtree pages; /* [L] struct tmppage by index */
    char *target; /* [I] symlinks made here: heap */
};

static inline struct tmpnode *tmpnode_of(struct vnode *v)
{
    return container_of(v, struct tmpnode, vnode);
}

/* tmpnode_create: a node with one vnode reference and nlink 0. NULL: out of memory. */
struct tmpnode *tmpnode_create(struct tmpfs *fs, uint32_t mode, uint64_t lower_ino);

/* tmpnode_from_lower: the node of lower inode ino, which has a name in dir: with a new reference.
 * Returns 0, -ENOMEM, -EUCLEAN. Context: takes none, needs fs->lock. */
MUST_CHECK int tmpnode_from_lower(struct tmpnode *dir, uint64_t ino, struct tmpnode **out);

/* tmpfs_inherit: n, which nobody else knows yet, is made in dir: take over what a set-group-ID
 * directory passes on. Takes dir's lock. */
void tmpfs_inherit(struct tmpnode *dir, struct tmpnode *n);

/* tmpnode_touch: set mtime and ctime (content changed) or ctime only. Takes n's lock, as
 * tmpnode_relink, which changes the number of links. */
void tmpnode_touch(struct tmpnode *n, bool content);
void tmpnode_relink(struct tmpnode *n, int change);

/* tmpname.c: the names of a directory. All need fs->lock and take dir's, but readdir and known take
 * what they need themselves. */

/* tmpname_known: the node of a name, with a new reference, when it can be told without fs->lock.
 * 0, -ENOENT; -EAGAIN: ask again under fs->lock. */
MUST_CHECK int tmpname_known(struct tmpnode *dir, const char *name, size_t len,
                             struct tmpnode **out);

/* tmpname_find: the name in dir, from below if need be. 0, -ENOENT, -ENOMEM, or the lower's
 * error. */
MUST_CHECK int tmpname_find(struct tmpnode *dir, const char *name, size_t len,
                            struct tmpname **out);
/* tmpname_target: the node that e stands for, without a new reference. 0, -ENOMEM, -EUCLEAN. */
MUST_CHECK int tmpname_target(struct tmpnode *dir, struct tmpname *e, struct tmpnode **out);
/* tmpname_complete: take in all names from below, before one is taken away. */
MUST_CHECK int tmpname_complete(struct tmpnode *dir);
/* tmpname_create: a name that is in no directory yet. NULL: out of memory; heap_free undoes it. */
struct tmpname *tmpname_create(const char *name, size_t len);
/* tmpname_add: put e, for target, into dir; takes over a reference of target, which may be NULL. */
void tmpname_add(struct tmpnode *dir, struct tmpname *e, struct tmpnode *target);
/* tmpname_remove: take e out of dir and free it; the reference of its target is the caller's. */
void tmpname_remove(struct tmpnode *dir, struct tmpname *e);
/* tmpname_point: e stands for n from now on. */
void tmpname_point(struct tmpnode *dir, struct tmpname *e, struct tmpnode *n);
int tmpname_readdir(struct vnode *v, uint64_t cursor, dir_emit_fn emit, void *ctx);

/* tmpdir.c: operations on names, as struct vnode_ops has them. */
int tmpdir_lookup(struct vnode *v, const char *name, size_t len, struct vnode **out);
int tmpdir_create(struct vnode *v, const char *name, size_t len, uint32_t mode, uint64_t rdev,
                  struct vnode **out);
int tmpdir_symlink(struct vnode *v, const char *name, size_t len, const char *target);
int tmpdir_link(struct vnode *v, const char *name, size_t len, struct vnode *linked);
int tmpdir_unlink(struct vnode *v, const char *name, size_t len, bool is_rmdir);
int tmpdir_rename(const struct vnode_name *from, const struct vnode_name *to, unsigned flags);
/* tmpdir_lose_name: n has a name less, one in dir. Returns how many references of n that leaves
 * to be dropped once the lock is released. Needs fs->lock. */
MUST_CHECK unsigned tmpdir_lose_name(struct tmpnode *dir, struct tmpnode *n);

/* tmpdata.c: contents. */
long tmpdata_read(struct vnode *v, struct iov_iter *it, uint64_t pos);
long tmpdata_write(struct vnode *v, struct iov_iter *it, uint64_t pos);
int tmpdata_page(struct vnode *v, uint64_t index, bool write, struct file_page *out);
int tmpdata_truncate(struct tmpnode *n, uint64_t len);
int tmpdata_seek(struct vnode *v, uint64_t from, bool hole, uint64_t *out);
int tmpdata_fallocate(struct vnode *v, int mode, uint64_t offset, uint64_t len);
void tmpdata_free(struct tmpnode *n);

/* tmpxattr.c: extended attributes. */
long tmpxattr_get(struct vnode *v, const char *key, void *buf, size_t cap);
int tmpxattr_set(struct vnode *v, const char *key, const struct xattr_value *value, int flags);
long tmpxattr_list(struct vnode *v, bool trusted, char *buf, size_t cap);
void tmpxattr_free(struct tmpnode *n);

#endif
