/* SPDX-License-Identifier: MIT */
/* ELF headers of a program or an interpreter, parsed and checked. Pure: works on buffers. */
#ifndef LOADER_ELF_H
#define LOADER_ELF_H

#include "kernel/base/base.h"

#define ELF_MAX_LOADS 64 /* PT_LOAD segments of one image; linkers make 2 to 6 */
#define ELF_MAX_PHDRS 1170 /* as Linux: a table of at most 64 KiB */
#define ELF_MAX_SPAN (1UL << 44) /* of a position-independent image: it must leave room for mmap */

/* Why a file cannot run. elf_reason_text gives the words. */
enum elf_reason {
    ELF_FINE,
    ELF_IS_SHORT, /* ends before the headers do */
    ELF_IS_SCRIPT,
    ELF_IS_FOREIGN, /* no ELF magic */
    ELF_IS_32BIT,
    ELF_IS_OTHER_MACHINE,
    ELF_IS_OBJECT, /* neither executable nor shared object */
    ELF_IS_LIBRARY, /* its entry point is in none of its executable segments */
    ELF_BAD_TABLE, /* the program header table */
    ELF_BAD_SEGMENT, /* p_filesz > p_memsz, address and offset not congruent */
    ELF_BAD_RANGE, /* outside of the program's half, or wraps around */
    ELF_BAD_OVERLAP,
    ELF_BAD_INTERP,
    ELF_IS_TRUNCATED, /* a segment lies past the end of the file */
    ELF_IS_EMPTY, /* nothing to load */
    ELF_NREASONS,
};

/* One PT_LOAD with p_memsz > 0. Addresses are the file's own, without load bias. */
struct elf_load {
    uint64_t vaddr, offset, filesz, memsz;
    int prot; /* PROT_* */
};

enum elf_stack { ELF_STACK_DEFAULT, ELF_STACK_DATA, ELF_STACK_EXEC }; /* PT_GNU_STACK */

struct elf_image {
    bool pie; /* ET_DYN: goes anywhere */
    uint64_t entry; /* e_entry */
    uint64_t phoff; /* of the table in the file, phnum entries of 56 bytes */
    unsigned phnum;
    uint64_t phdr_vaddr; /* where the table is in memory, 0 when no segment holds it */
    uint64_t start, end; /* page-aligned span of all segments */
    uint64_t align; /* greatest sensible p_align, at least PAGE_SIZE */
    uint64_t file_len;
    uint64_t interp_offset, interp_len; /* PT_INTERP with its NUL; len 0: none */
    enum elf_stack stack;
    unsigned nloads;
    struct elf_load load[ELF_MAX_LOADS];
};

/* elf_header: check the ELF header in buf[len], the first bytes of a file of file_len bytes, and
 * set type, entry, phoff, phnum. out is zeroed first. len 64 is enough for any file.
 * Source: ELF-64 object file format 1.5; x86-64 psABI 4.1. */
MUST_CHECK enum elf_reason elf_header(const void *buf, size_t len, uint64_t file_len,
                                      struct elf_image *out);

/* elf_segments: check the out->phnum program headers in table (unaligned is fine) and fill the rest
 * of out. Rules: every loaded byte is inside the file and the program's half of the address space;
 * no two segments share a byte (they may share a page, as the linker's -z noseparate-code makes
 * them). What PT_TLS, PT_DYNAMIC, PT_GNU_RELRO and PT_GNU_PROPERTY say is the business of libc.
 * Source: ELF-64 5; Linux fs/binfmt_elf.c (behaviour). */
MUST_CHECK enum elf_reason elf_segments(const void *table, struct elf_image *out);

/* elf_reason_text: the words for the user, without a full stop. */
const char *elf_reason_text(enum elf_reason reason);

#endif
