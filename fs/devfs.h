/* SPDX-License-Identifier: MIT */
/* Devices: the nodes of /dev and the open files behind device numbers. */
#ifndef FS_DEVFS_H
#define FS_DEVFS_H

#include "fs/vnode.h"
#include "platform/console.h"

/* devfs_create: a file system with the nodes of /dev, which the program may add to. The caller
 * mounts *out. Returns 0 or -ENOMEM. */
MUST_CHECK int devfs_create(struct mount **out);

/* devfs_open_device: an open file of the character device rdev (as st_rdev). flags as of open(2).
 * Returns 0, -ENXIO when there is no such device, -ENOMEM. */
MUST_CHECK int devfs_open_device(uint64_t rdev, unsigned flags, struct file **out);

/* devfs_stat_node: struct file_ops's stat for files that were opened by a node. */
int devfs_stat_node(struct file *f, struct stat *out);

/* devfs_open_console: the program's standard streams: stream's output, and the machine's input.
 * Returns 0 or -ENOMEM. */
MUST_CHECK int devfs_open_console(enum console_stream stream, unsigned flags, struct file **out);

#endif
