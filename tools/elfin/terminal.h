/* SPDX-License-Identifier: MIT */
/* The caller's terminal: what the guest is told about it, and what the guest does to it. */
#ifndef TOOLS_ELFIN_TERMINAL_H
#define TOOLS_ELFIN_TERMINAL_H

#include <stdbool.h>

#include "tools/elfin/words.h"

/* terminal_describe: append kernel options for the standard streams that are terminals: which,
 * their settings as stty -g writes them, and the size of the screen (" tty=0,1 termios=500:5:...
 * winsize=80x24"). Nothing if none is. */
void terminal_describe(struct text *options);

/* terminal_size: write what the guest is to know of the window's size into line, as the event
 * "winsize COLUMNS ROWS XPIXELS YPIXELS\n". Returns false when there is no terminal. */
bool terminal_size(struct text *line);

/* terminal_restore: put the settings back that were before the first terminal_set.
 * terminal_resume: set the program's again. Neither does anything in the background. */
void terminal_restore(void);
void terminal_resume(void);

/* terminal_set: apply what the program set with tcsetattr: "WHEN IFLAG:OFLAG:CFLAG:LFLAG:CC:CC...".
 * Lines are edited and echoed by this terminal, and its keys make signals, so it must have the
 * program's settings. Returns true if input that was typed before is to be forgotten. */
bool terminal_set(const char *text);

#endif
