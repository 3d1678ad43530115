/* SPDX-License-Identifier: MIT */
/* Permission bits. Source: path_resolution(7), "Permissions"; capabilities(7). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/stat.h>

#include "fs/vnode.h"
#include "kernel/process.h"

/* Single ids are read without process.lock, as Linux reads credentials: a call that races with
 * setuid sees either. The list of groups is taken as a whole. */
bool access_in_group(uint32_t gid, bool real)
{
    bool found = gid == (real ? process.gid : process.fsgid);
    if (found) {
        return true;
    }
    spin_lock(&process.lock);
    for (unsigned i = 0; i < process.ngroups; i++) {
        found = found || process.groups[i] == gid;
    }
    spin_unlock(&process.lock);
    return found;
}

int access_check(struct vnode *v, unsigned mask, bool real)
{
    struct vattr attr;
    bool exec = (mask & MAY_EXEC) != 0 && !S_ISDIR(v->mode);
    if (!real && process.fsuid == 0 && !exec && process_capable(CAP_DAC_OVERRIDE)) {
        return 0; /* the way of every walk, without the vnode's lock */
    }
    int err = v->ops->getattr(v, &attr);
    if (err != 0) {
        return err;
    }
    uint32_t uid = real ? process.uid : process.fsuid;
    bool override = real ? process.uid == 0 : process_capable(CAP_DAC_OVERRIDE);
    bool any_exec = S_ISDIR(attr.mode) || (attr.mode & 0111) != 0;
    if (override && ((mask & MAY_EXEC) == 0 || any_exec)) {
        return 0;
    }
    unsigned bits = attr.mode & 7;
    if (uid == attr.uid) {
        bits = attr.mode >> 6 & 7;
    } else if (access_in_group(attr.gid, real)) {
        bits = attr.mode >> 3 & 7;
    }
    return (mask & ~bits) == 0 ? 0 : -EACCES;
}
