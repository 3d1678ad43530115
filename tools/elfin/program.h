/* SPDX-License-Identifier: MIT */
/* Finds the program to run. */
#ifndef TOOLS_ELFIN_PROGRAM_H
#define TOOLS_ELFIN_PROGRAM_H

#include <stdbool.h>

#include "tools/elfin/executable.h"
#include "tools/elfin/tree.h"

struct program {
    char *path; /* in the guest, as it was named but absolute */
    struct executable elf;
};

/* program_find: what name means: a path, or a name to be looked up on search_path. The file, and
 * the links that lead to it, are in the tree afterwards. Relative paths start in cwd.
 * Returns 0; or an exit status after a message: 127 not found, 126 nothing to run. */
int program_find(struct tree *t, const char *name, const char *search_path, const char *cwd,
                 struct program *out);
void program_fini(struct program *p);

#endif
