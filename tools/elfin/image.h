/* SPDX-License-Identifier: MIT */
/* Writes the guest's file tree as an EROFS image. mkfs.erofs wants a folder with everything in it,
 * which would have to be copied together first, as root for the owners' sake. */
#ifndef TOOLS_ELFIN_IMAGE_H
#define TOOLS_ELFIN_IMAGE_H

#include <stddef.h>

#include "tools/elfin/tree.h"

/* image_write: write tree to fd, an empty file or memfd. File data lies in whole, aligned blocks,
 * so that the guest can map it in place; only small files share blocks with their inodes.
 * Returns 0 with the image's length in *len, or an exit status after a message. */
int image_write(struct tree *t, int fd, size_t *len);

#endif
