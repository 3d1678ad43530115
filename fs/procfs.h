/* SPDX-License-Identifier: MIT */
/* /proc and /sys, as far as programs look. */
#ifndef FS_PROCFS_H
#define FS_PROCFS_H

#include "fs/textfs.h"

/* procfs_is_process: v is the directory of the process. */
bool procfs_is_process(const struct vnode *v);

/* procfs_create, sysfs_create: instances for the caller to mount. Return 0 or -ENOMEM. */
MUST_CHECK int procfs_create(struct mount **out);
MUST_CHECK int sysfs_create(struct mount **out);

/* procfs_net: the table that /proc/self/net is made of, which a layer above sets at boot. */
extern const struct textfs_entry *procfs_net;

/* sysfs_class: the same of /sys/class. */
extern const struct textfs_entry *sysfs_class;

#endif
