/* SPDX-License-Identifier: MIT */
/* What erofs.c (superblock, reader), eronode.c (inodes and data) and erodir.c (directories)
 * share. */
#ifndef FS_ERONODE_H
#define FS_ERONODE_H

#include "fs/erofs.h"
#include "fs/eroimage.h"

#define ERONODE_SLOT 32 /* inode numbers count slots of this many bytes */
#define ERONODE_HOLE UINT64_MAX /* no place in the image: zeros */

/* An inode, decoded and checked: flat data and the chunk table lie in the image. */
struct eronode {
    uint64_t ino, size;
    uint64_t body; /* image offset behind the inode and its extended attributes */
    unsigned layout;
    uint32_t place; /* first block, chunk format or device number, by layout and mode */
    uint32_t mode, nlink, uid, gid;
    struct __kernel_timespec mtime;
};

/* eronode_exists: ino's slot lies in the image. */
bool eronode_exists(uint64_t ino);

/* eronode_read: 0, -EUCLEAN, -EOPNOTSUPP, -ENOMEM. */
MUST_CHECK int eronode_read(uint64_t ino, struct eronode *out);

/* eronode_map: where byte pos < n->size of the data lies: *offset in the image or ERONODE_HOLE, and
 * how many bytes from there on lie together (all of them in the image). 0, -EUCLEAN,
 * -EOPNOTSUPP, -ENOMEM. */
MUST_CHECK int eronode_map(const struct eronode *n, uint64_t pos, uint64_t *offset, uint64_t *len);

/* eronode_corrupted: log the image's first fault, return -EUCLEAN. eronode_unsupported:
 * -EOPNOTSUPP. */
int eronode_corrupted(uint64_t ino, const char *what);
int eronode_unsupported(uint64_t ino, const char *what);

/* erodir.c: as struct tmpfs_lower has them. */
int erodir_entries(uint64_t ino, lower_emit_fn emit, void *ctx);
int erodir_lookup(uint64_t ino, const char *name, size_t len, uint64_t *out, unsigned *dtype);

#endif
