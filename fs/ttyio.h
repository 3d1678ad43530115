/* SPDX-License-Identifier: MIT */
/* The terminal's settings: what the terminal ioctls read and write. */
#ifndef FS_TTYIO_H
#define FS_TTYIO_H

#include <asm/ioctls.h>
#include <asm/termbits.h>
#include <asm/termios.h>

#include "kernel/base/base.h"

#define TTYIO_RDEV 0x501 /* st_rdev of the console: 5, 1 */

/* ttyio_init: the host terminal's settings from the boot options termios=SETTINGS and
 * winsize=COLUMNSxROWS, or those of a fresh one. */
void ttyio_init(void);

/* ttyio_set_size: the window has another size now. Context: any. */
void ttyio_set_size(const struct winsize *to);

/* ttyio_control: one ioctl of tty_ioctl(4); arg is its raw argument. Returns 0; -EFAULT, -EINVAL,
 * -EPERM; -ENOTTY for one that is not known. */
long ttyio_control(unsigned cmd, uint64_t arg);

#endif
