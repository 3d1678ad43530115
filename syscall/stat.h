/* SPDX-License-Identifier: MIT */
/* Attributes of open files. */
#ifndef SYSCALL_STAT_H
#define SYSCALL_STAT_H

#include "fs/vnode.h"

/* stat_file: as fstat(2), for files of every kind; btime (may be NULL) is the time of birth, zero
 * when not known. Returns 0 or a negative errno. */
MUST_CHECK int stat_file(struct file *f, struct stat *out, struct __kernel_timespec *btime);

#endif
