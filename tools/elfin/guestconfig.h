/* SPDX-License-Identifier: MIT */
/* Writes the guest's boot configuration, whose form is described in loader/config.h. */
#ifndef TOOLS_ELFIN_GUESTCONFIG_H
#define TOOLS_ELFIN_GUESTCONFIG_H

#include <stdbool.h>

#include "tools/elfin/words.h"

struct guestconfig {
    const char *exec, *cwd; /* absolute guest paths */
    const struct words *args, *env;
    bool rewrite, stats;
};

/* guestconfig_write: append the configuration to out. */
void guestconfig_write(const struct guestconfig *c, struct text *out);

#endif
