/* SPDX-License-Identifier: MIT */
/* Verbs on the attributes of a vnode, with the permission rules of the calls. Each returns 0 or the
 * negative errno that its call documents. */
#ifndef FS_ATTR_H
#define FS_ATTR_H

#include "fs/vnode.h"

/* attr_to_stat: struct stat of a vnode on m (NULL: on no file system). */
void attr_to_stat(const struct vattr *attr, const struct mount *m, struct stat *out);

MUST_CHECK int attr_chmod(struct vnode *v, uint32_t mode);
#define ATTR_KEEP UINT32_MAX /* uid, gid: leave as it is */
MUST_CHECK int attr_chown(struct vnode *v, uint32_t uid, uint32_t gid);

/* attr_truncate: set the length of a file that the caller may write. Source: truncate(2). */
MUST_CHECK int attr_truncate(struct vnode *v, uint64_t len);

/* attr_set_times: which = VATTR_ATIME | VATTR_MTIME to set, from attr. now: both are the current
 * time, which needs only write permission. Source: utimensat(2). */
MUST_CHECK int attr_set_times(struct vnode *v, const struct vattr *attr, unsigned which, bool now);

/* attr_drop_privileges: before a write: take the set-user-ID and set-group-ID bits away from a
 * file, unless the process has CAP_FSETID. Source: write(2). */
MUST_CHECK int attr_drop_privileges(struct vnode *v);

/* attr_seal: add F_SEAL_* bits to a file open for writing; attr_seals: those that it has.
 * Source: fcntl(2), "File Sealing". */
MUST_CHECK int attr_seal(struct vnode *v, unsigned add);
long attr_seals(const struct vnode *v);

/* attr_owns: the process owns a vnode with these attributes, or has CAP_FOWNER. */
bool attr_owns(const struct vattr *attr);

#endif
