/* SPDX-License-Identifier: MIT */
/* Vnodes made for open files that are in no file system. Each is new, lives as long as its users
 * and holds the file; what can be changed of it is the object's (kernel/fileattr.h), so that all of
 * them agree. Source: proc(5) for the names, inode(7). */
#include "fs/filenode.h"

#include <asm/errno.h>
#include <linux/limits.h>
#include <linux/magic.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/fileattr.h"
#include "kernel/heap.h"

#define DEV_ANONYMOUS 12 /* as kernel/pipe.c and fs/tty.c */

static void files_statfs(struct mount *m, struct fs_stats *out)
{
    (void)m;
    *out = (struct fs_stats){.type = PIPEFS_MAGIC, .block_size = PAGE_SIZE, .name_max = NAME_MAX};
}

/* Where open files without a path are: st_dev as their own stat says. */
static struct mount files = {.dev = DEV_ANONYMOUS, .statfs = files_statfs};

struct filenode {
    struct vnode vnode;
    struct file *file; /* [I] referenced */
};

static struct file *file_of(struct vnode *v)
{
    return container_of(v, struct filenode, vnode)->file;
}

static int filenode_getattr(struct vnode *v, struct vattr *out)
{
    struct file *f = file_of(v);
    struct stat st;
    memset(&st, 0, sizeof(st));
    int err = f->ops->stat != NULL ? f->ops->stat(f, &st) : 0;
    *out = (struct vattr){.ino = st.st_ino, .mode = st.st_mode, .nlink = (uint32_t)st.st_nlink};
    out->uid = st.st_uid;
    out->gid = st.st_gid;
    out->rdev = st.st_rdev;
    out->size = (uint64_t)st.st_size;
    out->atime = (struct __kernel_timespec){(long long)st.st_atime, (long long)st.st_atime_nsec};
    out->mtime = (struct __kernel_timespec){(long long)st.st_mtime, (long long)st.st_mtime_nsec};
    out->ctime = out->btime =
        (struct __kernel_timespec){(long long)st.st_ctime, (long long)st.st_ctime_nsec};
    return err;
}

/* Linux's other anonymous inodes are one for all of a kind and refuse, too. */
static int filenode_setattr(struct vnode *v, const struct vattr *attr, unsigned which)
{
    struct file *f = file_of(v);
    struct fileattr *a = f->ops->attr != NULL ? f->ops->attr(f) : NULL;
    if (a == NULL) {
        return -EOPNOTSUPP;
    }
    struct __kernel_timespec now = fileattr_now();
    spin_lock(&a->lock);
    a->mode = (which & VATTR_MODE) != 0 ? attr->mode & ~(uint32_t)S_IFMT : a->mode;
    a->uid = (which & VATTR_UID) != 0 ? attr->uid : a->uid;
    a->gid = (which & VATTR_GID) != 0 ? attr->gid : a->gid;
    a->atime = (which & VATTR_ATIME) != 0 ? attr->atime : a->atime;
    a->mtime = (which & VATTR_MTIME) != 0 ? attr->mtime : a->mtime;
    a->ctime = now;
    spin_unlock(&a->lock);
    return 0;
}

static int filenode_open(struct vnode *v, unsigned flags, struct file **out)
{
    struct file *f = file_of(v);
    return f->ops->reopen != NULL ? f->ops->reopen(f, flags, out) : -ENXIO;
}

static void filenode_release(struct vnode *v)
{
    struct filenode *n = container_of(v, struct filenode, vnode);
    file_put(n->file);
    heap_free(n);
}

static const struct vnode_ops filenode_ops = {
    .getattr = filenode_getattr,
    .setattr = filenode_setattr,
    .open = filenode_open,
    .release = filenode_release,
};

int filenode_get(struct file *f, struct vnode **out)
{
    struct vattr attr;
    if (f->vnode != NULL) {
        vnode_get(f->vnode);
        *out = f->vnode;
        return 0;
    }
    struct filenode *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        return -ENOMEM;
    }
    vnode_init(&n->vnode, &filenode_ops, &files, 0);
    file_get(f);
    n->file = f;
    n->vnode.mode = filenode_getattr(&n->vnode, &attr) == 0 ? attr.mode : 0;
    *out = &n->vnode;
    return 0;
}

void filenode_describe(struct file *f, char *buf, size_t cap)
{
    struct stat st;
    memset(&st, 0, sizeof(st));
    if (f->ops->stat != NULL && f->ops->stat(f, &st) != 0) {
        st.st_mode = 0;
    }
    const char *name = f->ops->name != NULL ? f->ops->name : "file";
    if (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode)) {
        const char *kind = S_ISFIFO(st.st_mode) ? "pipe" : "socket";
        (void)print_buf(buf, cap, "%s:[%lu]", kind, (unsigned long)st.st_ino);
    } else if (S_ISCHR(st.st_mode)) {
        (void)print_buf(buf, cap, "/dev/%s", name);
    } else {
        (void)print_buf(buf, cap, "anon_inode:[%s]", name);
    }
}

int filenode_place(struct file *f, struct path *out)
{
    if (f->path != NULL) {
        return path_copy(out, f->path);
    }
    char *text = heap_alloc(FILENODE_NAME_LEN);
    int err = text != NULL ? filenode_get(f, &out->vnode) : -ENOMEM;
    if (err != 0) {
        heap_free(text);
        return err;
    }
    filenode_describe(f, text, FILENODE_NAME_LEN);
    out->name = text;
    return 0;
}
