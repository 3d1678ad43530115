/* SPDX-License-Identifier: MIT */
/* Calls that name a process by its id or by a descriptor: there is one.
 * Source: process_vm_readv(2), pidfd_open(2), pidfd_send_signal(2). */
#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/siginfo.h>
#include <linux/pidfd.h>
#include <linux/uio.h>

#include "fs/procfs.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"

#define PIECE 4096UL /* bytes in flight at a time */

/* Move up to n bytes between the program's own remote range and local. Returns bytes, -EFAULT when
 * there are none. */
static long move_range(struct iov_iter *local, char USER *remote, size_t n, bool write, char *piece)
{
    long done = 0;
    while (n != 0 && iov_left(local) != 0) {
        size_t want = min(min(n, PIECE), iov_left(local));
        long got;
        if (write) {
            got = iov_copy_from(local, piece, want);
            got = got > 0 ? (long)uaccess_write_part(remote, piece, (size_t)got) : got;
        } else {
            got = (long)uaccess_read_part(piece, remote, want);
            got = got > 0 ? iov_copy_to(local, piece, (size_t)got) : got;
        }
        if (got <= 0) {
            return done != 0 ? done : -EFAULT;
        }
        done += got;
        remote += got;
        n -= (size_t)got;
        if ((size_t)got < want) {
            break;
        }
    }
    return done;
}

static long move_all(struct iov_iter *local, const struct iovec_list *remote, bool write)
{
    long done = 0;
    char *piece = heap_alloc(PIECE);
    if (piece == NULL) {
        return -ENOMEM;
    }
    for (unsigned i = 0; i < remote->it.n && iov_left(local) != 0; i++) {
        const struct iov *v = &remote->it.iov[i];
        long n = move_range(local, uptr(char, v->base), v->len, write, piece);
        if (n < 0 && done == 0) {
            done = n;
        }
        if (n < 0 || (size_t)n < v->len) {
            done += done >= 0 ? max(n, 0L) : 0;
            break;
        }
        done += n;
    }
    heap_free(piece);
    return done;
}

/* One process, whose memory is at hand. */
static long move_memory(int pid, const struct iovec_list *remote, struct iov_iter *local,
                        bool write)
{
    if (pid != PROCESS_PID) {
        return pid == PROCESS_PPID ? -EPERM : -ESRCH;
    }
    return move_all(local, remote, write);
}

static long vm_move(int pid, const struct iovec USER *local, unsigned long nlocal,
                    const struct iovec USER *remote, unsigned long nremote, bool write)
{
    struct iovec_list here;
    struct iovec_list there;
    long result = iovec_take(&here, local, nlocal);
    if (result != 0) {
        return result;
    }
    result = iovec_take(&there, remote, nremote);
    if (result == 0) {
        result = here.it.total != 0 ? move_memory(pid, &there, &here.it, write) : 0;
        iovec_drop(&there);
    }
    iovec_drop(&here);
    return result;
}

long sys_process_vm_readv(int pid, const struct iovec USER *local, unsigned long nlocal,
                          const struct iovec USER *remote, unsigned long nremote,
                          unsigned long flags)
{
    return flags != 0 ? -EINVAL : vm_move(pid, local, nlocal, remote, nremote, false);
}

long sys_process_vm_writev(int pid, const struct iovec USER *local, unsigned long nlocal,
                           const struct iovec USER *remote, unsigned long nremote,
                           unsigned long flags)
{
    return flags != 0 ? -EINVAL : vm_move(pid, local, nlocal, remote, nremote, true);
}

/* A descriptor of the process: it would become readable at its end, which nobody sees. */
static unsigned pidfd_poll(struct file *f, struct wait_queue **q)
{
    (void)f;
    *q = NULL;
    return 0;
}

static const struct file_ops pidfd_ops = {.name = "pidfd", .poll = pidfd_poll};

long sys_pidfd_open(int pid, unsigned flags)
{
    if ((flags & ~(unsigned)PIDFD_NONBLOCK) != 0 || pid <= 0) {
        return -EINVAL;
    }
    if (pid != PROCESS_PID) {
        return -ESRCH;
    }
    struct file *f = file_create(&pidfd_ops, NULL, O_RDWR | (flags & PIDFD_NONBLOCK));
    if (f == NULL) {
        return -ENOMEM;
    }
    return fd_give(f, 0, O_CLOEXEC);
}

static long send_to_self(int sig, const void USER *uinfo)
{
    siginfo_t info;
    signal_info_of_self(&info, 0, SI_USER);
    if (uinfo != NULL && uaccess_read(&info, uinfo, sizeof(info)) != 0) {
        return -EFAULT;
    }
    if (uinfo != NULL && info.si_signo != sig) {
        return -EINVAL;
    }
    if (info.si_code == SI_TIMER) {
        info.si_sys_private = 0; /* it is no timer's */
    }
    if (sig == 0) {
        return 0;
    }
    info.si_signo = sig;
    return signal_send(sig, &info);
}

long sys_pidfd_send_signal(int fd, int sig, const void USER *info, unsigned flags)
{
    if (flags != 0) {
        return -EINVAL;
    }
    struct fd_ref r = fd_borrow(fd);
    bool ok = r.file != NULL && (r.file->ops == &pidfd_ops ||
                                 (r.file->vnode != NULL && procfs_is_process(r.file->vnode)));
    fd_return(r);
    return ok ? send_to_self(sig, info) : -EBADF;
}
