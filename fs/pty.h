/* SPDX-License-Identifier: MIT */
/* Pseudo terminals: /dev/ptmx and /dev/pts. */
#ifndef FS_PTY_H
#define FS_PTY_H

#include "fs/vnode.h"

#define PTY_MAJOR 136 /* of slaves; the minor is the terminal's number */
#define PTY_MAX 64 /* at once */

/* pty_init: slaves get their nodes in dir, whose reference is taken over. */
void pty_init(struct vnode *dir);

/* pty_open_master: a new terminal's. Returns 0, -ENOSPC (PTY_MAX of them), -ENOMEM. */
MUST_CHECK int pty_open_master(unsigned flags, struct file **out);

/* pty_open_slave: of terminal number. Returns 0; -EIO: it is locked, or there is none any more;
 * -ENOMEM. Source: pts(4). */
MUST_CHECK int pty_open_slave(unsigned number, unsigned flags, struct file **out);

#endif
