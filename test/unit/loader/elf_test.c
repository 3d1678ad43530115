/* SPDX-License-Identifier: MIT */
// sources: loader/elf.c
// fakes: log
/* ELF headers: a fine file and one change at a time, each with the reason that it must give.
 * Source: ELF-64 object file format 1.5. */
#define _GNU_SOURCE
#include "loader/elf.h"

#include <linux/elf.h>
#include <stddef.h>
#include <string.h>

#include "kernel/uaccess.h"
#include "test/unit/check.h"

#define FILE_LEN 0x5000UL
#define PHDRS 6

/* Headers, interpreter's name, text and data of an executable as ld makes it. */
struct program {
    Elf64_Ehdr header;
    Elf64_Phdr ph[PHDRS];
};
enum { TEXT, DATA, INTERP, TLS, STACK, BSS };

static struct program fine(uint16_t type)
{
    uint64_t base = type == ET_EXEC ? 0x400000 : 0;
    struct program p = {
        .header = {.e_type = type,
                   .e_machine = EM_X86_64,
                   .e_version = EV_CURRENT,
                   .e_entry = base + 0x1100,
                   .e_phoff = sizeof(Elf64_Ehdr),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = PHDRS},
        .ph = {
            [TEXT] = {PT_LOAD, PF_R | PF_X, 0, base, base, 0x2000, 0x2000, 0x1000},
            [DATA] = {PT_LOAD, PF_R | PF_W, 0x2ff0, base + 0x3ff0, 0, 0x100, 0x900, 0x1000},
            [INTERP] = {PT_INTERP, PF_R, 0x1000, base + 0x1000, 0, 28, 28, 1},
            [TLS] = {PT_TLS, PF_R, 0x2ff0, base + 0x3ff0, 0, 8, 16, 8},
            [STACK] = {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16},
            [BSS] = {PT_LOAD, PF_R | PF_W, 0, base + 0x9000, 0, 0, 0x3000, 0x1000},
        }};
    memcpy(p.header.e_ident, ELFMAG, SELFMAG);
    p.header.e_ident[EI_CLASS] = ELFCLASS64;
    p.header.e_ident[EI_DATA] = ELFDATA2LSB;
    p.header.e_ident[EI_VERSION] = EV_CURRENT;
    return p;
}

static enum elf_reason parse(const struct program *p, struct elf_image *out)
{
    enum elf_reason reason = elf_header(&p->header, sizeof(p->header), FILE_LEN, out);
    return reason != ELF_FINE ? reason : elf_segments(p->ph, out);
}

static void what_is_fine(void)
{
    struct elf_image image;
    struct program p = fine(ET_EXEC);
    CHECK_EQ(parse(&p, &image), ELF_FINE);
    CHECK(!image.pie);
    CHECK_EQ(image.entry, 0x401100);
    CHECK_EQ(image.phnum, PHDRS);
    CHECK_EQ(image.phdr_vaddr, 0x400040);
    CHECK_EQ(image.start, 0x400000);
    CHECK_EQ(image.end, 0x40c000);
    CHECK_EQ(image.align, PAGE_SIZE);
    CHECK_EQ(image.interp_offset, 0x1000);
    CHECK_EQ(image.interp_len, 28);
    CHECK_EQ(image.stack, ELF_STACK_DATA);
    CHECK_EQ(image.nloads, 3);
    CHECK_EQ(image.load[1].vaddr, 0x403ff0);
    CHECK_EQ(image.load[1].offset, 0x2ff0);
    CHECK_EQ(image.load[1].filesz, 0x100);
    CHECK_EQ(image.load[1].memsz, 0x900);
    CHECK_EQ(image.load[0].prot, 1 | 4);
    CHECK_EQ(image.load[1].prot, 1 | 2);
    p = fine(ET_DYN);
    p.ph[STACK].p_flags |= PF_X;
    p.ph[TEXT].p_align = 0x200000;
    CHECK_EQ(parse(&p, &image), ELF_FINE);
    CHECK(image.pie);
    CHECK_EQ(image.stack, ELF_STACK_EXEC);
    CHECK_EQ(image.align, 0x200000);
}

/* What Linux runs although the standard frowns at it. */
static void what_passes(void)
{
    struct elf_image image;
    struct program p = fine(ET_DYN);
    p.ph[STACK].p_type = PT_NULL;
    p.ph[INTERP].p_type = PT_NOTE;
    p.ph[TEXT].p_align = 3; /* no power of two */
    CHECK_EQ(parse(&p, &image), ELF_FINE);
    CHECK_EQ(image.stack, ELF_STACK_DEFAULT);
    CHECK_EQ(image.interp_len, 0);
    CHECK_EQ(image.align, PAGE_SIZE);
    p = fine(ET_DYN);
    struct program q = p; /* segments in any order */
    q.ph[0] = p.ph[BSS];
    q.ph[BSS] = p.ph[TEXT];
    CHECK_EQ(parse(&q, &image), ELF_FINE);
    CHECK_EQ(image.start, 0);
    CHECK_EQ(image.end, 0xc000);
    p.ph[BSS].p_memsz = 0; /* an empty segment counts for nothing */
    CHECK_EQ(parse(&p, &image), ELF_FINE);
    CHECK_EQ(image.nloads, 2);
    p = fine(ET_DYN);
    p.ph[STACK] = p.ph[INTERP]; /* the first interpreter counts */
    p.ph[STACK].p_offset = 0x1500;
    CHECK_EQ(parse(&p, &image), ELF_FINE);
    CHECK_EQ(image.interp_offset, 0x1000);
    p = fine(ET_DYN);
    p.ph[DATA].p_vaddr = p.ph[DATA].p_offset = 0x1fff; /* shares a page, but no byte */
    p.ph[TEXT].p_filesz = p.ph[TEXT].p_memsz = 0x1fff;
    CHECK_EQ(parse(&p, &image), ELF_FINE);
}

struct change {
    uint16_t type; /* ET_EXEC, ET_DYN, 0: both */
    size_t offset, size;
    uint64_t value;
    enum elf_reason want;
};
#define FIELD(member, value, want)                                                              \
    {                                                                                           \
        0, offsetof(struct program, member), sizeof(((struct program *)0)->member), value, want \
    }
#define FIELD_OF(type, member, value, want)                                                        \
    {                                                                                              \
        type, offsetof(struct program, member), sizeof(((struct program *)0)->member), value, want \
    }

static const struct change changes[] = {
    FIELD(header.e_ident[0], 'x', ELF_IS_FOREIGN),
    FIELD(header.e_ident[3], 'f', ELF_IS_FOREIGN),
    FIELD(header.e_ident[EI_CLASS], ELFCLASS32, ELF_IS_32BIT),
    FIELD(header.e_ident[EI_CLASS], 0, ELF_IS_OTHER_MACHINE),
    FIELD(header.e_ident[EI_DATA], ELFDATA2MSB, ELF_IS_OTHER_MACHINE),
    FIELD(header.e_machine, EM_AARCH64, ELF_IS_OTHER_MACHINE),
    FIELD(header.e_machine, EM_386, ELF_IS_OTHER_MACHINE),
    FIELD(header.e_type, ET_REL, ELF_IS_OBJECT),
    FIELD(header.e_type, ET_CORE, ELF_IS_OBJECT),
    FIELD(header.e_type, 0, ELF_IS_OBJECT),
    FIELD(header.e_phentsize, 32, ELF_BAD_TABLE),
    FIELD(header.e_phnum, 0, ELF_BAD_TABLE),
    FIELD(header.e_phnum, ELF_MAX_PHDRS + 1, ELF_BAD_TABLE),
    FIELD(header.e_phnum, 0xffff, ELF_BAD_TABLE),
    FIELD(header.e_phoff, UINT64_MAX - 8, ELF_BAD_TABLE),
    FIELD(header.e_phoff, FILE_LEN - PHDRS * 56 + 1, ELF_IS_SHORT),
    FIELD_OF(ET_EXEC, header.e_entry, 0, ELF_IS_LIBRARY),
    FIELD_OF(ET_DYN, header.e_entry, 0x2000, ELF_IS_LIBRARY),
    FIELD_OF(ET_EXEC, header.e_entry, 0x403ff0, ELF_IS_LIBRARY), /* in data */
    FIELD_OF(ET_EXEC, header.e_entry, 0x402000, ELF_IS_LIBRARY), /* just behind the text */
    FIELD(ph[DATA].p_filesz, 0x901, ELF_BAD_SEGMENT),
    FIELD(ph[TLS].p_filesz, 17, ELF_BAD_SEGMENT),
    FIELD(ph[DATA].p_offset, 0x2fef, ELF_BAD_SEGMENT), /* not congruent */
    FIELD(ph[DATA].p_memsz, UINT64_MAX, ELF_BAD_RANGE), /* wraps */
    FIELD(ph[DATA].p_memsz, USER_MAX, ELF_BAD_RANGE),
    FIELD(ph[DATA].p_vaddr, 0x8000000000000ff0, ELF_BAD_RANGE),
    FIELD(ph[BSS].p_vaddr, USER_MAX - 0x2fff, ELF_BAD_RANGE),
    FIELD_OF(ET_EXEC, ph[BSS].p_vaddr, USER_MIN - PAGE_SIZE, ELF_BAD_RANGE),
    FIELD_OF(ET_EXEC, ph[BSS].p_vaddr, 0, ELF_BAD_RANGE),
    FIELD_OF(ET_DYN, ph[BSS].p_memsz, ELF_MAX_SPAN, ELF_BAD_RANGE),
    FIELD_OF(ET_EXEC, ph[BSS].p_vaddr, 0x401fff, ELF_BAD_OVERLAP),
    FIELD_OF(ET_EXEC, ph[BSS].p_vaddr, 0x401000, ELF_BAD_OVERLAP),
    FIELD_OF(ET_DYN, ph[TEXT].p_memsz, 0x3ff1, ELF_BAD_OVERLAP),
    FIELD(ph[INTERP].p_filesz, 1, ELF_BAD_INTERP),
    FIELD(ph[INTERP].p_filesz, 4097, ELF_BAD_INTERP),
    FIELD(ph[INTERP].p_offset, FILE_LEN - 27, ELF_IS_TRUNCATED),
    FIELD(ph[INTERP].p_offset, UINT64_MAX, ELF_IS_TRUNCATED),
    FIELD(ph[DATA].p_offset, 0x4ff0, ELF_IS_TRUNCATED),
    FIELD(ph[DATA].p_offset, 0xfffffffffffffff0, ELF_IS_TRUNCATED),
};

static void refusals(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(changes); i++) {
        const struct change *c = &changes[i];
        static const uint16_t types[] = {ET_EXEC, ET_DYN};
        for (unsigned k = 0; k < 2; k++) {
            struct elf_image image;
            struct program p = fine(types[k]);
            if (c->type != 0 && c->type != types[k]) {
                continue;
            }
            memcpy((char *)&p + c->offset, &c->value, c->size);
            enum elf_reason got = parse(&p, &image);
            if (got != c->want) {
                fprintf(stderr, "change %u of type %u: %s\n", i, types[k], elf_reason_text(got));
            }
            CHECK_EQ(got, c->want);
        }
    }
}

/* Files that end early, by every length; scripts; nothing. */
static void lengths(void)
{
    struct elf_image image;
    struct program p = fine(ET_EXEC);
    for (size_t len = 0; len < sizeof(p.header); len++) {
        char *copy = malloc(len + 1); /* the sanitizer sees reads past it */
        memcpy(copy, &p, len);
        CHECK_EQ(elf_header(copy, len, len, &image), len < SELFMAG ? ELF_IS_FOREIGN : ELF_IS_SHORT);
        free(copy);
    }
    CHECK_EQ(elf_header(&p, sizeof(p.header), 64 + PHDRS * 56, &image), ELF_FINE);
    CHECK_EQ(elf_header(&p, sizeof(p.header), 64 + PHDRS * 56 - 1, &image), ELF_IS_SHORT);
    CHECK_EQ(elf_header("#!/bin/sh\n", 10, 10, &image), ELF_IS_SCRIPT);
    CHECK_EQ(elf_header("#!", 2, 2, &image), ELF_IS_SCRIPT);
    CHECK_EQ(elf_header("hello", 5, 5, &image), ELF_IS_FOREIGN);
    CHECK_EQ(elf_header("", 0, 0, &image), ELF_IS_FOREIGN);
}

static void segment_counts(void)
{
    static struct elf_image image;
    static Elf64_Phdr table[ELF_MAX_LOADS + 1];
    struct program p = fine(ET_DYN);
    for (unsigned i = 0; i <= ELF_MAX_LOADS; i++) {
        table[i] = (Elf64_Phdr){PT_LOAD, PF_R | PF_X, 0, i * 0x3000, 0, 0x2000, 0x2000, 0x1000};
    }
    p.header.e_phnum = ELF_MAX_LOADS;
    CHECK_EQ(elf_header(&p.header, sizeof(p.header), FILE_LEN, &image), ELF_FINE);
    CHECK_EQ(elf_segments(table, &image), ELF_FINE);
    CHECK_EQ(image.nloads, ELF_MAX_LOADS);
    p.header.e_phnum++;
    CHECK_EQ(elf_header(&p.header, sizeof(p.header), FILE_LEN, &image), ELF_FINE);
    CHECK_EQ(elf_segments(table, &image), ELF_BAD_TABLE);
    p.header.e_phnum = 1;
    table[0].p_type = PT_NOTE;
    CHECK_EQ(elf_header(&p.header, sizeof(p.header), FILE_LEN, &image), ELF_FINE);
    CHECK_EQ(elf_segments(table, &image), ELF_IS_EMPTY);
}

/* Every reason has words of its own. */
static void words(void)
{
    for (int i = 0; i < ELF_NREASONS; i++) {
        CHECK(strlen(elf_reason_text((enum elf_reason)i)) > 10);
        for (int k = 0; k < i; k++) {
            CHECK(strcmp(elf_reason_text((enum elf_reason)i), elf_reason_text((enum elf_reason)k)));
        }
    }
    CHECK_STR(elf_reason_text(ELF_NREASONS), "unknown reason");
}

TESTS(what_is_fine, what_passes, refusals, lengths, segment_counts, words)
