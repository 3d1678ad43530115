/* SPDX-License-Identifier: MIT */
/* Inside of the guest's file tree, for tree.c and treecopy.c only. */
#ifndef TOOLS_ELFIN_TREENODE_H
#define TOOLS_ELFIN_TREENODE_H

#include "tools/elfin/tree.h"

enum tree_mode {
    TREE_LOOK, /* find what the tree has; links and folders of open directories are taken over */
    TREE_TAKE, /* also take over a final regular file of the host */
    TREE_MAKE, /* make missing components as directories */
};

/* treenode_get: the node at exactly this path ("" and "/" are the root), or NULL. */
struct tree_node *treenode_get(struct tree *t, const char *path);

/* treenode_create: a new, empty node at a path that has none. */
struct tree_node *treenode_create(struct tree *t, const char *path);

/* treenode_take: let node stand for the host's source. Returns 0 or a negative errno. */
int treenode_take(struct tree_node *node, const char *source, const struct stat *st);

/* treenode_walk: follow path from the root, links included. Returns 0 with *out, or -ENOENT,
 * -ENOTDIR, -ELOOP. */
int treenode_walk(struct tree *t, const char *path, enum tree_mode mode, struct tree_node **out);

#endif
