/* SPDX-License-Identifier: MIT */
/* Control messages: what goes along with the data of AF_UNIX sockets. */
#ifndef NET_SCM_H
#define NET_SCM_H

#include "kernel/file.h"
#include "net/message.h"

struct scm {
    struct file **files; /* array[n], each with a reference; heap, NULL when n is 0 */
    unsigned n;
    struct user_ucred cred; /* the sender's */
    bool told; /* the sender gave cred itself */
};

/* scm_take: what a sender's control messages say, and who he is. Returns 0, -EINVAL, -EBADF,
 * -EPERM, -ESRCH, -ENOMEM. Pair with scm_drop. */
MUST_CHECK int scm_take(struct scm *s, const struct message *m);

/* scm_copy: to has the same files, with references of its own. Returns 0 or -ENOMEM. */
MUST_CHECK int scm_copy(struct scm *to, const struct scm *from);
void scm_drop(struct scm *s);

/* scm_put: control messages for a receiver, who gets descriptors for the files. credentials:
 * SO_PASSCRED. Context: may block. */
void scm_put(const struct scm *s, struct message *m, bool credentials);

#endif
