/* SPDX-License-Identifier: MIT */
/* Signals that tell that a socket is ready. What a socket has of it is under the socket's lock,
 * which is not held while the signal is sent. Source: fcntl(2), F_SETOWN; signal(7), SIGIO. */
#include "net/sigio.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/signal.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "net/socket.h"

#define SIGNALS 64 /* the greatest number */

/* si_band for each reason. */
static const short bands[] = {
    [POLL_IN] = POLLIN | POLLRDNORM,
    [POLL_OUT] = POLLOUT | POLLWRNORM | POLLWRBAND,
    [POLL_MSG] = POLLIN | POLLRDNORM | POLLMSG,
    [POLL_ERR] = POLLERR,
    [POLL_PRI] = POLLPRI | POLLRDBAND,
    [POLL_HUP] = POLLHUP | POLLERR,
};

static int send_to_owner(const struct sigio *io, int sig, const siginfo_t *info)
{
    if (io->type != F_OWNER_TID) {
        return signal_send(sig, info);
    }
    struct thread *t = thread_find(io->pid);
    if (t == NULL) {
        return 0;
    }
    int err = signal_send_thread(t, sig, info);
    thread_put(t);
    return err;
}

void sigio_send(struct socket *s, int reason)
{
    siginfo_t info;
    spin_lock(&s->lock);
    struct sigio io = s->sigio;
    spin_unlock(&s->lock);
    if (!io.on || io.pid == 0) {
        return;
    }
    memset(&info, 0, sizeof(info));
    if (io.signal != 0) {
        info.si_signo = io.signal;
        info.si_code = reason;
        info.si_band = bands[reason];
        info.si_fd = io.fd;
        if (send_to_owner(&io, io.signal, &info) == 0) {
            return;
        }
        memset(&info, 0, sizeof(info)); /* the queue is full: at least tell that something is */
    }
    info.si_signo = SIGIO;
    info.si_code = SI_KERNEL;
    (void)send_to_owner(&io, SIGIO, &info); /* such signals are never refused */
}

void sigio_set(struct socket *s, bool on, int fd)
{
    spin_lock(&s->lock);
    s->sigio.fd = fd;
    __atomic_store_n(&s->sigio.on, on, __ATOMIC_RELAXED);
    spin_unlock(&s->lock);
}

static bool exists(const struct f_owner_ex *owner)
{
    if (owner->type == F_OWNER_PGRP) {
        return owner->pid == process.pgid;
    }
    struct thread *t = thread_find(owner->pid);
    if (t != NULL) {
        thread_put(t);
    }
    return t != NULL || owner->pid == PROCESS_PID;
}

int sigio_set_owner(struct socket *s, const struct f_owner_ex *owner)
{
    if (owner->type < F_OWNER_TID || owner->type > F_OWNER_PGRP) {
        return -EINVAL;
    }
    if (owner->pid != 0 && !exists(owner)) {
        return -ESRCH;
    }
    spin_lock(&s->lock);
    s->sigio.type = owner->type;
    s->sigio.pid = owner->pid;
    spin_unlock(&s->lock);
    return 0;
}

void sigio_owner(struct socket *s, struct f_owner_ex *out)
{
    spin_lock(&s->lock);
    *out = (struct f_owner_ex){s->sigio.type, s->sigio.pid};
    spin_unlock(&s->lock);
}

int sigio_set_signal(struct socket *s, uint64_t sig)
{
    if (sig > SIGNALS) {
        return -EINVAL;
    }
    spin_lock(&s->lock);
    s->sigio.signal = (int)sig;
    spin_unlock(&s->lock);
    return 0;
}

int sigio_signal(struct socket *s)
{
    spin_lock(&s->lock);
    int sig = s->sigio.signal;
    spin_unlock(&s->lock);
    return sig;
}
