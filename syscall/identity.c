/* SPDX-License-Identifier: MIT */
/* Who the process is: user and group ids, supplementary groups, process group, session.
 *
 * Each set-call computes the new ids from the old ones by the rule of its man page, then commits
 * them under process.lock together with what follows from a change: capabilities, dumpable, the
 * parent-death signal.
 *
 * Source: credentials(7), capabilities(7) "Effect of user ID changes on capabilities", setuid(2),
 * setreuid(2), setresuid(2), setfsuid(2), getgroups(2), setpgid(2), setsid(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/securebits.h>

#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"

#define UNCHANGED UINT32_MAX /* (uid_t)-1: leave this id alone */

/* Capabilities that follow the file-system user id. */
#define CAP_BIT(cap) (1UL << (cap))
#define FS_CAPS                                                                      \
    (CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_DAC_READ_SEARCH) | \
     CAP_BIT(CAP_FOWNER) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_LINUX_IMMUTABLE) |      \
     CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_MAC_OVERRIDE))

/* Real, effective, saved and file-system id of one kind. */
struct ids {
    uint32_t r, e, s, fs;
};

static struct ids user_ids(void)
{
    return (struct ids){process.uid, process.euid, process.suid, process.fsuid};
}

static struct ids group_ids(void)
{
    return (struct ids){process.gid, process.egid, process.sgid, process.fsgid};
}

static bool securebit(unsigned bit)
{
    return (process.attrs.securebits & bit) != 0;
}

static bool any_root(const struct ids *i)
{
    return i->r == 0 || i->e == 0 || i->s == 0;
}

/* What a change of user ids does to the capabilities. */
static void follow_caps_locked(const struct ids *old, const struct ids *now)
{
    struct process_caps *caps = &process.caps;

    lock_assert_held(&process.lock);
    if (securebit(SECBIT_NO_SETUID_FIXUP)) {
        return;
    }
    if (any_root(old) && !any_root(now)) {
        if (!securebit(SECBIT_KEEP_CAPS)) {
            caps->permitted = 0;
            caps->effective = 0;
        }
        caps->ambient = 0;
    }
    if (old->e == 0 && now->e != 0) {
        caps->effective = 0;
    } else if (old->e != 0 && now->e == 0) {
        caps->effective = caps->permitted;
    }
}

static void follow_fs_caps_locked(const struct ids *old, const struct ids *now)
{
    lock_assert_held(&process.lock);
    if (securebit(SECBIT_NO_SETUID_FIXUP)) {
        return;
    }
    if (old->fs == 0 && now->fs != 0) {
        process.caps.effective &= ~FS_CAPS;
    } else if (old->fs != 0 && now->fs == 0) {
        process.caps.effective |= process.caps.permitted & FS_CAPS;
    }
}

static void follow_change_locked(const struct ids *old, const struct ids *now)
{
    lock_assert_held(&process.lock);
    if (old->e != now->e || old->fs != now->fs) {
        process.attrs.dumpable = 0;
        process.attrs.pdeath_signal = 0;
    }
}

static long commit_users(const struct ids *now)
{
    struct ids old = user_ids();

    spin_lock(&process.lock);
    follow_caps_locked(&old, now);
    follow_change_locked(&old, now);
    process.uid = now->r;
    process.euid = now->e;
    process.suid = now->s;
    process.fsuid = now->fs;
    spin_unlock(&process.lock);
    return 0;
}

static long commit_groups(const struct ids *now)
{
    struct ids old = group_ids();

    spin_lock(&process.lock);
    follow_change_locked(&old, now);
    process.gid = now->r;
    process.egid = now->e;
    process.sgid = now->s;
    process.fsgid = now->fs;
    spin_unlock(&process.lock);
    return 0;
}

/* The rules. Each changes *i; privileged: CAP_SETUID or CAP_SETGID. Return 0, -EINVAL, -EPERM. */

static long rule_set(struct ids *i, bool privileged, uint32_t id)
{
    if (id == UNCHANGED) {
        return -EINVAL;
    }
    if (privileged) {
        i->r = id;
        i->s = id;
    } else if (id != i->r && id != i->s) {
        return -EPERM;
    }
    i->e = id;
    i->fs = id;
    return 0;
}

static long rule_setre(struct ids *i, bool privileged, uint32_t r, uint32_t e)
{
    struct ids old = *i;

    if (!privileged && r != UNCHANGED && r != old.r && r != old.e) {
        return -EPERM;
    }
    if (!privileged && e != UNCHANGED && e != old.r && e != old.e && e != old.s) {
        return -EPERM;
    }
    i->r = r != UNCHANGED ? r : old.r;
    i->e = e != UNCHANGED ? e : old.e;
    if (r != UNCHANGED || (e != UNCHANGED && e != old.r)) {
        i->s = i->e;
    }
    i->fs = i->e;
    return 0;
}

static bool may_become(const struct ids *i, uint32_t id)
{
    return id == UNCHANGED || id == i->r || id == i->e || id == i->s;
}

static long rule_setres(struct ids *i, bool privileged, uint32_t r, uint32_t e, uint32_t s)
{
    bool same_e = e == UNCHANGED || (e == i->e && e == i->fs);
    if ((r == UNCHANGED || r == i->r) && same_e && (s == UNCHANGED || s == i->s)) {
        return 0; /* nothing to do: a file-system id that differs stays, as in Linux since 6.3 */
    }
    if (!privileged && (!may_become(i, r) || !may_become(i, e) || !may_become(i, s))) {
        return -EPERM;
    }
    i->r = r != UNCHANGED ? r : i->r;
    i->e = e != UNCHANGED ? e : i->e;
    i->s = s != UNCHANGED ? s : i->s;
    i->fs = i->e;
    return 0;
}

/* False: nothing changes, which setfsuid(2) does not report. */
static bool rule_setfs(struct ids *i, bool privileged, uint32_t id)
{
    if (id == UNCHANGED || (!privileged && !may_become(i, id) && id != i->fs)) {
        return false;
    }
    i->fs = id;
    return true;
}

long sys_getuid(void)
{
    return process.uid;
}

long sys_geteuid(void)
{
    return process.euid;
}

long sys_getgid(void)
{
    return process.gid;
}

long sys_getegid(void)
{
    return process.egid;
}

long sys_setuid(unsigned uid)
{
    struct ids i = user_ids();
    long err = rule_set(&i, process_capable(CAP_SETUID), uid);
    return err != 0 ? err : commit_users(&i);
}

long sys_setgid(unsigned gid)
{
    struct ids i = group_ids();
    long err = rule_set(&i, process_capable(CAP_SETGID), gid);
    return err != 0 ? err : commit_groups(&i);
}

long sys_setreuid(unsigned ruid, unsigned euid)
{
    struct ids i = user_ids();
    long err = rule_setre(&i, process_capable(CAP_SETUID), ruid, euid);
    return err != 0 ? err : commit_users(&i);
}

long sys_setregid(unsigned rgid, unsigned egid)
{
    struct ids i = group_ids();
    long err = rule_setre(&i, process_capable(CAP_SETGID), rgid, egid);
    return err != 0 ? err : commit_groups(&i);
}

long sys_setresuid(unsigned ruid, unsigned euid, unsigned suid)
{
    struct ids i = user_ids();
    long err = rule_setres(&i, process_capable(CAP_SETUID), ruid, euid, suid);
    return err != 0 ? err : commit_users(&i);
}

long sys_setresgid(unsigned rgid, unsigned egid, unsigned sgid)
{
    struct ids i = group_ids();
    long err = rule_setres(&i, process_capable(CAP_SETGID), rgid, egid, sgid);
    return err != 0 ? err : commit_groups(&i);
}

static long write_ids(const struct ids *i, unsigned USER *r, unsigned USER *e, unsigned USER *s)
{
    if (uaccess_write(r, &i->r, sizeof(i->r)) != 0 || uaccess_write(e, &i->e, sizeof(i->e)) != 0) {
        return -EFAULT;
    }
    return uaccess_write(s, &i->s, sizeof(i->s));
}

long sys_getresuid(unsigned USER *ruid, unsigned USER *euid, unsigned USER *suid)
{
    struct ids i = user_ids();
    return write_ids(&i, ruid, euid, suid);
}

long sys_getresgid(unsigned USER *rgid, unsigned USER *egid, unsigned USER *sgid)
{
    struct ids i = group_ids();
    return write_ids(&i, rgid, egid, sgid);
}

long sys_setfsuid(unsigned uid)
{
    struct ids old = user_ids();
    struct ids i = old;

    if (rule_setfs(&i, process_capable(CAP_SETUID), uid)) {
        spin_lock(&process.lock);
        follow_fs_caps_locked(&old, &i);
        follow_change_locked(&old, &i);
        process.fsuid = i.fs;
        spin_unlock(&process.lock);
    }
    return old.fs;
}

long sys_setfsgid(unsigned gid)
{
    struct ids i = group_ids();
    uint32_t old = i.fs;

    if (rule_setfs(&i, process_capable(CAP_SETGID), gid)) {
        (void)commit_groups(&i);
    }
    return old;
}

long sys_getgroups(int n, unsigned USER *list)
{
    if (n < 0) {
        return -EINVAL;
    }
    if (n != 0) {
        if ((unsigned)n < process.ngroups) {
            return -EINVAL;
        }
        if (uaccess_write(list, process.groups, process.ngroups * sizeof(process.groups[0])) != 0) {
            return -EFAULT;
        }
    }
    return process.ngroups;
}

/* More than PROCESS_MAX_GROUPS groups are refused as if that were NGROUPS_MAX. */
long sys_setgroups(int n, const unsigned USER *list)
{
    uint32_t groups[PROCESS_MAX_GROUPS];

    if (!process_capable(CAP_SETGID)) {
        return -EPERM;
    }
    if (n < 0 || n > PROCESS_MAX_GROUPS) {
        return -EINVAL;
    }
    if (uaccess_read(groups, list, (unsigned)n * sizeof(groups[0])) != 0) {
        return -EFAULT;
    }
    for (int i = 0; i < n; i++) {
        if (groups[i] == UNCHANGED) {
            return -EINVAL;
        }
    }
    spin_lock(&process.lock);
    for (int i = 0; i < n; i++) {
        process.groups[i] = groups[i];
    }
    process.ngroups = (uint32_t)n;
    spin_unlock(&process.lock);
    return 0;
}

/* Process group or session of pid: ours, or that of the parent, which leads the session. */
static long group_of(int pid, int ours)
{
    if (pid == 0 || pid == PROCESS_PID) {
        return ours;
    }
    return pid == PROCESS_PPID ? PROCESS_PPID : -ESRCH;
}

long sys_getpgid(int pid)
{
    return group_of(pid, process.pgid);
}

long sys_getpgrp(void)
{
    return process.pgid;
}

long sys_getsid(int pid)
{
    return group_of(pid, process.sid);
}

/* The process leads its group already and has no children; there is no other group to join. */
long sys_setpgid(int pid, int pgid)
{
    if (pgid < 0) {
        return -EINVAL;
    }
    if (pid != 0 && pid != PROCESS_PID) {
        return -ESRCH;
    }
    return pgid == 0 || pgid == process.pgid ? 0 : -EPERM;
}

/* A group leader cannot start a session. */
long sys_setsid(void)
{
    return -EPERM;
}
