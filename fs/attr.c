/* SPDX-License-Identifier: MIT */
/* Changes of attributes and who may make them. File systems store what they are told.
 * Source: chmod(2), chown(2), truncate(2), utimensat(2), capabilities(7). */
#include "fs/attr.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/resource.h>

#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/signal.h"

#define MODE_BITS 07777
#define SIZE_LIMIT INT64_MAX
#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

void attr_to_stat(const struct vattr *attr, const struct mount *m, struct stat *out)
{
    *out = (struct stat){
        .st_dev = m != NULL ? m->dev : 0,
        .st_ino = attr->ino,
        .st_nlink = attr->nlink,
        .st_mode = attr->mode,
        .st_uid = attr->uid,
        .st_gid = attr->gid,
        .st_rdev = attr->rdev,
        .st_size = (long)attr->size,
        .st_blksize = PAGE_SIZE,
        .st_blocks = (long)attr->blocks,
        .st_atime = (unsigned long)attr->atime.tv_sec,
        .st_atime_nsec = (unsigned long)attr->atime.tv_nsec,
        .st_mtime = (unsigned long)attr->mtime.tv_sec,
        .st_mtime_nsec = (unsigned long)attr->mtime.tv_nsec,
        .st_ctime = (unsigned long)attr->ctime.tv_sec,
        .st_ctime_nsec = (unsigned long)attr->ctime.tv_nsec,
    };
}

bool attr_owns(const struct vattr *attr)
{
    return attr->uid == process.fsuid || process_capable(CAP_FOWNER);
}

static int check_writable(const struct vnode *v)
{
    return v->mount->read_only || v->ops->setattr == NULL ? -EROFS : 0;
}

int attr_chmod(struct vnode *v, uint32_t mode)
{
    struct vattr attr;
    int err = check_writable(v);
    err = err != 0 ? err : v->ops->getattr(v, &attr);
    if (err != 0) {
        return err;
    }
    if (!attr_owns(&attr)) {
        return -EPERM;
    }
    if (S_ISLNK(attr.mode)) {
        return -EOPNOTSUPP;
    }
    attr.mode = (attr.mode & S_IFMT) | (mode & MODE_BITS);
    if (!access_in_group(attr.gid, false) && !process_capable(CAP_FSETID)) {
        attr.mode &= ~(uint32_t)S_ISGID;
    }
    return v->ops->setattr(v, &attr, VATTR_MODE);
}

static bool may_chown(const struct vattr *attr, uint32_t uid, uint32_t gid)
{
    bool owner = attr->uid == process.fsuid;
    if (process_capable(CAP_CHOWN)) {
        return true;
    }
    if (uid != ATTR_KEEP && !(owner && uid == attr->uid)) {
        return false;
    }
    return gid == ATTR_KEEP || (owner && (gid == attr->gid || access_in_group(gid, false)));
}

int attr_chown(struct vnode *v, uint32_t uid, uint32_t gid)
{
    struct vattr attr;
    unsigned which = 0;
    int err = check_writable(v);
    err = err != 0 ? err : v->ops->getattr(v, &attr);
    if (err != 0) {
        return err;
    }
    if (!may_chown(&attr, uid, gid)) {
        return -EPERM;
    }
    if (uid != ATTR_KEEP) {
        attr.uid = uid;
        which |= VATTR_UID;
    }
    if (gid != ATTR_KEEP) {
        attr.gid = gid;
        which |= VATTR_GID;
    }
    uint32_t drop = S_ISUID | ((attr.mode & S_IXGRP) != 0 ? S_ISGID : 0);
    if (!S_ISDIR(attr.mode) && (attr.mode & drop) != 0) {
        attr.mode &= ~drop;
        which |= VATTR_MODE;
    }
    return which != 0 ? v->ops->setattr(v, &attr, which) : 0;
}

int attr_truncate(struct vnode *v, uint64_t len)
{
    struct vattr attr = {.size = len};
    if (S_ISDIR(v->mode)) {
        return -EISDIR;
    }
    if (!S_ISREG(v->mode)) {
        return -EINVAL;
    }
    int err = check_writable(v);
    if (err != 0) {
        return err;
    }
    if (v->executing) {
        return -ETXTBSY;
    }
    if (len > SIZE_LIMIT) {
        return -EFBIG;
    }
    if (len > process.limits[RLIMIT_FSIZE].rlim_cur) {
        struct vattr now;
        err = v->ops->getattr(v, &now);
        if (err == 0 && len > now.size) {
            signal_send_self(SIGXFSZ);
            return -EFBIG;
        }
    }
    err = (v->mode & (S_ISUID | S_ISGID)) != 0 ? attr_drop_privileges(v) : err;
    return err != 0 ? err : v->ops->setattr(v, &attr, VATTR_SIZE);
}

int attr_set_times(struct vnode *v, const struct vattr *attr, unsigned which, bool now)
{
    struct vattr old;
    int err = check_writable(v);
    err = err != 0 ? err : v->ops->getattr(v, &old);
    if (err != 0) {
        return err;
    }
    if (!attr_owns(&old)) {
        err = now ? access_check(v, MAY_WRITE, false) : -EPERM;
    }
    return err != 0 ? err : v->ops->setattr(v, attr, which);
}

int attr_drop_privileges(struct vnode *v)
{
    struct vattr attr;
    if (process_capable(CAP_FSETID)) {
        return 0;
    }
    int err = v->ops->getattr(v, &attr);
    uint32_t drop = S_ISUID | ((attr.mode & S_IXGRP) != 0 ? S_ISGID : 0);
    if (err != 0 || (attr.mode & drop) == 0 || v->ops->setattr == NULL) {
        return err;
    }
    attr.mode &= ~drop;
    return v->ops->setattr(v, &attr, VATTR_MODE);
}

int attr_seal(struct vnode *v, unsigned add)
{
    if ((add & ~(unsigned)SEALS) != 0 || !v->ops->seals) {
        return -EINVAL;
    }
    int err = 0;
    mutex_lock(&v->write_lock); /* no write is on its way */
    if ((v->seals & F_SEAL_SEAL) != 0) {
        err = -EPERM;
    } else if ((add & ~v->seals & F_SEAL_WRITE) != 0) {
        err = mmap_seal(v, &v->seals, add);
    } else {
        __atomic_fetch_or(&v->seals, add, __ATOMIC_RELAXED);
    }
    mutex_unlock(&v->write_lock);
    return err;
}

long attr_seals(const struct vnode *v)
{
    return v->ops->seals ? (long)__atomic_load_n(&v->seals, __ATOMIC_RELAXED) : -EINVAL;
}
