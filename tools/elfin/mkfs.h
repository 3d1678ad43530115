/* SPDX-License-Identifier: MIT */
/* Runs mkfs.erofs of erofs-utils. */
#ifndef TOOLS_ELFIN_MKFS_H
#define TOOLS_ELFIN_MKFS_H

#include "tools/elfin/interrupt.h"

/* mkfs_run: write the folder as an EROFS image to the file image, which exists. File data lies in
 * whole blocks, so that the guest can map it in place. For any user but root, root owns all.
 * Returns 0, or an exit status after a message. */
int mkfs_run(const struct interrupt *h, const char *folder, const char *image);

#endif
