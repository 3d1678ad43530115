/* SPDX-License-Identifier: MIT */
/* Nodes of tmpfs: what tmpfs.c (names) and tmpdata.c (contents) share. */
#ifndef FS_TMPNODE_H
#define FS_TMPNODE_H

#include "fs/tmpfs.h"
#include "kernel/base/rbtree.h"

struct tmpfs {
    struct mount mount;
    const struct tmpfs_lower *lower; /* [I] NULL: none */
    uint64_t next_ino; /* [lock] for nodes without a lower inode */
    uint64_t nodes, pages; /* [A] for statfs */
    struct rbtree by_lower; /* [lock] nodes with nlink > 1 below, by lower inode: one node per inode */
    struct spinlock lock; /* names and attributes of all its nodes */
};

/* A page of contents that differs from what lies below. */
struct tmppage {
    struct rbnode node;
    uint64_t index;
    struct page *page; /* counted */
};

/* A name in a directory. */
struct tmpname {
    struct rbnode node; /* by hash, then by name */
    struct list order; /* in order of creation, for readdir */
    uint64_t cookie; /* position for readdir, ascending */
    uint32_t hash;
    uint16_t len;
    uint8_t dtype; /* DT_* */
    struct tmpnode *target; /* NULL while the lower inode has not been looked at */
    uint64_t lower_ino; /* with target NULL */
    char name[];
};

struct tmpnode {
    struct vnode vnode;
    struct tmpfs *fs; /* [I] */
    struct rbnode lower_node; /* in fs->by_lower */
    uint64_t lower_ino; /* [I] 0: nothing below */
    uint64_t lower_len; /* [L] contents below are valid up to here */
    struct vattr attr; /* [L] size, times, mode, nlink ... */
    /* directories */
    struct rbtree names;
    struct list order;
    uint64_t next_cookie;
    uint64_t nnames;
    struct tmpnode *parent; /* not referenced: a parent outlives its names; itself for the root */
    bool complete; /* the lower directory's names have been taken in */
    /* regular files and symlinks */
    struct rbtree pages; /* struct tmppage by index */
    char *target; /* symlinks made here: heap */
};

static inline struct tmpnode *tmpnode_of(struct vnode *v)
{
    return container_of(v, struct tmpnode, vnode);
}

/* tmpnode_create: a node with one vnode reference and nlink 0. NULL: out of memory. */
struct tmpnode *tmpnode_create(struct tmpfs *fs, uint32_t mode, uint64_t lower_ino);

/* tmpnode_touch: set mtime and ctime (content changed) or ctime only. */
void tmpnode_touch(struct tmpnode *n, bool content);

/* tmpdata.c: contents. */
long tmpdata_read(struct vnode *v, struct iov_iter *it, uint64_t pos);
long tmpdata_write(struct vnode *v, struct iov_iter *it, uint64_t pos);
int tmpdata_page(struct vnode *v, uint64_t index, bool write, struct file_page *out);
int tmpdata_truncate(struct tmpnode *n, uint64_t len);
int tmpdata_fallocate(struct vnode *v, int mode, uint64_t offset, uint64_t len);
void tmpdata_free(struct tmpnode *n);

#endif
