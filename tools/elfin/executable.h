/* SPDX-License-Identifier: MIT */
/* What the tool needs to know of an ELF file of the host: can it run here, and what does it ask
 * for. */
#ifndef TOOLS_ELFIN_EXECUTABLE_H
#define TOOLS_ELFIN_EXECUTABLE_H

#include <stdbool.h>

#include "tools/elfin/words.h"

struct executable {
    char *interpreter; /* PT_INTERP, NULL if none */
    struct words needed; /* DT_NEEDED in order */
    char *soname, *rpath, *runpath; /* NULL if none */
};

enum executable_verdict {
    EXECUTABLE_OK, /* x86-64 ET_EXEC or ET_DYN, headers sound */
    EXECUTABLE_UNREADABLE, /* open or read failed */
    EXECUTABLE_FOREIGN, /* not ELF at all */
    EXECUTABLE_UNFIT, /* ELF, but of another machine, an object file, truncated, damaged */
};

/* executable_read: look at the file. On EXECUTABLE_OK fills out (executable_fini frees it); else
 * *why is a phrase that completes "FILE ", valid until the next call. why may be NULL. */
enum executable_verdict executable_read(const char *path, struct executable *out, const char **why);
void executable_fini(struct executable *e);

#endif
