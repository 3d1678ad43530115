/* SPDX-License-Identifier: MIT */
/* epoll: a set of open files and the events that their users wait for. */
#ifndef KERNEL_EPOLL_H
#define KERNEL_EPOLL_H

#include <linux/eventpoll.h>

#include "kernel/file.h"

/* epoll_create_file: an empty set. Returns 0 or -ENOMEM. */
MUST_CHECK int epoll_create_file(struct file **out);

/* epoll_control: epoll_ctl(2).
 *   f       an epoll file, else -EINVAL
 *   target  the file to watch, with the descriptor fd that names it
 *   ev      taken for EPOLL_CTL_ADD and EPOLL_CTL_MOD
 * Returns 0, -EINVAL, -EEXIST, -ENOENT, -EPERM, -ELOOP, -ENOMEM. Context: may block. */
MUST_CHECK int epoll_control(struct file *f, int op, struct file *target, int fd,
                             const struct epoll_event *ev);

/* epoll_collect: up to max events, waiting for the first until deadline_ns (CLOCK_MONOTONIC; a
 * time in the past: look once).
 *   out     array[max] of the program
 * Returns their number, 0 at the deadline, -EINVAL not an epoll file, -EINTR, -EFAULT. Context: may
 * block. */
MUST_CHECK long epoll_collect(struct file *f, struct epoll_event USER *out, int max,
                              uint64_t deadline_ns);

#endif
