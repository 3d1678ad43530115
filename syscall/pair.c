/* SPDX-License-Identifier: MIT */
/* Descriptors for both ends of a pipe or a pair of sockets. Owns nothing, no locks.
 * Source: pipe(2), socketpair(2). */
#include "syscall/pair.h"

#include "kernel/file.h"
#include "kernel/uaccess.h"

long pair_open(struct file *end[2], unsigned flags, int USER *fds)
{
    int fd[2];
    fd[0] = fd_alloc(end[0], 0, flags);
    if (fd[0] < 0) {
        file_put(end[0]);
        file_put(end[1]);
        return fd[0];
    }
    fd[1] = fd_alloc(end[1], 0, flags);
    if (fd[1] < 0) {
        (void)fd_close(fd[0]);
        file_put(end[1]);
        return fd[1];
    }
    int err = uaccess_write(fds, fd, sizeof(fd));
    if (err != 0) {
        (void)fd_close(fd[0]);
        (void)fd_close(fd[1]);
    }
    return err;
}
