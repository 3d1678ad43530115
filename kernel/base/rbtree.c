/* SPDX-License-Identifier: MIT */
/* Red-black tree: no red node has a red child, every path from a node to a leaf has the same number
 * of black nodes. Both directions share one code path by the index of the child. Pure, no locks.
 * Source: Cormen, Leiserson, Rivest, Stein: Introduction to Algorithms, 3rd ed., ch. 13. */
#include "kernel/base/rbtree.h"

static unsigned side_of(const struct rbnode *node)
{
    return node->parent->child[1] == node;
}

/* Put fresh (may be NULL) where old hangs. */
static void replace(struct rbtree *tree, struct rbnode *old, struct rbnode *fresh)
{
    if (old->parent == NULL) {
        tree->root = fresh;
    } else {
        old->parent->child[side_of(old)] = fresh;
    }
    if (fresh != NULL) {
        fresh->parent = old->parent;
    }
}

/* Rotate node down towards side; its child on the other side takes its place. */
static void rotate(struct rbtree *tree, struct rbnode *node, unsigned side)
{
    struct rbnode *up = node->child[!side];
    replace(tree, node, up);
    node->child[!side] = up->child[side];
    if (node->child[!side] != NULL) {
        node->child[!side]->parent = node;
    }
    up->child[side] = node;
    node->parent = up;
}

static bool is_red(const struct rbnode *node)
{
    return node != NULL && node->red;
}

void rbtree_link(struct rbtree *tree, struct rbnode *node, struct rbnode *parent,
                 struct rbnode **link)
{
    *node = (struct rbnode){.parent = parent, .red = true};
    *link = node;
    while (is_red(node->parent)) {
        struct rbnode *up = node->parent;
        struct rbnode *grand = up->parent; /* exists: the root is black */
        unsigned side = side_of(up);
        struct rbnode *uncle = grand->child[!side];
        if (is_red(uncle)) {
            up->red = false;
            uncle->red = false;
            grand->red = true;
            node = grand;
            continue;
        }
        if (side_of(node) != side) {
            rotate(tree, up, side);
            up = node;
        }
        up->red = false;
        grand->red = true;
        rotate(tree, grand, !side);
        break;
    }
    tree->root->red = false;
}

/* The paths through parent's child on side lack one black node. */
static void rebalance(struct rbtree *tree, struct rbnode *parent, unsigned side)
{
    struct rbnode *node = parent->child[side];
    while (parent != NULL && !is_red(node)) {
        struct rbnode *sibling = parent->child[!side]; /* exists: its paths have more black */
        if (sibling->red) {
            sibling->red = false;
            parent->red = true;
            rotate(tree, parent, side);
            sibling = parent->child[!side];
        }
        if (!is_red(sibling->child[0]) && !is_red(sibling->child[1])) {
            sibling->red = true;
            node = parent;
            parent = node->parent;
            side = parent != NULL ? side_of(node) : 0;
            continue;
        }
        if (!is_red(sibling->child[!side])) {
            sibling->child[side]->red = false;
            sibling->red = true;
            rotate(tree, sibling, !side);
            sibling = parent->child[!side];
        }
        sibling->red = parent->red;
        parent->red = false;
        sibling->child[!side]->red = false;
        rotate(tree, parent, side);
        return;
    }
    if (node != NULL) {
        node->red = false;
    }
}

void rbtree_remove(struct rbtree *tree, struct rbnode *node)
{
    if (node->child[0] != NULL && node->child[1] != NULL) { /* change places with the successor */
        struct rbnode *next = rbtree_next(node);
        struct rbnode saved = *next;
        bool red = node->red;
        replace(tree, next, saved.child[1]);
        struct rbnode *gap = saved.parent == node ? next : saved.parent;
        unsigned side = saved.parent == node ? 1 : 0;
        replace(tree, node, next);
        next->red = red;
        for (unsigned i = 0; i < 2; i++) {
            next->child[i] = node->child[i];
            if (next->child[i] != NULL) {
                next->child[i]->parent = next;
            }
        }
        if (!saved.red) {
            rebalance(tree, gap, side);
        }
        return;
    }
    struct rbnode *only = node->child[node->child[0] == NULL];
    struct rbnode *parent = node->parent;
    unsigned side = parent != NULL ? side_of(node) : 0;
    replace(tree, node, only);
    if (node->red) {
        return;
    }
    if (parent != NULL) {
        rebalance(tree, parent, side);
    } else if (only != NULL) {
        only->red = false;
    }
}

static struct rbnode *end_of(struct rbnode *node, unsigned side)
{
    while (node != NULL && node->child[side] != NULL) {
        node = node->child[side];
    }
    return node;
}

static struct rbnode *step(const struct rbnode *node, unsigned side)
{
    if (node->child[side] != NULL) {
        return end_of(node->child[side], !side);
    }
    while (node->parent != NULL && side_of(node) == side) {
        node = node->parent;
    }
    return node->parent;
}

struct rbnode *rbtree_first(const struct rbtree *tree)
{
    return end_of(tree->root, 0);
}

struct rbnode *rbtree_last(const struct rbtree *tree)
{
    return end_of(tree->root, 1);
}

struct rbnode *rbtree_next(const struct rbnode *node)
{
    return step(node, 1);
}

struct rbnode *rbtree_prev(const struct rbnode *node)
{
    return step(node, 0);
}
