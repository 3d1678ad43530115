/* SPDX-License-Identifier: MIT */
/* Attributes of objects in no file system. Each one's own lock guards them. Source: inode(7). */
#include "kernel/fileattr.h"

#include "kernel/process.h"
#include "platform/clock.h"

struct __kernel_timespec fileattr_now(void)
{
    uint64_t ns = clock_wall_ns();
    return (struct __kernel_timespec){(long long)(ns / NSEC_PER_SEC),
                                      (long long)(ns % NSEC_PER_SEC)};
}

void fileattr_init(struct fileattr *a, uint32_t mode)
{
    *a = (struct fileattr){.mode = mode, .uid = process.fsuid, .gid = process.fsgid};
    a->atime = a->mtime = a->ctime = fileattr_now();
}

void fileattr_stat(struct fileattr *a, struct stat *out)
{
    spin_lock(&a->lock);
    out->st_mode |= a->mode;
    out->st_uid = a->uid;
    out->st_gid = a->gid;
    out->st_atime = (unsigned long)a->atime.tv_sec;
    out->st_atime_nsec = (unsigned long)a->atime.tv_nsec;
    out->st_mtime = (unsigned long)a->mtime.tv_sec;
    out->st_mtime_nsec = (unsigned long)a->mtime.tv_nsec;
    out->st_ctime = (unsigned long)a->ctime.tv_sec;
    out->st_ctime_nsec = (unsigned long)a->ctime.tv_nsec;
    spin_unlock(&a->lock);
}
