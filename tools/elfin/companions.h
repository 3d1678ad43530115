/* SPDX-License-Identifier: MIT */
/* Files that programs and libraries open by name while they run: the modules of interpreters,
 * tables and plug-ins of libraries. */
#ifndef TOOLS_ELFIN_COMPANIONS_H
#define TOOLS_ELFIN_COMPANIONS_H

#include "tools/elfin/deps.h"

/* companions_add: add what belongs to the program (its name, links followed) and to each library
 * that d has found, and the libraries that the added modules need. Returns 0, or an exit status
 * after a message. */
int companions_add(struct deps *d, const char *program);

#endif
