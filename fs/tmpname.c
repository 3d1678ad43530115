/* SPDX-License-Identifier: MIT */
/* The names of a tmpfs directory.
 *
 * A tree finds a name, a list keeps the order of creation for readdir. A directory with one below
 * learns its names singly, as they are looked up, until the first listing or removal: then it
 * takes in all of them, so that a removed name cannot come back from below. Cookies ascend along
 * the list and are never used twice, so a position stays valid whatever is removed.
 * Source: readdir(3), "POSIX: seekdir". */
#include <asm/errno.h>

#include "fs/tmpnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

#define FIRST_COOKIE 2 /* "." and ".." come first */
#define BATCH 1024 /* bytes of names copied out under one hold of the lock */
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
        e->dtype = (uint8_t)(target->attr.mode >> 12);
    }
}

void tmpname_remove(struct tmpnode *dir, struct tmpname *e)
{
    if (dir->resume == e) {
        dir->resume = NULL;
    }
    rbtree_remove(&dir->names, &e->node);
    list_remove(&e->order);
    dir->nnames--;
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
    dir->complete = err == 0;
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

int tmpname_target(struct tmpnode *dir, struct tmpname *e, struct tmpnode **out)
{
    if (e->target == NULL) {
        int err = tmpnode_from_lower(dir, e->lower_ino, &e->target);
        if (err != 0) {
            e->target = NULL;
            return err;
        }
    }
    *out = e->target;
    return 0;
}

/* A name as it leaves the lock; name[len] follows. */
struct record {
    uint64_t ino, next_cursor;
    uint16_t len;
    uint8_t dtype;
};

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

/* Copy out as many names from cursor on as buf holds. Returns bytes. */
static size_t fill_batch(struct tmpnode *dir, uint64_t cursor, char *buf)
{
    size_t used = 0;
    struct list *at;
    for (at = seek(dir, cursor); at != &dir->order; at = at->next) {
        struct tmpname *e = list_entry(at, struct tmpname, order);
        struct record r = {.ino = e->target != NULL ? e->target->attr.ino : e->lower_ino};
        if (used + sizeof(r) + e->len > BATCH) {
            break;
        }
        r.next_cursor = e->cookie + 1;
        r.len = e->len;
        r.dtype = e->dtype;
        memcpy(buf + used, &r, sizeof(r));
        memcpy(buf + used + sizeof(r), e->name, e->len);
        used += sizeof(r) + e->len;
        dir->resume = e;
    }
    return used;
}

/* Returns true when emit wants no more; *cursor is behind what it has taken. */
static bool emit_batch(const char *buf, size_t used, dir_emit_fn emit, void *ctx, uint64_t *cursor)
{
    for (size_t at = 0; at < used;) {
        struct record r;
        memcpy(&r, buf + at, sizeof(r));
        if (emit(ctx, buf + at + sizeof(r), r.len, r.ino, r.dtype, r.next_cursor) != 0) {
            return true;
        }
        *cursor = r.next_cursor;
        at += sizeof(r) + r.len;
    }
    return false;
}

int tmpname_readdir(struct vnode *v, uint64_t cursor, dir_emit_fn emit, void *ctx)
{
    char buf[BATCH];
    size_t used;
    struct tmpnode *dir = tmpnode_of(v);
    spin_lock(&dir->fs->lock);
    int err = tmpname_complete(dir);
    uint64_t parent_ino = dir->parent->attr.ino;
    spin_unlock(&dir->fs->lock);
    if (err != 0) {
        return err;
    }
    unsigned dtype = S_IFDIR >> 12;
    if (cursor == 0 && emit(ctx, ".", 1, dir->attr.ino, dtype, 1) != 0) {
        return 0;
    }
    if (cursor <= 1 && emit(ctx, "..", 2, parent_ino, dtype, FIRST_COOKIE) != 0) {
        return 0;
    }
    do { /* emit may touch the program's memory: not under the lock */
        spin_lock(&dir->fs->lock);
        used = fill_batch(dir, cursor, buf);
        spin_unlock(&dir->fs->lock);
    } while (used != 0 && !emit_batch(buf, used, emit, ctx, &cursor));
    return 0;
}
