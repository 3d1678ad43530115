/* SPDX-License-Identifier: MIT */
/* Signals that tell that a socket is ready: O_ASYNC, F_SETOWN, F_SETSIG. */
#ifndef NET_SIGIO_H
#define NET_SIGIO_H

#include <asm/siginfo.h>
#include <linux/fcntl.h>

#include "kernel/base/base.h"
#include "kernel/base/lock.h"

/* Part of each socket, under its lock. */
struct sigio {
    bool on; /* [A] O_ASYNC */
    int fd; /* the descriptor that it was set through */
    int type, pid; /* F_OWNER_*; pid 0: nobody */
    int signal; /* F_SETSIG; 0: SIGIO without si_fd */
};

struct socket;

/* sigio_send: tell the owner of s, which is on, that reason (POLL_IN ... of <asm/siginfo.h>) holds.
 * Context: any; no lock of a socket held. */
void sigio_send(struct socket *s, int reason);

/* sigio_set: O_ASYNC, through descriptor fd. */
void sigio_set(struct socket *s, bool on, int fd);

/* sigio_set_owner: a process, thread or process group; pid 0 for nobody. Returns 0, -EINVAL bad
 * type, -ESRCH. sigio_owner: what was set. sigio_set_signal: 0 or -EINVAL; sigio_signal. */
MUST_CHECK int sigio_set_owner(struct socket *s, const struct f_owner_ex *owner);
void sigio_owner(struct socket *s, struct f_owner_ex *out);
MUST_CHECK int sigio_set_signal(struct socket *s, uint64_t sig);
int sigio_signal(struct socket *s);

#endif
