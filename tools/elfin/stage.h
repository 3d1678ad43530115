/* SPDX-License-Identifier: MIT */
/* A private folder that holds copies of everything the guest will see, for mkfs.erofs to read. */
#ifndef TOOLS_ELFIN_STAGE_H
#define TOOLS_ELFIN_STAGE_H

#include "tools/elfin/interrupt.h"
#include "tools/elfin/tree.h"

/* stage_create: make the folder below parent and fill it; owners as far as the user may. One at a
 * time. Returns 0 with *root, the path of the tree, which stays valid until stage_remove; or an
 * exit status after a message. stage_remove is due in any case; leaving the tool by exit does it
 * too.
 * stage_leave: a child process, forked since, does it in this one's place. */
int stage_create(const struct interrupt *h, struct tree *t, const char *parent, const char **root);
void stage_remove(void);
void stage_leave(void);

#endif
