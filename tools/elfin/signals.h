/* SPDX-License-Identifier: MIT */
/* The signals that the tool gets in place of the program. */
#ifndef TOOLS_ELFIN_SIGNALS_H
#define TOOLS_ELFIN_SIGNALS_H

#include <stdbool.h>
#include <sys/types.h>

#include "tools/elfin/words.h"

/* signals_describe: append kernel options: " events", as signals will come, and which ones the
 * caller ignores, if any: the program starts like that (" sigign=0x1"). */
void signals_describe(struct text *options);

/* signals_start: from here on the program's signals do nothing to the tool. Returns a non-blocking
 * signalfd for them, -1 when there is none. */
int signals_start(void);

/* signals_ends: one that is sent to end a program. */
bool signals_ends(int number);

/* signals_stop: as signal number's default action: halt the machine, and stop until this process is
 * continued; then the machine goes on. */
void signals_stop(int number, pid_t machine);

#endif
