/* SPDX-License-Identifier: MIT */
/* /proc/self/fd and fdinfo: a link per open descriptor, which leads to the open file itself.
 *
 * Files with a path lead to its vnode, the others (pipes, the console) to one made for them.
 * Source: proc(5). */
#include <asm/errno.h>
#include <asm/fcntl.h>

#include "fs/filenode.h"
#include "fs/proctables.h"
#include "kernel/base/string.h"

#define LINK_BASE 0100 /* permissions of a link: x, and r and w as the descriptor's */

static struct file *file_at(uint64_t key)
{
    return key < FD_MAX ? fd_get_any((int)key) : NULL;
}

static void show_link(struct text *t, uint64_t key)
{
    char name[FILENODE_NAME_LEN];
    struct file *f = file_at(key);
    if (f == NULL) {
        return;
    }
    const struct path *p = vfs_file_path(f);
    struct vattr attr;
    if (p == NULL) {
        filenode_describe(f, name, sizeof(name));
        text_print(t, "%s", name);
    } else {
        bool gone = p->vnode->ops->getattr(p->vnode, &attr) == 0 && attr.nlink == 0;
        text_print(t, "%s%s", p->name, gone ? " (deleted)" : "");
    }
    file_put(f);
}

static int jump_link(struct mount *m, uint64_t key, struct path *out)
{
    struct file *f = file_at(key);
    (void)m;
    if (f == NULL) {
        return -ENOENT;
    }
    int err = filenode_place(f, out);
    file_put(f);
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

const struct textfs_numbers procfd_links = {next_fd, &link_entry, NULL};
const struct textfs_numbers procfd_infos = {next_fd, &info_entry, NULL};
