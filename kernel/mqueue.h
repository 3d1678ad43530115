/* SPDX-License-Identifier: MIT */
/* POSIX message queues: messages with priorities, in queues that have names. */
#ifndef KERNEL_MQUEUE_H
#define KERNEL_MQUEUE_H

#include <asm/siginfo.h>
#include <linux/mqueue.h>

#include "kernel/file.h"

/* mqueue_open: the queue of this name, made when flags has O_CREAT.
 *   name   without the slash that it begins with for the C library
 *   flags  access mode, O_NONBLOCK, O_CREAT, O_EXCL
 *   attr   of a new queue; NULL: as usual
 * Returns 0, -EACCES, -EEXIST, -EINVAL, -EMFILE (RLIMIT_MSGQUEUE), -ENOENT, -ENOMEM, -ENOSPC.
 * Source: mq_open(3), mq_overview(7). */
MUST_CHECK int mqueue_open(const char *name, int flags, unsigned mode, const struct mq_attr *attr,
                           struct file **out);

/* mqueue_unlink: take the name away. Returns 0, -ENOENT, -EPERM. */
MUST_CHECK int mqueue_unlink(const char *name);

/* mqueue_send, mqueue_receive: one message of the program; receive gives its length and *priority.
 *   deadline_ns  CLOCK_MONOTONIC; TIME_NEVER: none
 * Return -EBADF not a queue or not opened for it, -EMSGSIZE, -EAGAIN, -ETIMEDOUT, -ERESTARTSYS,
 * -EFAULT, -ENOMEM. Context: may block. Source: mq_send(3), mq_receive(3). */
MUST_CHECK long mqueue_send(struct file *f, const void USER *message, size_t len, unsigned priority,
                            uint64_t deadline_ns);
MUST_CHECK long mqueue_receive(struct file *f, void USER *message, size_t cap, unsigned *priority,
                               uint64_t deadline_ns);

/* mqueue_notify: tell once, by ev (SIGEV_NONE or SIGEV_SIGNAL, checked), of a message in the empty
 * queue; NULL: not any more. Returns 0, -EBADF, -EBUSY. Source: mq_notify(3). */
MUST_CHECK int mqueue_notify(struct file *f, const struct sigevent *ev);

/* mqueue_attr: *old is what it is; set, unless NULL, changes O_NONBLOCK. Returns 0, -EBADF. */
MUST_CHECK int mqueue_attr(struct file *f, const struct mq_attr *set, struct mq_attr *old);

#endif
