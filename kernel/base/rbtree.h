/* SPDX-License-Identifier: MIT */
/* Intrusive red-black tree. The caller descends and compares; the tree links and balances. */
#ifndef KERNEL_BASE_RBTREE_H
#define KERNEL_BASE_RBTREE_H

#include "kernel/base/base.h"

struct rbnode {
    struct rbnode *parent;
    struct rbnode *child[2]; /* 0: smaller keys, 1: greater keys */
    bool red;
};

struct rbtree {
    struct rbnode *root; /* NULL when empty */
};

#define rb_entry(node, type, member) container_of(node, type, member)

/* rbtree_link: hang node below parent at the empty place *link (which is &tree->root for an empty
 * tree, &parent->child[n] otherwise), then rebalance. */
void rbtree_link(struct rbtree *tree, struct rbnode *node, struct rbnode *parent,
                 struct rbnode **link);

/* rbtree_remove: unlink node, which must be in tree. */
void rbtree_remove(struct rbtree *tree, struct rbnode *node);

/* First, last, in-order successor and predecessor; NULL at the end. */
struct rbnode *rbtree_first(const struct rbtree *tree);
struct rbnode *rbtree_last(const struct rbtree *tree);
struct rbnode *rbtree_next(const struct rbnode *node);
struct rbnode *rbtree_prev(const struct rbnode *node);

#endif
