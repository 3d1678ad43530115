/* SPDX-License-Identifier: MIT */
/* eventfd: a counter to wait for. */
#ifndef KERNEL_EVENTFD_H
#define KERNEL_EVENTFD_H

#include "kernel/file.h"

/* eventfd_create: a counter of start; semaphore: a read takes one, not all. flags: O_NONBLOCK or 0.
 * Returns 0 or -ENOMEM. Source: eventfd(2). */
MUST_CHECK int eventfd_create(unsigned start, bool semaphore, unsigned flags, struct file **out);

#endif
