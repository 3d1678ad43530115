/* SPDX-License-Identifier: MIT */
/* Verbs on names in directories, each as the system call of its name: at as in namei_walk. All
 * return 0 or the negative errno that the call documents. */
#ifndef FS_ENTRY_H
#define FS_ENTRY_H

#include "fs/vnode.h"

/* entry_make: mkdir(2) and mknod(2) by the S_IFMT part of mode; the umask is applied here.
 * entry_make_node: the same; *out is what was made, with a reference. */
MUST_CHECK int entry_make(const struct path *at, const char *name, uint32_t mode, uint64_t rdev);
MUST_CHECK int entry_make_node(const struct path *at, const char *name, uint32_t mode,
                               uint64_t rdev, struct vnode **out);
MUST_CHECK int entry_symlink(const char *target, const struct path *at, const char *name);

/* entry_link: a second name for v. */
MUST_CHECK int entry_link(struct vnode *v, const struct path *at, const char *name);

/* entry_remove: unlink(2), or rmdir(2) with is_rmdir. */
MUST_CHECK int entry_remove(const struct path *at, const char *name, bool is_rmdir);

/* entry_rename: flags RENAME_NOREPLACE or RENAME_EXCHANGE. */
MUST_CHECK int entry_rename(const struct path *from_at, const char *from, const struct path *to_at,
                            const char *to, unsigned flags);

#endif
