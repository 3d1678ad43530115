/* SPDX-License-Identifier: MIT */
/* Sockets behind descriptors, and addresses, of system calls. */
#ifndef SYSCALL_SOCKETFD_H
#define SYSCALL_SOCKETFD_H

#include "net/socket.h"

/* socket_borrow: the socket at fd for the length of the call. Returns 0, -EBADF, -ENOTSOCK. End
 * with fd_return. */
MUST_CHECK int socket_borrow(int fd, struct fd_ref *r, struct socket **s);

/* address_read: the program's address of len bytes into addr[SOCKET_ADDRESS_MAX], the rest of which
 * is zero. Returns 0, -EINVAL (len), -EFAULT. */
MUST_CHECK int address_read(char *addr, const void USER *from, int len);

/* address_write: n bytes of addr for the program's buffer of *len bytes, as far as they fit; *len
 * becomes n. Returns 0, -EINVAL (*len), -EFAULT. */
MUST_CHECK int address_write(const char *addr, size_t n, void USER *out, int USER *len);

/* call_flags: MSG_* of a call on f. */
static inline unsigned call_flags(const struct file *f, unsigned flags)
{
    return flags | ((f->flags & O_NONBLOCK) != 0 ? MSG_DONTWAIT : 0);
}

#endif
