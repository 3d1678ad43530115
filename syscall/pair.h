/* SPDX-License-Identifier: MIT */
/* Two ends of one thing that are opened at once. */
#ifndef SYSCALL_PAIR_H
#define SYSCALL_PAIR_H

#include "kernel/base/base.h"

struct file;

/* pair_open: give both ends descriptors and write the two numbers to the program's fds. flags:
 * O_CLOEXEC, others do not matter. Takes the references over: whatever fails, both ends are let go.
 * Returns 0, -EMFILE, -ENOMEM, -EFAULT. Context: may block. */
long pair_open(struct file *end[2], unsigned flags, int USER *fds);

#endif
