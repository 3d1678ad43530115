/* SPDX-License-Identifier: MIT */
/* Who is told by a signal that a descriptor is ready. */
#ifndef SYSCALL_OWNER_H
#define SYSCALL_OWNER_H

#include "kernel/file.h"

/* owner_fcntl: F_SETOWN, F_GETOWN, F_SETOWN_EX, F_GETOWN_EX, F_SETSIG, F_GETSIG of f; only sockets
 * can have an owner. */
long owner_fcntl(struct file *f, unsigned cmd, uint64_t arg);

/* owner_ioctl: FIOASYNC, FIOSETOWN, SIOCSPGRP, FIOGETOWN, SIOCGPGRP of descriptor fd. -ENOTTY:
 * another command, or not a socket. */
long owner_ioctl(int fd, struct file *f, unsigned cmd, uint64_t arg);

/* owner_set_async: f, open as fd, gets these status flags: O_ASYNC may change. */
void owner_set_async(int fd, struct file *f, unsigned flags);

#endif
