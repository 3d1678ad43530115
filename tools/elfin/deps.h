/* SPDX-License-Identifier: MIT */
/* What a program needs besides itself: its interpreter and its shared libraries, found the way its
 * interpreter will look for them. */
#ifndef TOOLS_ELFIN_DEPS_H
#define TOOLS_ELFIN_DEPS_H

#include <stdbool.h>

#include "tools/elfin/executable.h"
#include "tools/elfin/ldcache.h"
#include "tools/elfin/tree.h"

struct deps_object {
    char *path; /* in the guest, links followed */
    struct executable elf;
    const struct deps_object *loader; /* who needed it; NULL for the program and other starts */
    struct deps_object *next; /* in order of finding */
};

struct deps {
    struct tree *tree;
    const char *library_path; /* LD_LIBRARY_PATH as the guest will have it, or NULL */
    struct deps_object *first, *last;
    struct ldcache cache;
    struct words folders; /* searched last: built into the interpreter, or from musl's path file */
    bool musl;
    bool complete; /* a library that is missing is an error */
};

/* deps_init: tree is where everything comes from and goes to. complete: whether to insist on
 * finding every library that the program itself leads to. */
void deps_init(struct deps *d, struct tree *tree, const char *library_path, bool complete);
void deps_fini(struct deps *d);

/* deps_add_program: add what the program at guest path asks for; e is what executable_read said of
 * it.
 * Returns 0, or an exit status after a message. */
int deps_add_program(struct deps *d, const char *path, const struct executable *e);

/* deps_add_library: add the library called name, as dlopen would find it, and what it needs, if
 * there is one. deps_add_object: add what the ELF file at guest path needs; gaps are only noted. */
void deps_add_library(struct deps *d, const char *name);
void deps_add_object(struct deps *d, const char *path);

#endif
