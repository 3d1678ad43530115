/* SPDX-License-Identifier: MIT */
/* What comes from where the program was started: signals, and the size of the terminal. */
#ifndef FS_TTYHOST_H
#define FS_TTYHOST_H

#include "kernel/base/base.h"

/* ttyhost_start: take what the boot options say of signals (sigign=SET), and from soon on what the
 * host tool sends if it has a port for that (boot option events). Call before anything is written
 * to the console. */
void ttyhost_start(void);

/* ttyhost_set_clock: ask the tool for the time where the machine does not tell it well, and wait
 * for it. Once, on the boot CPU, after ttyhost_start and process_init; nobody sleeps here. */
void ttyhost_set_clock(void);

/* ttyhost_ask: send a request, text[len] with its newline, on the log stream, behind all output so
 * far, and wait until the tool has done it. Context: may block. */
void ttyhost_ask(const char *text, size_t len);

#endif
