/* SPDX-License-Identifier: MIT */
/* /proc/self/fd and fdinfo: a link per open descriptor, which leads to the open file itself.
 *
 * Files with a path lead to its vnode. For the others (pipes, the console) a vnode is made that
 * refers to the open file and opens it anew by file_ops.reopen. Source: proc(5). */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/limits.h>
#include <linux/magic.h>

#include "fs/proctables.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

#define DEV_ANONYMOUS 12 /* as kernel/pipe.c and fs/tty.c */
#define NAME_LEN 64
#define LINK_BASE 0100 /* permissions of a link: x, and r and w as the descriptor's */

static void files_statfs(struct mount *m, struct fs_stats *out)
{
    (void)m;
    *out = (struct fs_stats){.type = PIPEFS_MAGIC, .block_size = PAGE_SIZE, .name_max = NAME_MAX};
}

/* Where open files without a path are: st_dev as their own stat says. */
static struct mount files = {.dev = DEV_ANONYMOUS, .statfs = files_statfs};

/* A vnode for an open file that has no other. */
struct filenode {
    struct vnode vnode;
    struct file *file; /* [I] referenced */
};

static int filenode_getattr(struct vnode *v, struct vattr *out)
{
    struct file *f = container_of(v, struct filenode, vnode)->file;
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

static int filenode_open(struct vnode *v, unsigned flags, struct file **out)
{
    struct file *f = container_of(v, struct filenode, vnode)->file;
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
    .open = filenode_open,
    .release = filenode_release,
};

static struct file *file_at(uint64_t key)
{
    return key < FD_MAX ? fd_get_any((int)key) : NULL;
}

/* What the link of a file without a path says. */
static void describe(struct file *f, char *buf, size_t cap)
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

static void show_link(struct text *t, uint64_t key)
{
    char name[NAME_LEN];
    struct file *f = file_at(key);
    if (f == NULL) {
        return;
    }
    const struct path *p = vfs_file_path(f);
    struct vattr attr;
    if (p == NULL) {
        describe(f, name, sizeof(name));
        text_print(t, "%s", name);
    } else {
        bool gone = p->vnode->ops->getattr(p->vnode, &attr) == 0 && attr.nlink == 0;
        text_print(t, "%s%s", p->name, gone ? " (deleted)" : "");
    }
    file_put(f);
}

/* A place for f, whose reference it takes over on success. */
static int place_of(struct file *f, struct path *out)
{
    char name[NAME_LEN];
    struct vattr attr;
    struct filenode *n = heap_zalloc(sizeof(*n));
    char *text = heap_alloc(sizeof(name));
    if (n == NULL || text == NULL) {
        heap_free(n);
        heap_free(text);
        return -ENOMEM;
    }
    vnode_init(&n->vnode, &filenode_ops, &files, 0);
    n->file = f;
    n->vnode.mode = filenode_getattr(&n->vnode, &attr) == 0 ? attr.mode : 0;
    describe(f, text, sizeof(name));
    *out = (struct path){&n->vnode, text};
    return 0;
}

static int jump_link(struct mount *m, uint64_t key, struct path *out)
{
    struct file *f = file_at(key);
    (void)m;
    if (f == NULL) {
        return -ENOENT;
    }
    const struct path *p = vfs_file_path(f);
    int err = p != NULL ? path_copy(out, p) : place_of(f, out);
    if (p != NULL || err != 0) {
        file_put(f);
    }
    return err;
}

static uint32_t link_mode(uint64_t key)
{
    static const uint32_t modes[] = {0400, 0200, 0600, 0600};
    struct file *f = file_at(key);
    uint32_t mode = LINK_BASE;
    if (f != NULL) {
        mode |= modes[f->flags & O_ACCMODE];
        file_put(f);
    }
    return mode;
}

static void show_info(struct text *t, uint64_t key)
{
    struct file *f = file_at(key);
    if (f == NULL) {
        return;
    }
    struct stat st;
    memset(&st, 0, sizeof(st));
    if (f->ops->stat != NULL && f->ops->stat(f, &st) != 0) {
        st.st_ino = 0;
    }
    unsigned cloexec = fd_cloexec((int)key) == 1 ? O_CLOEXEC : 0;
    text_print(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%lu\nino:\t%lu\n", f->pos, f->flags | cloexec,
               PROC_MOUNT_ID(st.st_dev), (unsigned long)st.st_ino);
    file_put(f);
}

static long next_fd(uint64_t from)
{
    return from < FD_MAX ? fd_next((int)from) : -ENOENT;
}

static const struct textfs_entry link_entry = {
    .mode = S_IFLNK,
    .show = show_link,
    .jump = jump_link,
    .mode_of = link_mode,
    .owned = true,
};

static const struct textfs_entry info_entry = {
    .mode = S_IFREG | 0444,
    .show = show_info,
    .owned = true,
};

const struct textfs_numbers procfd_links = {next_fd, &link_entry};
const struct textfs_numbers procfd_infos = {next_fd, &info_entry};
