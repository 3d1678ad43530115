/* SPDX-License-Identifier: MIT */
/* Control messages: what goes along with the data of AF_UNIX sockets. */
#ifndef NET_SCM_H
#define NET_SCM_H

#include "kernel/file.h"
#include "net/abi.h"

struct scm {
    struct file **files; /* array[n], each with a reference; heap, NULL when n is 0 */
    unsigned n;
    struct user_ucred cred; /* the sender's */
};

/* scm_take: what a sender's control buffer says, and who he is. Returns 0, -EINVAL, -EBADF, -EPERM,
 * -EFAULT, -ENOMEM. Pair with scm_drop. */
MUST_CHECK int scm_take(struct scm *s, const void USER *control, size_t len);

/* scm_self: no control buffer. */
void scm_self(struct scm *s);

/* scm_copy: to has the same files, with references of its own. Returns 0 or -ENOMEM. */
MUST_CHECK int scm_copy(struct scm *to, const struct scm *from);
void scm_drop(struct scm *s);

/* Where a receiver wants control messages. */
struct scm_target {
    uint64_t control; /* address of the program's buffer, 0: none */
    size_t len, used; /* room; bytes written */
    bool credentials; /* SO_PASSCRED */
    unsigned fd_flags; /* O_CLOEXEC or 0 */
};

/* scm_deliver: open descriptors for the files and write the messages. Returns MSG_CTRUNC or 0. */
unsigned scm_deliver(const struct scm *s, struct scm_target *t);

#endif
