/* SPDX-License-Identifier: MIT */
/* The settings of a terminal that nobody has set. */
#ifndef FS_TTYFRESH_H
#define FS_TTYFRESH_H

#include <asm/termbits.h>

/* ttyfresh_settings: line editing, echo, signals by keys, as Linux's; nothing is read of *out. */
void ttyfresh_settings(struct termios2 *out);

#endif
