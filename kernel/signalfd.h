/* SPDX-License-Identifier: MIT */
/* signalfd: pending signals as something to read. */
#ifndef KERNEL_SIGNALFD_H
#define KERNEL_SIGNALFD_H

#include "kernel/file.h"

/* signalfd_create: reads take the signals of set that are pending for the reader or the process.
 * flags: O_NONBLOCK or 0. Returns 0 or -ENOMEM. signalfd_set: another set. Returns 0, -EINVAL: f is
 * no signalfd. Source: signalfd(2). */
MUST_CHECK int signalfd_create(uint64_t set, unsigned flags, struct file **out);
MUST_CHECK int signalfd_set(struct file *f, uint64_t set);

#endif
