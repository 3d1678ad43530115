/* SPDX-License-Identifier: MIT */
/* Mounts: the list of them, and the tree that the program finds at its start.
 *
 * A mount holds its root and the directory that it covers. lock guards the list and
 * mounted_here; path walk reads mounted_here without it, which is one load. Nothing is ever
 * unmounted.
 * Source: mount(2), mount_namespaces(7). */
#include <asm/errno.h>

#include "fs/devfs.h"
#include "fs/erofs.h"
#include "fs/procfs.h"
#include "fs/tmpfs.h"
#include "fs/vnode.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"

#define NAME_MAX 255
#define FIRST_DEV 2 /* 1: files without a mount */

static struct spinlock lock;
static struct list mounts = LIST_INIT(mounts); /* [lock] */
static uint64_t next_dev = FIRST_DEV; /* [lock] */
static const struct tmpfs_lower *image; /* [I] the root image, NULL without one */

struct list *vfs_mounts(void)
{
    return &mounts;
}

/* Put m into the list, over covered (NULL: as the root); takes over a reference of covered. */
static int attach(struct mount *m, struct vnode *covered)
{
    spin_lock(&lock);
    if (covered != NULL && covered->mounted_here != NULL) {
        spin_unlock(&lock);
        return -EBUSY;
    }
    m->dev = next_dev++;
    m->covered = covered;
    list_append(&mounts, &m->link);
    if (covered != NULL) {
        m->parent = covered->mount;
        __atomic_store_n(&covered->mounted_here, m, __ATOMIC_RELEASE);
    }
    spin_unlock(&lock);
    return 0;
}

/* The first mount: the root and current directory of the process. */
static int attach_root(struct mount *m)
{
    char name[] = "/";
    struct path top = {m->root, name};
    int err = namei_set_root(&top);
    err = err != 0 ? err : namei_set_cwd(&top);
    return err != 0 ? err : attach(m, NULL);
}

int vfs_mount(const char *where, struct mount *m)
{
    struct path p;
    if (string_copy(m->path, sizeof(m->path), where) < 0) {
        return -ENAMETOOLONG;
    }
    if (list_empty(&mounts)) {
        return attach_root(m);
    }
    int err = namei_walk(NULL, where, WALK_DIRECTORY, &p);
    if (err != 0) {
        return err;
    }
    vnode_get(p.vnode);
    err = p.vnode == p.vnode->mount->root ? -EBUSY : attach(m, p.vnode);
    if (err != 0) {
        vnode_put(p.vnode);
    }
    path_put(&p);
    return err;
}

/* Make the directory where unless there is one. */
static int make_directory(const char *where)
{
    struct path p;
    struct vnode *made;
    char last[NAME_MAX + 1];
    int err = namei_walk(NULL, where, WALK_DIRECTORY, &p);
    if (err != -ENOENT) {
        if (err == 0) {
            path_put(&p);
        }
        return err;
    }
    err = namei_parent(NULL, where, &p, last, NULL);
    if (err != 0) {
        return err;
    }
    err = p.vnode->ops->create == NULL
              ? -ENOENT
              : p.vnode->ops->create(p.vnode, last, strlen(last), S_IFDIR | 0755, 0, &made);
    if (err == 0) {
        vnode_put(made);
    }
    path_put(&p);
    return err;
}

/* One of the mounts at the start. */
struct start_mount {
    const char *where;
    int (*create)(struct mount **out); /* NULL: a tmpfs */
    uint32_t mode; /* of a tmpfs */
    struct tmpfs_lower *lower; /* room for what the image has there; NULL: covered */
};

/* A directory of the image as the lower file system of a mount of its own: what the image has there
 * stays visible, but has the mount's mode and device. */
static const struct tmpfs_lower *lower_of(const struct start_mount *s)
{
    uint64_t ino;
    unsigned dtype;
    const char *name = s->where + 1;
    if (image == NULL || s->lower == NULL ||
        image->lookup(image->root, name, strlen(name), &ino, &dtype) != 0 ||
        dtype != S_IFDIR >> 12) {
        return NULL;
    }
    *s->lower = *image;
    s->lower->root = ino;
    return s->lower;
}

static int start_one(const struct start_mount *s)
{
    struct mount *m;
    int err = make_directory(s->where);
    if (err == 0) {
        err = s->create != NULL ? s->create(&m) : tmpfs_create(lower_of(s), "tmpfs", s->mode, &m);
    }
    return err != 0 ? err : vfs_mount(s->where, m);
}

static int start_root(void)
{
    struct mount *m;
    int err = tmpfs_create(image, image != NULL ? "erofs" : "tmpfs", image != NULL ? 0 : 0755, &m);
    return err != 0 ? err : vfs_mount("/", m);
}

int vfs_init(const void *at, struct pa image_pa, size_t len)
{
    static struct tmpfs_lower tmp, run;
    static const struct start_mount start[] = {
        {"/tmp", NULL, 01777, &tmp},       {"/run", NULL, 0755, &run},
        {"/dev", devfs_create, 0, NULL},   {"/dev/shm", NULL, 01777, NULL},
        {"/proc", procfs_create, 0, NULL}, {"/sys", sysfs_create, 0, NULL},
    };
    const char *where = "/";
    int err = at != NULL ? erofs_open(at, image_pa, len, &image) : 0;
    if (err != 0) {
        return err; /* erofs_open has said why */
    }
    err = start_root();
    for (unsigned i = 0; err == 0 && i < ARRAY_LEN(start); i++) {
        where = start[i].where;
        err = start_one(&start[i]);
    }
    if (err != 0 && err != -EUCLEAN) { /* else the reader of the image has said it */
        log(FS, ERROR, "cannot mount %s (error %d)", where, -err);
    }
    return err;
}
