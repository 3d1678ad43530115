/* SPDX-License-Identifier: MIT */
/* The report of `elfin run --stats`, printed on the log stream when the program ends. */
#ifndef KERNEL_STATS_H
#define KERNEL_STATS_H

#include "kernel/base/base.h"

/* stats_init: enabled: the report was asked for (configuration stats=1). reporter (may be NULL)
 * adds the lines of a layer above: it calls emit for each, without a newline. */
void stats_init(bool enabled, void (*reporter)(void (*emit)(const char *line)));

/* stats_print: the report, once, if it was asked for. */
void stats_print(void);

#endif
