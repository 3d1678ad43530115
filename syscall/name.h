/* SPDX-License-Identifier: MIT */
/* Path names and directory descriptors of calls. */
#ifndef SYSCALL_NAME_H
#define SYSCALL_NAME_H

#include <linux/limits.h>

#include "fs/vnode.h"

/* A name as the program gave it. */
struct name {
    const struct path *at; /* where a relative name starts, NULL: the current directory */
    struct fd_ref dir; /* keeps at; its file is NULL without one */
    char text[PATH_MAX];
};

#define NAME_IN_ROOT 0x80000000U /* besides AT_*: absolute names start at the descriptor, too */

/* name_take: read text and find the directory of descriptor at (AT_FDCWD or a descriptor, which an
 * absolute name ignores). flags with AT_EMPTY_PATH allow "" (or a NULL pointer), which
 * means at itself. Returns 0; -EFAULT, -ENAMETOOLONG, -ENOENT ("" without the flag), -EBADF,
 * -ENOTDIR. Pair with name_drop. */
MUST_CHECK int name_take(struct name *n, int at, const char USER *text, unsigned flags);
void name_drop(struct name *n);

/* name_walk: the place that n leads to; walk as in namei_walk. */
MUST_CHECK int name_walk(const struct name *n, unsigned walk, struct path *out);

/* name_place: name_take and name_walk in one, for calls with one name and AT_* flags:
 * AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. */
MUST_CHECK int name_place(int at, const char USER *text, unsigned flags, struct path *out);

/* name_vnode: the vnode, with a reference, of descriptor fd; pipes and their like have one made for
 * them. Returns 0; -EBADF closed or O_PATH; -ENOMEM. */
MUST_CHECK int name_vnode(int fd, struct vnode **out);

/* name_is_file: n is empty and stands for the open file n->dir.file, which may have no path. */
static inline bool name_is_file(const struct name *n)
{
    return n->text[0] == 0 && n->dir.file != NULL;
}

#endif
