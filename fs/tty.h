/* SPDX-License-Identifier: MIT */
/* The console as an open file, and the terminal that it may be. */
#ifndef FS_TTY_H
#define FS_TTY_H

#include "kernel/file.h"
#include "platform/console.h"

/* What an open file of the console is to the program. */
enum tty_role { TTY_STDIN, TTY_STDOUT, TTY_STDERR, TTY_CONSOLE };

/* tty_open: an open file of the console. A role that is no terminal on the host is a pipe to the
 * program. Returns 0 or -ENOMEM. */
MUST_CHECK int tty_open(enum tty_role role, unsigned flags, struct file **out);

/* tty_exists: some stream is a terminal, so there is a /dev/tty. */
bool tty_exists(void);

#endif
