/* SPDX-License-Identifier: MIT */
/* Function ranges from an ELF file's unwind information or symbols. */
#ifndef LOADER_FUNCTIONS_H
#define LOADER_FUNCTIONS_H

#include "kernel/base/base.h"

/* Where the file's bytes come from: read(ctx, pos, buf, len) is true when all of them were read.
 * */
struct functions_source {
    bool (*read)(void *ctx, uint64_t pos, void *buf, size_t len);
    void *ctx;
};

struct function_range {
    uint64_t start; /* address as the file's own */
    uint32_t len;
};

struct functions {
    struct functions_source source;
    uint64_t text_start, text_end; /* addresses of the executable segment */
    /* binary search table of .eh_frame_hdr in the file; count 0: none */
    uint64_t hdr_addr, hdr_offset;
    uint32_t hdr_count;
    int64_t hdr_shift; /* file offset - address of the segment that holds it */
    struct function_range *ranges; /* sorted; heap; NULL with .eh_frame_hdr */
    size_t nranges;
};

/* functions_open: learn what the file has. text_start and text_end are filled in by the caller.
 * A file without usable tables is no error: nothing will be found in it.
 * Returns 0 or -ENOMEM. Context: may block if read does. */
MUST_CHECK int functions_open(struct functions *f);
void functions_close(struct functions *f);

/* functions_find: the function that holds addr. Returns 0 or -ENOENT. */
MUST_CHECK int functions_find(const struct functions *f, uint64_t addr, struct function_range *out);

#endif
