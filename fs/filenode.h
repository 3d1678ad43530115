/* SPDX-License-Identifier: MIT */
/* Vnodes of open files that have none (pipes, the console), so that calls on names and on
 * attributes take them like any other. */
#ifndef FS_FILENODE_H
#define FS_FILENODE_H

#include "fs/vnode.h"

/* filenode_get: the vnode of f, with a reference: its own, or one made for it that holds f.
 * Returns 0 or -ENOMEM. */
MUST_CHECK int filenode_get(struct file *f, struct vnode **out);

/* filenode_place: where f is, with references; a file without a path has a name like "pipe:[1]".
 * Returns 0 or -ENOMEM. */
MUST_CHECK int filenode_place(struct file *f, struct path *out);

/* filenode_describe: that name. buf[cap] */
void filenode_describe(struct file *f, char *buf, size_t cap);
#define FILENODE_NAME_LEN 64

#endif
