/* SPDX-License-Identifier: MIT */
// sources: kernel/base/rbtree.c
/* The tree against a sorted set of keys; its balance is checked after every step. */
#include "kernel/base/rbtree.h"

#include "test/unit/check.h"

#define KEYS 200

struct item {
    struct rbnode node;
    unsigned key;
    bool in;
};

static struct item items[KEYS];
static struct rbtree tree;

static struct item *item_of(struct rbnode *node)
{
    return rb_entry(node, struct item, node);
}

static void add(struct item *it)
{
    struct rbnode *parent = NULL;
    struct rbnode **link = &tree.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[it->key > item_of(parent)->key];
    }
    rbtree_link(&tree, &it->node, parent, link);
    it->in = true;
}

/* Black height of the subtree; every rule of the tree holds in it. */
static unsigned black_height(const struct rbnode *node, const struct rbnode *parent)
{
    if (node == NULL) {
        return 1;
    }
    CHECK(node->parent == parent);
    CHECK(!node->red || (parent != NULL && !parent->red));
    unsigned left = black_height(node->child[0], node);
    CHECK_EQ(black_height(node->child[1], node), left);
    return left + !node->red;
}

static void check_order(void)
{
    struct rbnode *node = rbtree_first(&tree);
    struct rbnode *before = NULL;
    for (unsigned i = 0; i < KEYS; i++) {
        if (!items[i].in) {
            continue;
        }
        CHECK(node == &items[i].node);
        CHECK(rbtree_prev(node) == before);
        before = node;
        node = rbtree_next(node);
    }
    CHECK(node == NULL);
    CHECK(rbtree_last(&tree) == before);
}

static void random_steps(void)
{
    for (unsigned i = 0; i < KEYS; i++) {
        items[i].key = i;
    }
    for (unsigned step = 0; step < 20000; step++) {
        struct item *it = &items[check_below(step / 2000 % 2 == 0 ? KEYS : 12)];
        if (it->in) {
            rbtree_remove(&tree, &it->node);
            it->in = false;
        } else {
            add(it);
        }
        black_height(tree.root, NULL);
        if (step % 50 == 0) {
            check_order();
        }
    }
}

/* Every order of removal of every tree shape that ascending insertion of up to 7 keys gives. */
static void small_trees(void)
{
    for (unsigned n = 1; n <= 7; n++) {
        for (unsigned first = 0; first < n; first++) {
            tree.root = NULL;
            for (unsigned i = 0; i < KEYS; i++) {
                items[i].in = false;
            }
            for (unsigned i = 0; i < n; i++) {
                add(&items[i]);
            }
            for (unsigned i = 0; i < n; i++) {
                struct item *it = &items[(first + i) % n];
                rbtree_remove(&tree, &it->node);
                it->in = false;
                black_height(tree.root, NULL);
                check_order();
            }
        }
    }
}

TESTS(random_steps, small_trees)
