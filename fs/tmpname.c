/* SPDX-License-Identifier: MIT */
/* The names of a tmpfs directory.
 *
 * A tree finds a name, a list keeps the order of creation for readdir. A directory with one below
 * learns its names singly, as they are looked up, until the first listing or removal: then it
 * takes in all of them, so that a removed name cannot come back from below. Cookies ascend along
 * the list and are never used twice, so a position stays valid whatever is removed.
 * Locks: tmpnode.h. What can be answered from the names that are known is, under the directory's
 * lock alone.
 * Source: readdir(3), "POSIX: seekdir". */
#include <asm/errno.h>

#include "fs/tmpnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

#define FIRST_COOKIE 2 /* "." and ".." come first */
#define FNV_OFFSET 2166136261U
#define FNV_PRIME 16777619U

static uint32_t hash_of(const char *name, size_t len)
{
    uint32_t hash = FNV_OFFSET;
    for (size_t i = 0; i < len; i++) {
        hash = (hash ^ (uint8_t)name[i]) * FNV_PRIME;
    }
    return hash;
}

static int compare(const struct tmpname *e, uint32_t hash, const char *name, size_t len)
{
    if (e->hash != hash) {
        return e->hash < hash ? -1 : 1;
    }
    if (e->len != len) {
        return e->len < len ? -1 : 1;
    }
    return memcmp(e->name, name, len);
}

static struct tmpname *find_known(const struct tmpnode *dir, const char *name, size_t len)
{
    uint32_t hash = hash_of(name, len);
    for (struct rbnode *at = dir->names.root; at != NULL;) {
        struct tmpname *e = rb_entry(at, struct tmpname, node);
        int order = compare(e, hash, name, len);
        if (order == 0) {
            return e;
        }
        at = at->child[order < 0];
    }
    return NULL;
}

struct tmpname *tmpname_create(const char *name, size_t len)
{
    struct tmpname *e = heap_alloc(sizeof(*e) + len);
    if (e != NULL) {
        *e = (struct tmpname){.hash = hash_of(name, len), .len = (uint16_t)len};
        memcpy(e->name, name, len);
    }
    return e;
}

void tmpname_add(struct tmpnode *dir, struct tmpname *e, struct tmpnode *target)
{
    struct rbnode *parent = NULL;
    struct rbnode **link = &dir->names.root;
    lock_assert_held(&dir->fs->lock);
    spin_lock(&dir->vnode.lock);
    while (*link != NULL) {
        parent = *link;
        struct tmpname *at = rb_entry(parent, struct tmpname, node);
        link = &parent->child[compare(at, e->hash, e->name, e->len) < 0];
    }
    rbtree_link(&dir->names, &e->node, parent, link);
    list_append(&dir->order, &e->order);
    e->cookie = max(dir->next_cookie, (uint64_t)FIRST_COOKIE);
    dir->next_cookie = e->cookie + 1;
    dir->nnames++;
    e->target = target;
    if (target != NULL) {
        e->dtype = (uint8_t)(target->vnode.mode >> 12);
    }
    spin_unlock(&dir->vnode.lock);
}

void tmpname_point(struct tmpnode *dir, struct tmpname *e, struct tmpnode *n)
{
    lock_assert_held(&dir->fs->lock);
    spin_lock(&dir->vnode.lock);
    e->target = n;
    e->dtype = (uint8_t)(n->vnode.mode >> 12);
    spin_unlock(&dir->vnode.lock);
}

void tmpname_remove(struct tmpnode *dir, struct tmpname *e)
{
    lock_assert_held(&dir->fs->lock);
    spin_lock(&dir->vnode.lock);
    if (dir->resume == e) {
        dir->resume = NULL;
    }
    rbtree_remove(&dir->names, &e->node);
    list_remove(&e->order);
    dir->nnames--;
    spin_unlock(&dir->vnode.lock);
    heap_free(e);
}

/* A name from below, whose inode is not looked at yet. */
static int add_lower(struct tmpnode *dir, const char *name, size_t len, uint64_t ino,
                     unsigned dtype, struct tmpname **out)
{
    struct tmpname *e = tmpname_create(name, len);
    if (e == NULL) {
        return -ENOMEM;
    }
    e->lower_ino = ino;
    e->dtype = (uint8_t)dtype;
    tmpname_add(dir, e, NULL);
    *out = e;
    return 0;
}

static int take_in(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype)
{
    struct tmpname *e;
    struct tmpnode *dir = ctx;
    return find_known(dir, name, len) != NULL ? 0 : add_lower(dir, name, len, ino, dtype, &e);
}

int tmpname_complete(struct tmpnode *dir)
{
    lock_assert_held(&dir->fs->lock);
    if (dir->complete) {
        return 0;
    }
    int err = dir->fs->lower->entries(dir->lower_ino, take_in, dir);
    spin_lock(&dir->vnode.lock);
    dir->complete = err == 0;
    spin_unlock(&dir->vnode.lock);
    return err;
}

int tmpname_find(struct tmpnode *dir, const char *name, size_t len, struct tmpname **out)
{
    uint64_t ino;
    unsigned dtype;
    lock_assert_held(&dir->fs->lock);
    *out = find_known(dir, name, len);
    if (*out != NULL) {
        return 0;
    }
    int err =
        dir->complete ? -ENOENT : dir->fs->lower->lookup(dir->lower_ino, name, len, &ino, &dtype);
    return err != 0 ? err : add_lower(dir, name, len, ino, dtype, out);
}

int tmpname_known(struct tmpnode *dir, const char *name, size_t len, struct tmpnode **out)
{
    spin_lock(&dir->vnode.lock);
    const struct tmpname *e = find_known(dir, name, len);
    int err = e == NULL && dir->complete ? -ENOENT : e == NULL || e->target == NULL ? -EAGAIN : 0;
    if (err == 0) {
        vnode_get(&e->target->vnode);
        *out = e->target;
    }
    spin_unlock(&dir->vnode.lock);
    return err;
}

int tmpname_target(struct tmpnode *dir, struct tmpname *e, struct tmpnode **out)
{
    if (e->target == NULL) {
        struct tmpnode *n;
        int err = tmpnode_from_lower(dir, e->lower_ino, &n);
        if (err != 0) {
            return err;
        }
        tmpname_point(dir, e, n);
    }
    *out = e->target;
    return 0;
}

/* The first name at or after cursor. */
static struct list *seek(struct tmpnode *dir, uint64_t cursor)
{
    bool useful = dir->resume != NULL && dir->resume->cookie <= cursor;
    struct list *at = useful ? &dir->resume->order : dir->order.next;
    while (at != &dir->order && list_entry(at, struct tmpname, order)->cookie < cursor) {
        at = at->next;
    }
    return at;
}

/* The names have all been taken in; this is asked once for each round of readdir. */
static int complete(struct tmpnode *dir)
{
    spin_lock(&dir->fs->lock);
    int err = tmpname_complete(dir);
    spin_unlock(&dir->fs->lock);
    return err;
}

int tmpname_readdir(struct vnode *v, uint64_t cursor, dir_emit_fn emit, void *ctx)
{
    struct tmpnode *dir = tmpnode_of(v);
    unsigned dtype = S_IFDIR >> 12;
    int err = complete(dir);
    if (err != 0) {
        return err;
    }
    spin_lock(&dir->vnode.lock);
    bool more = true;
    if (cursor == 0) {
        more = emit(ctx, ".", 1, dir->attr.ino, dtype, 1) == 0;
    }
    if (more && cursor <= 1) {
        more = emit(ctx, "..", 2, dir->parent->attr.ino, dtype, FIRST_COOKIE) == 0;
    }
    for (struct list *at = seek(dir, cursor); more && at != &dir->order; at = at->next) {
        struct tmpname *e = list_entry(at, struct tmpname, order);
        uint64_t ino = e->target != NULL ? e->target->attr.ino : e->lower_ino;
        more = emit(ctx, e->name, e->len, ino, e->dtype, e->cookie + 1) == 0;
        dir->resume = e;
    }
    spin_unlock(&dir->vnode.lock);
    return 0;
}
