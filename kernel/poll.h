/* SPDX-License-Identifier: MIT */
/* The poll core: what holds for files now, and one sleeper on the queues of many. */
#ifndef KERNEL_POLL_H
#define KERNEL_POLL_H

#include <asm/poll.h>

#include "kernel/file.h"

#define POLL_ALWAYS (POLLERR | POLLHUP) /* reported whether asked for or not */
/* of files without a poll member */
#define POLL_NO_WAIT (POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM)

/* One file that a thread waits for. */
struct poll_item {
    /* referenced by the caller; NULL: revents is the caller's, counts when set */
    struct file *file;
    unsigned events; /* asked for */
    unsigned revents; /* found */
    struct wait_entry entry; /* poll_wait's */
    struct sleeper *sleeper; /* poll_wait's */
};

/* poll_file: the events of f that hold now; *q = queue that is woken when they change, NULL when
 * they never do. */
unsigned poll_file(struct file *f, struct wait_queue **q);

/* poll_wait: until an event of an item holds, which sets each item's revents, or the deadline
 * passes. A deadline in the past looks once.
 *   items        array[n], n may be 0
 *   deadline_ns  CLOCK_MONOTONIC; TIME_NEVER for none
 * Returns the number of items with revents, 0 at the deadline, -EINTR for a signal while none has.
 * Context: may block. Source: poll(2). */
MUST_CHECK long poll_wait(struct poll_item *items, size_t n, uint64_t deadline_ns);

#endif
