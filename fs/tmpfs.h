/* SPDX-License-Identifier: MIT */
/* Memory file system, on its own or over a read-only lower one.
 *
 * With a lower file system (struct tmpfs_lower) every node may be backed by a lower inode: a
 * directory takes in the lower one's names when it is first used, a file's pages come from below
 * until they are written. So identity and link counts are those of one file system, nothing is
 * copied up but the pages that change, and there are no whiteouts. */
#ifndef FS_TMPFS_H
#define FS_TMPFS_H

#include "fs/vnode.h"

/* Called for one name of a directory below; stops the listing, and is its result, when not 0. */
typedef int (*lower_emit_fn)(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype);

/* A read-only file system below. ino: its inode number, never 0. All return 0 or a negative
 * errno. */
struct tmpfs_lower {
    int (*attr)(uint64_t ino, struct vattr *out);
    /* One name of a directory, which is neither "." nor "..": -ENOENT when there is none. */
    int (*lookup)(uint64_t ino, const char *name, size_t len, uint64_t *out, unsigned *dtype);
    /* emit for each entry but "." and "..". */
    int (*entries)(uint64_t ino, lower_emit_fn emit, void *ctx);
    /* The frame of page index, when it lies in memory as a whole page: -ENODATA when it does
     * not. */
    int (*page)(uint64_t ino, uint64_t index, struct file_page *out);
    /* Copy [pos, pos + len) of the data; what lies past the end reads as zeros. */
    int (*data)(uint64_t ino, uint64_t pos, void *buf, size_t len);
    uint64_t root; /* inode of the root directory */
};

/* tmpfs_create: a new instance. The caller mounts *out.
 *   lower   NULL: none; must stay valid
 *   source  shown in /proc/mounts; must stay valid
 *   mode    permission bits of the root; 0: as below
 * Returns 0, -ENOMEM, or what lower->attr says. */
MUST_CHECK int tmpfs_create(const struct tmpfs_lower *lower, const char *source, uint32_t mode,
                            struct mount **out);

/* tmpfs_destroy: free an instance that is not mounted (any more) and none of whose nodes is in
 * use. */
void tmpfs_destroy(struct mount *m);

/* tmpfs_create_anonymous: an unlinked regular file (memfd_create, shared anonymous memory).
 * Returns 0 or -ENOMEM; *out has one reference. name is only shown. */
MUST_CHECK int tmpfs_create_anonymous(const char *name, unsigned flags, struct file **out);

/* tmpfs_create_in: an unlinked regular file of dir's file system: O_TMPFILE. linkable: it may get
 * a name later. */
MUST_CHECK int tmpfs_create_in(struct vnode *dir, uint32_t mode, bool linkable, struct vnode **out);

#endif
