/* SPDX-License-Identifier: MIT */
/* Decides what the guest's root file system holds. */
#ifndef TOOLS_ELFIN_ROOTFS_H
#define TOOLS_ELFIN_ROOTFS_H

#include "tools/elfin/options.h"
#include "tools/elfin/tree.h"

/* rootfs_plan: fill tree (tree_init is called here) for the options, and config, empty, with the
 * text of the guest's configuration.
 * Returns 0, or an exit status after a message; tree_fini is due in any case. */
int rootfs_plan(struct tree *t, const struct run_options *o, struct text *config);

#endif
