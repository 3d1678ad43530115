/* SPDX-License-Identifier: MIT */
/* The report of `elfin run --stats`, printed on the log stream when the program ends. */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

#include "kernel/base/base.h"

#define STATS_MAX_REPORTERS 4

/* A layer above adds lines: it calls emit for each, without a newline. */
typedef void (*stats_reporter)(void (*emit)(const char *line));

/* stats_enable: the report was asked for (configuration stats=1). */
void stats_enable(void);

/* stats_add_reporter: have reporter called after the kernel's own lines, in order of adding. At boot,
 * from kernel/main.c; at most STATS_MAX_REPORTERS. */
void stats_add_reporter(stats_reporter reporter);

/* stats_print: the report, once, if it was asked for. */
void stats_print(void);

#endif
