/* SPDX-License-Identifier: MIT */
/* The one report that a fatal signal prints. */
#ifndef KERNEL_CRASH_H
#define KERNEL_CRASH_H

#include "kernel/signal.h"

/* crash_report: signal, address, registers, backtrace and map on the log; f is the program's
 * state. */
void crash_report(int sig, const siginfo_t *info, const struct frame *f);

/* crash_set_symbols: how an address becomes "name+0x12 (file)"; returns the length of the text or a
 * negative errno. Installed by kernel/main.c from the loader. */
void crash_set_symbols(long (*fn)(uint64_t addr, char *buf, size_t cap));

#endif
