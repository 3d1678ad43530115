/* SPDX-License-Identifier: MIT */
/* One ELF file on its way into memory: the program or its interpreter. */
#ifndef LOADER_BINARY_H
#define LOADER_BINARY_H

#include "kernel/base/base.h"
#include "loader/elf.h"

struct file;

/* Exit statuses of a program that cannot be started, as shells have them. */
#define STATUS_ELFIN 125 /* Elfin's own error */
#define STATUS_NOT_EXECUTABLE 126
#define STATUS_NOT_FOUND 127

struct binary {
    struct file *file; /* one reference */
    struct elf_image image;
    uint64_t bias; /* added to the file's addresses; known after binary_map */
};

/* binary_open: open path and check its headers. *out is the caller's, for binary_close.
 * Returns 0; else an exit status, with *reason = why, which lives for ever.
 * Context: may block. */
MUST_CHECK int binary_open(const char *path, struct binary **out, const char **reason);

/* binary_interpreter: the path in PT_INTERP as a heap string, NULL in *path when there is none.
 * Returns as binary_open. */
MUST_CHECK int binary_interpreter(struct binary *b, char **path, const char **reason);

/* binary_map: map all segments; sets b->bias. A position-independent image goes to a random place
 * at or above base, or, with base 0, where mmap chooses. Holes between segments become PROT_NONE.
 * Returns as binary_open. On an error the mappings made so far stay. Context: may block. */
MUST_CHECK int binary_map(struct binary *b, uint64_t base, const char **reason);

/* binary_close: drop the file and the headers; mappings stay. NULL is fine. */
void binary_close(struct binary *b);

#endif
