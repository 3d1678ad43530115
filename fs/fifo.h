/* SPDX-License-Identifier: MIT */
/* FIFOs: pipes that are met under a name. */
#ifndef FS_FIFO_H
#define FS_FIFO_H

#include "fs/vnode.h"

/* fifo_open: open the FIFO node v, as open(2) and fifo(7) say; all that have it open share one
 * pipe, which lasts as long as any of them. Returns 0, -ENXIO, -ERESTARTSYS, -ENOMEM. Context: may
 * block. */
MUST_CHECK int fifo_open(struct vnode *v, unsigned flags, struct file **out);

#endif
