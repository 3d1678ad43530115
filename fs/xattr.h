/* SPDX-License-Identifier: MIT */
/* Extended attributes: the name spaces and who may use them. File systems keep what they get. */
#ifndef FS_XATTR_H
#define FS_XATTR_H

#include "fs/vnode.h"

struct xattr_value {
    const void *data; /* size bytes, the caller's */
    size_t size;
};

/* Each takes a key of at most XATTR_NAME_MAX bytes and returns 0, or a length, or the negative
 * errno that its call documents. cap 0 asks for the length. */
long xattr_get(struct vnode *v, const char *key, void *buf, size_t cap);
MUST_CHECK int xattr_set(struct vnode *v, const char *key, const struct xattr_value *value,
                         int flags);
MUST_CHECK int xattr_remove(struct vnode *v, const char *key);
long xattr_list(struct vnode *v, char *buf, size_t cap);

#endif
