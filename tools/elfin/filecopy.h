/* SPDX-License-Identifier: MIT */
/* Copies between files, inside the kernel. */
#ifndef TOOLS_ELFIN_FILECOPY_H
#define TOOLS_ELFIN_FILECOPY_H

#include <stdint.h>

/* filecopy: the first len bytes of from go to to, at its position. File systems that can share
 * blocks do. Returns 0, -ENODATA if from is shorter, or another negative errno. */
int filecopy(int from, int to, uint64_t len);

#endif
