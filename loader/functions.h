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
    uint64_t text_start,
        text_end; /* addresses of the executable segment, as far as the file has it */
    uint64_t text_offset; /* of text_start in the file */
    uint64_t code_start, code_end; /* addresses of the sections of code; 0: no such sections */
    /* binary search table of .eh_frame_hdr in the file; count 0: none */
    uint64_t hdr_addr, hdr_offset;
    uint32_t hdr_count;
    int64_t hdr_shift; /* file offset - address of the segment that holds it */
    struct function_range *ranges; /* sorted; heap; NULL with a full .eh_frame_hdr; len 0: begins
                                    * there, ends nobody knows where */
    size_t nranges;
};

/* functions_open: learn what the file has. source and text_* are filled in by the caller.
 * A file without usable tables is no error: nothing will be found in it.
 * Returns 0 or -ENOMEM. Context: may block if read does. */
MUST_CHECK int functions_open(struct functions *f);
void functions_close(struct functions *f);

/* functions_find: the function that holds addr. Returns 0 or -ENOENT. */
MUST_CHECK int functions_find(const struct functions *f, uint64_t addr, struct function_range *out);

/* functions_next: the first function of known length that begins above addr; the text's end without
 * one. */
uint64_t functions_next(const struct functions *f, uint64_t addr);

/* functions_read: bytes of the text at addr, as the linker wrote them. Returns how many of len lie
 * in the text and were read, 0 for none. Context: may block. */
size_t functions_read(const struct functions *f, uint64_t addr, void *buf, size_t len);

#endif
