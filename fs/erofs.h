/* SPDX-License-Identifier: MIT */
/* Reader of an EROFS image that lies in memory, as made by mkfs.erofs without compression. Pure. */
#ifndef FS_EROFS_H
#define FS_EROFS_H

#include "fs/tmpfs.h"

/* erofs_open: check the superblock of the image [image, image + len), whose first byte has physical
 * address pa, and give its reader. The image must stay; there is one image at a time, a later call
 * takes the place of an earlier one.
 * Inode numbers are node numbers plus one, so that none is 0.
 * The reader's functions return -EUCLEAN for a corrupted image and -EOPNOTSUPP for what this reader
 * does not know (compression, further devices), the first time with a log line that says why.
 * Returns 0, -EUCLEAN, -EOPNOTSUPP. Source: erofs-utils, on-disk format. */
MUST_CHECK int erofs_open(const void *image, struct pa pa, size_t len,
                          const struct tmpfs_lower **out);

/* erofs_len: bytes of the open image as its superblock counts them, at most the len of erofs_open;
 * what lies behind is not part of it. */
size_t erofs_len(void);

#endif
