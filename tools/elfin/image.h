/* SPDX-License-Identifier: MIT */
/* Makes what the machine gets as its initial RAM disk: the guest's file tree as an EROFS image of
 * mkfs.erofs, and behind its last block the configuration of this run. */
#ifndef TOOLS_ELFIN_IMAGE_H
#define TOOLS_ELFIN_IMAGE_H

#include <stddef.h>

#include "tools/elfin/tree.h"
#include "tools/elfin/words.h"

/* image_make: write image and configuration to fd, an empty memfd. The image of an earlier run with
 * an equal plan is used again.
 * Returns 0 with the length of both in *len, or an exit status after a message. A signal that comes
 * meanwhile ends the tool when everything temporary is gone.
 * A child process keeps the image for later and tidies up, while the machine starts already.
 * image_finish waits for it. */
int image_make(struct tree *t, const struct text *config, int fd, size_t *len);
void image_finish(void);

#endif
