/* SPDX-License-Identifier: MIT */
// sources:
// fakes: files
/* Names of tmpfs through its operations: what a path walk cannot ask for (entry_test.c compares
 * those), listings while names come and go, and names that come from a file system below. */
#include "fs/tmpfs.h"

#include <asm/errno.h>
#include <linux/fs.h>
#include <string.h>

#include "test/fake/clock.h"
#include "test/fake/files.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"

static struct vnode *top;

static int make(struct vnode *dir, const char *name, uint32_t mode)
{
    struct vnode *v;
    int err = dir->ops->create(dir, name, strlen(name), mode, 0, &v);
    if (err == 0) {
        vnode_put(v);
    }
    return err;
}

static struct vnode *get(struct vnode *dir, const char *name)
{
    struct vnode *v = NULL;
    int err = dir->ops->lookup(dir, name, strlen(name), &v);
    return err == 0 ? v : NULL;
}

static bool is_there(struct vnode *dir, const char *name)
{
    struct vnode *v = get(dir, name);
    if (v != NULL) {
        vnode_put(v);
    }
    return v != NULL;
}

static struct vattr attr_of(struct vnode *v)
{
    struct vattr a;
    CHECK_EQ(v->ops->getattr(v, &a), 0);
    return a;
}

static int drop(struct vnode *dir, const char *name)
{
    struct vnode *v = get(dir, name);
    bool is_dir = v != NULL && S_ISDIR(v->mode);
    if (v != NULL) {
        vnode_put(v);
    }
    return dir->ops->unlink(dir, name, strlen(name), is_dir);
}

static int move(struct vnode *from_dir, const char *from, struct vnode *to_dir, const char *to,
                unsigned flags)
{
    struct vnode_name a = {from_dir, from, strlen(from)};
    struct vnode_name b = {to_dir, to, strlen(to)};
    return from_dir->ops->rename(&a, &b, flags);
}

static void begin(void)
{
    top = fake_root->root;
}

static void create_and_remove(void)
{
    begin();
    CHECK_EQ(make(top, "d", S_IFDIR | 0750), 0);
    CHECK_EQ(make(top, "d", S_IFDIR | 0750), -EEXIST);
    CHECK_EQ(make(top, "d", S_IFREG | 0600), -EEXIST);
    struct vnode *d = get(top, "d");
    CHECK_EQ(attr_of(d).nlink, 2);
    CHECK_EQ(attr_of(d).mode, S_IFDIR | 0750);
    CHECK_EQ(attr_of(top).nlink, 3);
    CHECK_EQ(make(d, "f", S_IFREG | 0600), 0);
    CHECK_EQ(attr_of(d).nlink, 2);
    CHECK_EQ(top->ops->unlink(top, "d", 1, true), -ENOTEMPTY);
    CHECK_EQ(top->ops->unlink(top, "d", 1, false), -EISDIR);
    CHECK_EQ(d->ops->unlink(d, "f", 1, true), -ENOTDIR);
    CHECK_EQ(d->ops->unlink(d, "g", 1, false), -ENOENT);
    CHECK_EQ(d->ops->unlink(d, "f", 1, false), 0);
    CHECK_EQ(top->ops->unlink(top, "d", 1, true), 0);
    CHECK_EQ(attr_of(top).nlink, 2);
    /* removed but held: nothing can be made in it, and ".." still leads out */
    CHECK_EQ(attr_of(d).nlink, 0);
    CHECK_EQ(make(d, "x", S_IFREG | 0600), -ENOENT);
    CHECK_EQ(d->ops->symlink(d, "x", 1, "y"), -ENOENT);
    struct vnode *up = get(d, "..");
    CHECK(up == top);
    vnode_put(up);
    vnode_put(d);
}

static void set_group_id(void)
{
    begin();
    struct vattr to = {.gid = 77};
    CHECK_EQ(make(top, "d", S_IFDIR | 02755), 0);
    struct vnode *d = get(top, "d");
    CHECK_EQ(d->ops->setattr(d, &to, VATTR_GID), 0);
    CHECK_EQ(make(d, "sub", S_IFDIR | 0700), 0); /* inode(7): inherits group and bit */
    CHECK_EQ(make(d, "f", S_IFREG | 0700), 0);
    struct vnode *sub = get(d, "sub");
    struct vnode *f = get(d, "f");
    CHECK_EQ(attr_of(sub).mode, S_IFDIR | 02700);
    CHECK_EQ(attr_of(sub).gid, 77);
    CHECK_EQ(attr_of(f).mode, S_IFREG | 0700);
    CHECK_EQ(attr_of(f).gid, 77);
    vnode_put(sub);
    vnode_put(f);
    vnode_put(d);
    fake_files_clear(top);
}

static void hard_links(void)
{
    begin();
    CHECK_EQ(make(top, "a", S_IFREG | 0600), 0);
    CHECK_EQ(make(top, "d", S_IFDIR | 0700), 0);
    struct vnode *a = get(top, "a");
    struct vnode *d = get(top, "d");
    fake_now_ns += 5;
    CHECK_EQ(d->ops->link(d, "b", 1, a), 0);
    CHECK_EQ(attr_of(a).nlink, 2);
    CHECK_EQ(attr_of(a).ctime.tv_nsec - attr_of(a).mtime.tv_nsec, 5); /* link: ctime only */
    CHECK_EQ(d->ops->link(d, "b", 1, a), -EEXIST);
    CHECK_EQ(top->ops->link(top, "dd", 2, d), -EPERM);
    CHECK_EQ(drop(top, "a"), 0);
    CHECK_EQ(attr_of(a).nlink, 1);
    CHECK_EQ(drop(d, "b"), 0);
    CHECK_EQ(attr_of(a).nlink, 0);
    CHECK_EQ(d->ops->link(d, "c", 1, a), -ENOENT); /* gone for good */
    struct vnode *unnamed;
    CHECK_EQ(top->ops->create_unnamed(top, 0600, true, &unnamed), 0);
    CHECK_EQ(attr_of(unnamed).nlink, 0);
    CHECK_EQ(d->ops->link(d, "c", 1, unnamed), 0); /* O_TMPFILE may get a name */
    CHECK_EQ(attr_of(unnamed).nlink, 1);
    vnode_put(unnamed);
    vnode_put(a);
    vnode_put(d);
    fake_files_clear(top);
}

static void rename_directories(void)
{
    begin();
    CHECK_EQ(make(top, "a", S_IFDIR | 0700), 0);
    CHECK_EQ(make(top, "e", S_IFDIR | 0700), 0);
    struct vnode *a = get(top, "a");
    struct vnode *e = get(top, "e");
    CHECK_EQ(make(a, "sub", S_IFDIR | 0700), 0);
    struct vnode *sub = get(a, "sub");
    CHECK_EQ(move(top, "a", sub, "x", 0), -EINVAL); /* into itself */
    CHECK_EQ(move(top, "a", a, "x", 0), -EINVAL);
    CHECK_EQ(move(a, "sub", top, "a", 0), -ENOTEMPTY); /* over its own parent */
    CHECK_EQ(move(a, "sub", top, "a", RENAME_EXCHANGE), -EINVAL);
    CHECK_EQ(move(top, "e", top, "a", 0), -ENOTEMPTY);
    CHECK_EQ(move(top, "e", top, "a", RENAME_NOREPLACE), -EEXIST);
    CHECK_EQ(move(top, "e", top, "none", RENAME_EXCHANGE), -ENOENT);
    CHECK_EQ(move(top, "none", top, "e", 0), -ENOENT);
    /* over an empty directory: it goes, link counts follow */
    CHECK_EQ(attr_of(top).nlink, 4);
    CHECK_EQ(move(a, "sub", top, "e", 0), 0);
    CHECK_EQ(attr_of(e).nlink, 0);
    CHECK_EQ(attr_of(a).nlink, 2);
    CHECK_EQ(attr_of(top).nlink, 4);
    struct vnode *now = get(top, "e");
    CHECK(now == sub);
    vnode_put(now);
    now = get(sub, "..");
    CHECK(now == top);
    vnode_put(now);
    CHECK_EQ(make(e, "x", S_IFREG | 0600), -ENOENT);
    CHECK_EQ(move(top, "e", e, "x", 0), -ENOENT); /* into a removed directory */
    vnode_put(sub);
    vnode_put(a);
    vnode_put(e);
    fake_files_clear(top);
}

static void exchange(void)
{
    begin();
    CHECK_EQ(make(top, "d", S_IFDIR | 0700), 0);
    struct vnode *d = get(top, "d");
    CHECK_EQ(make(d, "sub", S_IFDIR | 0700), 0);
    CHECK_EQ(make(top, "f", S_IFREG | 0600), 0);
    struct vnode *sub = get(d, "sub");
    struct vnode *f = get(top, "f");
    CHECK_EQ(make(sub, "deep", S_IFREG | 0600), 0); /* need not be empty */
    CHECK_EQ(move(d, "sub", top, "f", RENAME_EXCHANGE), 0);
    CHECK_EQ(attr_of(d).nlink, 2);
    CHECK_EQ(attr_of(top).nlink, 4);
    struct vnode *v = get(d, "sub");
    CHECK(v == f);
    vnode_put(v);
    v = get(sub, "..");
    CHECK(v == top);
    vnode_put(v);
    CHECK_EQ(move(top, "f", top, "d", RENAME_EXCHANGE), 0);
    v = get(top, "d");
    CHECK(v == sub);
    vnode_put(v);
    /* two names of one file: nothing happens */
    CHECK_EQ(top->ops->link(top, "g", 1, f), 0);
    CHECK_EQ(move(top, "g", d, "sub", 0), 0);
    CHECK(is_there(top, "g") && is_there(d, "sub"));
    vnode_put(f);
    vnode_put(sub);
    vnode_put(d);
    fake_files_clear(top);
}

static void mount_points(void)
{
    begin();
    struct mount dummy;
    CHECK_EQ(make(top, "m", S_IFDIR | 0700), 0);
    CHECK_EQ(make(top, "d", S_IFDIR | 0700), 0);
    struct vnode *m = get(top, "m");
    m->mounted_here = &dummy;
    CHECK_EQ(top->ops->unlink(top, "m", 1, true), -EBUSY);
    CHECK_EQ(move(top, "m", top, "n", 0), -EBUSY);
    CHECK_EQ(move(top, "d", top, "m", 0), -EBUSY);
    CHECK_EQ(move(top, "d", top, "m", RENAME_EXCHANGE), -EBUSY);
    m->mounted_here = NULL;
    vnode_put(m);
    fake_files_clear(top);
}

/* Listings. */
#define NAMES 200

struct listing {
    unsigned seen[NAMES], limit, taken, dots;
    uint64_t next, last_next;
};

static int emit(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype,
                uint64_t next)
{
    struct listing *l = ctx;
    char text[256];
    if (l->taken == l->limit) {
        return 1;
    }
    CHECK(next > l->last_next); /* ascending */
    memcpy(text, name, len);
    text[len] = 0;
    if (name[0] == '.') {
        l->dots++;
        CHECK_EQ(dtype, S_IFDIR >> 12);
    } else {
        unsigned n = (unsigned)atoi(text + 1);
        CHECK(n < NAMES);
        l->seen[n]++;
        CHECK_EQ(dtype, S_IFREG >> 12);
    }
    l->taken++;
    l->next = next;
    l->last_next = next;
    return 0;
}

static void list_some(struct vnode *dir, struct listing *l, unsigned n)
{
    l->taken = 0;
    l->limit = n;
    CHECK_EQ(dir->ops->readdir(dir, l->next, emit, l), 0);
}

/* One pass in small steps, with names removed and made in between: what was there all the time is
 * listed once, what came or went at most once. Source: readdir(3p). */
static void list_while_changing(struct vnode *dir, bool *there)
{
    bool stays[NAMES], ever[NAMES];
    struct listing l = {0};
    char name[16];
    memcpy(stays, there, sizeof(stays));
    memcpy(ever, there, sizeof(ever));
    do {
        list_some(dir, &l, 1 + (unsigned)check_below(7));
        for (unsigned i = (unsigned)check_below(6); i > 0; i--) {
            unsigned n = (unsigned)check_below(NAMES);
            snprintf(name, sizeof(name), "n%u", n);
            CHECK_EQ(there[n] ? drop(dir, name) : make(dir, name, S_IFREG | 0600), 0);
            there[n] = !there[n];
            stays[n] = false;
            ever[n] = true;
        }
    } while (l.taken != 0);
    CHECK_EQ(l.dots, 2);
    for (unsigned i = 0; i < NAMES; i++) {
        CHECK(!stays[i] || l.seen[i] == 1);
        CHECK(ever[i] || l.seen[i] == 0);
    }
}

static void listings(void)
{
    begin();
    static bool there[NAMES];
    for (unsigned i = 0; i < 60; i++) {
        list_while_changing(top, there);
    }
    struct listing all = {0};
    list_some(top, &all, UINT32_MAX);
    for (unsigned i = 0; i < NAMES; i++) {
        CHECK_EQ(all.seen[i], there[i]);
    }
    fake_files_clear(top);
}

/* Removing each name as it is read, the way rm -r does, empties the directory in one pass. */
static void list_and_remove(void)
{
    begin();
    char name[16];
    struct listing l = {0};
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        CHECK_EQ(make(top, name, S_IFREG | 0600), 0);
    }
    do {
        unsigned before[NAMES];
        memcpy(before, l.seen, sizeof(before));
        list_some(top, &l, 5);
        for (unsigned i = 0; i < NAMES; i++) {
            snprintf(name, sizeof(name), "n%u", i);
            CHECK(l.seen[i] == before[i] || drop(top, name) == 0);
        }
    } while (l.taken != 0);
    struct listing rest = {0};
    list_some(top, &rest, UINT32_MAX);
    CHECK_EQ(rest.taken, 2); /* "." and ".." */
}

/* A file system below: a directory with "f", "h1", "h2" (one file) and "d", which holds "x". */
enum { LOW_ROOT = 1, LOW_F, LOW_H, LOW_D, LOW_X };

static const struct low_name {
    uint64_t dir, ino;
    const char *name;
    unsigned mode;
} low_names[] = {{LOW_ROOT, LOW_F, "f", S_IFREG},
                 {LOW_ROOT, LOW_H, "h1", S_IFREG},
                 {LOW_ROOT, LOW_H, "h2", S_IFREG},
                 {LOW_ROOT, LOW_D, "d", S_IFDIR},
                 {LOW_D, LOW_X, "x", S_IFREG}};

static int low_attr(uint64_t ino, struct vattr *out)
{
    bool is_dir = ino == LOW_ROOT || ino == LOW_D;
    *out = (struct vattr){.ino = ino,
                          .mode = is_dir ? S_IFDIR | 0755 : S_IFREG | 0644,
                          .size = 10,
                          .nlink = ino == LOW_ROOT                ? 3
                                   : ino == LOW_D || ino == LOW_H ? 2
                                                                  : 1};
    return 0;
}

static int low_lookup(uint64_t ino, const char *name, size_t len, uint64_t *out, unsigned *dtype)
{
    for (unsigned i = 0; i < ARRAY_LEN(low_names); i++) {
        const struct low_name *n = &low_names[i];
        if (n->dir == ino && strlen(n->name) == len && memcmp(n->name, name, len) == 0) {
            *out = n->ino;
            *dtype = n->mode >> 12;
            return 0;
        }
    }
    return -ENOENT;
}

static int low_entries(uint64_t ino, lower_emit_fn emit_one, void *ctx)
{
    int err = 0;
    for (unsigned i = 0; err == 0 && i < ARRAY_LEN(low_names); i++) {
        const struct low_name *n = &low_names[i];
        if (n->dir == ino) {
            err = emit_one(ctx, n->name, strlen(n->name), n->ino, n->mode >> 12);
        }
    }
    return err;
}

static const struct tmpfs_lower lower = {
    .attr = low_attr, .lookup = low_lookup, .entries = low_entries, .root = LOW_ROOT};

static void below(void)
{
    struct mount *m;
    CHECK_EQ(tmpfs_create(&lower, "test", 0, &m), 0);
    struct vnode *root = m->root;
    struct vnode *h1 = get(root, "h1");
    struct vnode *h2 = get(root, "h2");
    CHECK(h1 == h2); /* one node for all names */
    CHECK_EQ(attr_of(h1).nlink, 2);
    CHECK_EQ(drop(root, "h1"), 0);
    CHECK(!is_there(root, "h1")); /* does not come back from below */
    CHECK_EQ(attr_of(h2).nlink, 1);
    vnode_put(h1);
    vnode_put(h2);
    CHECK_EQ(root->ops->unlink(root, "d", 1, true), -ENOTEMPTY);
    struct vnode *d = get(root, "d");
    CHECK_EQ(make(d, "x", S_IFREG), -EEXIST);
    CHECK_EQ(move(d, "x", root, "y", 0), 0);
    CHECK(!is_there(d, "x"));
    CHECK_EQ(attr_of(d).ino, LOW_D);
    vnode_put(d);
    CHECK_EQ(drop(root, "d"), 0);
    CHECK(!is_there(root, "d"));
    CHECK_EQ(make(root, "d", S_IFREG | 0600), 0); /* the name is free for anything */
    CHECK_EQ(drop(root, "h2"), 0);
    CHECK(is_there(root, "f") && is_there(root, "y"));
    tmpfs_destroy(m);
}

TESTS(create_and_remove, set_group_id, hard_links, rename_directories, exchange, mount_points,
      listings, list_and_remove, below)
