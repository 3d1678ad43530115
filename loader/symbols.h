/* SPDX-License-Identifier: MIT */
/* Names for addresses of the program, for crash reports and statistics. */
#ifndef LOADER_SYMBOLS_H
#define LOADER_SYMBOLS_H

#include "kernel/base/base.h"

/* symbols_describe: "name+0x12 (file+0x1234)", or "(file+0x1234)" where the file has no symbol for
 * addr. buf[cap] is NUL-ended. Returns the length, -ENOENT when nothing of a file is mapped at
 * addr.
 * Context: may block: reads the file's symbol table each time. */
long symbols_describe(uint64_t addr, char *buf, size_t cap);

#endif
