/* SPDX-License-Identifier: MIT */
/* Names of calls: read once into a local, then walked. Source: openat(2), path_resolution(7). */
#include "syscall/name.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "fs/filenode.h"
#include "kernel/uaccess.h"

static int take_text(struct name *n, const char USER *text, unsigned flags)
{
    bool empty_ok = (flags & AT_EMPTY_PATH) != 0;
    if (empty_ok && text == NULL) {
        n->text[0] = 0;
        return 0;
    }
    long len = uaccess_string(n->text, text, PATH_MAX);
    if (len < 0) {
        return (int)len;
    }
    return len == 0 && !empty_ok ? -ENOENT : 0;
}

int name_take(struct name *n, int at, const char USER *text, unsigned flags)
{
    n->at = NULL;
    n->dir = (struct fd_ref){NULL, false};
    int err = take_text(n, text, flags);
    if (err != 0 || at == AT_FDCWD || (n->text[0] == '/' && (flags & NAME_IN_ROOT) == 0)) {
        return err;
    }
    n->dir = fd_borrow_any(at);
    if (n->dir.file == NULL) {
        return -EBADF;
    }
    n->at = n->dir.file->path;
    if (n->text[0] != 0 && (n->at == NULL || !S_ISDIR(n->at->vnode->mode))) {
        name_drop(n);
        return -ENOTDIR;
    }
    return 0;
}

void name_drop(struct name *n)
{
    fd_return(n->dir);
}

int name_walk(const struct name *n, unsigned walk, struct path *out)
{
    if (name_is_file(n) && n->at == NULL) {
        return filenode_place(n->dir.file, out);
    }
    return namei_walk(n->at, n->text, walk | (n->text[0] == 0 ? WALK_EMPTY : 0), out);
}

int name_vnode(int fd, struct vnode **out)
{
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL) {
        return -EBADF;
    }
    int err = filenode_get(r.file, out);
    fd_return(r);
    return err;
}

int name_place(int at, const char USER *text, unsigned flags, struct path *out)
{
    struct name n;
    int err = name_take(&n, at, text, flags);
    if (err != 0) {
        return err;
    }
    err = name_walk(&n, (flags & AT_SYMLINK_NOFOLLOW) != 0 ? WALK_NOFOLLOW : 0, out);
    name_drop(&n);
    return err;
}
