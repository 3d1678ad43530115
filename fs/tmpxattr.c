/* SPDX-License-Identifier: MIT */
/* Extended attributes of tmpfs nodes: a tree each by name, since some programs set thousands. The
 * node's lock guards it. What the image's inodes carry is not taken over. Source: xattr(7). */
#include <asm/errno.h>
#include <linux/xattr.h>

#include "fs/tmpnode.h"
#include "fs/xattr.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

struct tmpxattr {
    struct rbnode link; /* [L of the node] */
    char *key; /* [I] behind the value */
    size_t size; /* [I] */
    char value[]; /* [I] array[size], then the key */
};

/* The attribute called key, or NULL and where its link belongs: below *parent at *place. */
static struct tmpxattr *find_locked(struct tmpnode *n, const char *key, struct rbnode **parent,
                                    struct rbnode ***place)
{
    lock_assert_held(&n->vnode.lock);
    *parent = NULL;
    *place = &n->xattrs.root;
    while (**place != NULL) {
        struct tmpxattr *x = rb_entry(**place, struct tmpxattr, link);
        int order = strcmp(key, x->key);
        if (order == 0) {
            return x;
        }
        *parent = **place;
        *place = &(*parent)->child[order > 0];
    }
    return NULL;
}

static struct tmpxattr *create(const char *key, const struct xattr_value *value)
{
    size_t len = strlen(key) + 1;
    struct tmpxattr *x = heap_alloc(sizeof(*x) + value->size + len);
    if (x != NULL) {
        x->size = value->size;
        x->key = x->value + value->size;
        memcpy(x->value, value->data, value->size);
        memcpy(x->key, key, len);
    }
    return x;
}

long tmpxattr_get(struct vnode *v, const char *key, void *buf, size_t cap)
{
    struct rbnode *parent;
    struct rbnode **place;
    spin_lock(&v->lock);
    const struct tmpxattr *x = find_locked(tmpnode_of(v), key, &parent, &place);
    long result = x != NULL ? (long)x->size : -ENODATA;
    if (x != NULL && cap != 0) {
        result = x->size <= cap ? result : -ERANGE;
        memcpy(buf, x->value, min(x->size, cap));
    }
    spin_unlock(&v->lock);
    return result;
}

/* May old, which may be NULL, be replaced? */
static int check_locked(const struct tmpxattr *old, bool remove, int flags)
{
    if (old != NULL) {
        return (flags & XATTR_CREATE) != 0 ? -EEXIST : 0;
    }
    return remove || (flags & XATTR_REPLACE) != 0 ? -ENODATA : 0;
}

int tmpxattr_set(struct vnode *v, const char *key, const struct xattr_value *value, int flags)
{
    struct tmpnode *n = tmpnode_of(v);
    struct tmpxattr *fresh = value != NULL ? create(key, value) : NULL;
    if (value != NULL && fresh == NULL) {
        return -ENOSPC;
    }
    struct rbnode *parent;
    struct rbnode **place;
    spin_lock(&v->lock);
    struct tmpxattr *old = find_locked(n, key, &parent, &place);
    int err = check_locked(old, value == NULL, flags);
    if (err == 0 && old != NULL) {
        rbtree_remove(&n->xattrs, &old->link);
    }
    if (err == 0 && fresh != NULL) {
        (void)find_locked(n, key, &parent, &place);
        rbtree_link(&n->xattrs, &fresh->link, parent, place);
    }
    spin_unlock(&v->lock);
    heap_free(err == 0 ? old : fresh);
    if (err == 0) {
        tmpnode_touch(n, false);
    }
    return err;
}

long tmpxattr_list(struct vnode *v, bool trusted, char *buf, size_t cap)
{
    static const char prefix[] = XATTR_TRUSTED_PREFIX;
    const struct tmpnode *n = tmpnode_of(v);
    size_t used = 0;
    bool full = false;
    spin_lock(&v->lock);
    for (struct rbnode *at = rbtree_first(&n->xattrs); at != NULL; at = rbtree_next(at)) {
        const struct tmpxattr *x = rb_entry(at, struct tmpxattr, link);
        size_t len = strlen(x->key) + 1;
        if (!trusted && strncmp(x->key, prefix, sizeof(prefix) - 1) == 0) {
            continue;
        }
        full = full || len > cap - used;
        if (cap != 0 && !full) {
            memcpy(buf + used, x->key, len);
        }
        used += cap == 0 || !full ? len : 0;
    }
    spin_unlock(&v->lock);
    return full && cap != 0 ? -ERANGE : (long)used;
}

void tmpxattr_free(struct tmpnode *n)
{
    while (n->xattrs.root != NULL) {
        struct tmpxattr *x = rb_entry(n->xattrs.root, struct tmpxattr, link);
        rbtree_remove(&n->xattrs, &x->link);
        heap_free(x);
    }
}
