/* SPDX-License-Identifier: MIT */
/* The caller's terminal: what the guest is told about it, and what the guest does to it. */
#ifndef TOOLS_ELFIN_TERMINAL_H
#define TOOLS_ELFIN_TERMINAL_H

#include "tools/elfin/words.h"

/* terminal_describe: append kernel options for the standard streams that are terminals: which, and
 * the size of the screen (" tty=0,1 winsize=80x24"). Nothing if none is. */
void terminal_describe(struct text *options);

/* terminal_start: remember the settings. terminal_restore: put them back if terminal_set changed
 * them. */
void terminal_start(void);
void terminal_restore(void);

/* terminal_set: apply what the program set with tcsetattr: "IFLAG OFLAG LFLAG VMIN VTIME",
 * hexadecimal. Lines are edited and echoed by this terminal, so it must have the program's
 * settings. */
void terminal_set(const char *text);

#endif
