/* SPDX-License-Identifier: MIT */
/* Attributes of an object in no file system (a pipe, the console), which fchmod(2), fchown(2) and
 * futimens(3) change all the same. The object embeds them; file_ops.attr finds them. */
#ifndef KERNEL_FILEATTR_H
#define KERNEL_FILEATTR_H

#include <asm/stat.h>
#include <linux/time_types.h>

#include "kernel/base/lock.h"

struct fileattr {
    struct spinlock lock;
    uint32_t mode, uid, gid; /* [L] mode: permission bits */
    struct __kernel_timespec atime, mtime, ctime; /* [L] */
};

/* fileattr_init: made just now by the process; mode without S_IFMT. */
void fileattr_init(struct fileattr *a, uint32_t mode);

/* fileattr_now: the current wall-clock time. */
struct __kernel_timespec fileattr_now(void);

/* fileattr_stat: add permissions, owner and times to *out, whose st_mode has the type. */
void fileattr_stat(struct fileattr *a, struct stat *out);

#endif
