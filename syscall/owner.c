/* SPDX-License-Identifier: MIT */
/* Who is told by a signal that a descriptor is ready: the owner. Owns nothing, no locks.
 * Source: fcntl(2), socket(7) on FIOSETOWN. */
#include "syscall/owner.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/sockios.h>
#include <linux/fcntl.h>

#include "kernel/base/print.h"
#include "kernel/uaccess.h"
#include "net/socket.h"

/* pid: as F_SETOWN has it: a process group when negative. */
static long set_owner(struct socket *s, int pid)
{
    struct f_owner_ex owner = {F_OWNER_PID, pid};
    if (pid < 0) {
        owner = (struct f_owner_ex){F_OWNER_PGRP, -pid};
    }
    return pid == INT32_MIN ? -EINVAL : sigio_set_owner(s, &owner);
}

static int get_owner(struct socket *s)
{
    struct f_owner_ex owner;
    sigio_owner(s, &owner);
    return owner.type == F_OWNER_PGRP ? -owner.pid : owner.pid;
}

static long set_owner_ex(struct socket *s, const struct f_owner_ex USER *arg)
{
    struct f_owner_ex owner;
    return uaccess_read(&owner, arg, sizeof(owner)) != 0 ? -EFAULT : sigio_set_owner(s, &owner);
}

static long get_owner_ex(struct socket *s, struct f_owner_ex USER *arg)
{
    struct f_owner_ex owner;
    sigio_owner(s, &owner);
    return uaccess_write(arg, &owner, sizeof(owner));
}

static long no_owner(unsigned cmd)
{
    if (cmd == F_GETOWN || cmd == F_GETSIG) {
        return 0; /* nobody */
    }
    log(SYSCALL, INFO, "fcntl command %u is only supported for sockets (EINVAL)", cmd);
    return -EINVAL;
}

long owner_fcntl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct socket *s = socket_of(f);
    if (s == NULL) {
        return no_owner(cmd);
    }
    switch (cmd) {
    case F_SETOWN: return set_owner(s, (int)arg);
    case F_GETOWN: return get_owner(s);
    case F_SETOWN_EX: return set_owner_ex(s, uptr(const struct f_owner_ex, arg));
    case F_GETOWN_EX: return get_owner_ex(s, uptr(struct f_owner_ex, arg));
    case F_SETSIG: return sigio_set_signal(s, arg);
    default: return sigio_signal(s);
    }
}

void owner_set_async(int fd, struct file *f, unsigned flags)
{
    struct socket *s = socket_of(f);
    if (s != NULL && ((flags ^ f->flags) & FASYNC) != 0) {
        sigio_set(s, (flags & FASYNC) != 0, fd);
    }
}

static long set_async(int fd, struct file *f, const int USER *arg)
{
    int on;
    if (uaccess_read(&on, arg, sizeof(on)) != 0) {
        return -EFAULT;
    }
    owner_set_async(fd, f, on != 0 ? FASYNC : 0);
    file_set_flags(f, FASYNC, on != 0 ? FASYNC : 0);
    return 0;
}

long owner_ioctl(int fd, struct file *f, unsigned cmd, uint64_t arg)
{
    struct socket *s = socket_of(f);
    int pid;
    if (s == NULL) {
        return -ENOTTY;
    }
    switch (cmd) {
    case FIOASYNC: return set_async(fd, f, uptr(const int, arg));
    case FIOSETOWN:
    case SIOCSPGRP:
        return uaccess_read(&pid, uptr(const void, arg), sizeof(pid)) != 0 ? -EFAULT
                                                                           : set_owner(s, pid);
    case FIOGETOWN:
    case SIOCGPGRP: pid = get_owner(s); return uaccess_write(uptr(void, arg), &pid, sizeof(pid));
    default: return -ENOTTY;
    }
}
