/* SPDX-License-Identifier: MIT */
/* A small ELF file in memory, as the rewriter reads it: text at 0x1000 and tables about it. */
#ifndef TEST_UNIT_LOADER_IMAGE_H
#define TEST_UNIT_LOADER_IMAGE_H

#include <linux/elf.h>
#include <string.h>

#include "loader/functions.h"

#define TEXT 0x1000U /* address and offset in the file */
#define TEXT_LEN 0x400U
#define TABLES 0x1400U
#define FILE_LEN 0x2000U
#define MAX_TABLE 0x100U
#define HDR_AT (TABLES + 6 * MAX_TABLE)

enum { SEC_NULL, SEC_TEXT, SEC_SYMTAB, SEC_RELA, SEC_EH_FRAME, SEC_NAMES, NSECTIONS };

struct image {
    uint8_t bytes[FILE_LEN];
    unsigned used[NSECTIONS];
    unsigned long reads;
};

static const char image_names[] = "\0.text\0.symtab\0.rela.dyn\0.eh_frame";

static inline Elf64_Shdr *image_section(struct image *m, unsigned i)
{
    return (Elf64_Shdr *)(void *)(m->bytes + FILE_LEN - 0x200) + i;
}

static inline unsigned image_table(unsigned i)
{
    return TABLES + i * MAX_TABLE;
}

static inline void image_init(struct image *m)
{
    static const uint32_t types[NSECTIONS] = {SHT_NULL, SHT_PROGBITS, SHT_SYMTAB,
                                              SHT_RELA, SHT_PROGBITS, SHT_STRTAB};
    static const unsigned names[NSECTIONS] = {0, 1, 7, 15, 25, 0};
    Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)m->bytes;
    memset(m, 0, sizeof(*m));
    memcpy(eh->e_ident, ELFMAG, SELFMAG);
    eh->e_phentsize = sizeof(Elf64_Phdr);
    eh->e_phoff = sizeof(*eh);
    eh->e_phnum = 2;
    eh->e_shentsize = sizeof(Elf64_Shdr);
    eh->e_shoff = FILE_LEN - 0x200;
    eh->e_shnum = NSECTIONS;
    eh->e_shstrndx = SEC_NAMES;
    Elf64_Phdr *ph = (Elf64_Phdr *)(void *)(m->bytes + eh->e_phoff);
    ph[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_filesz = FILE_LEN, .p_memsz = FILE_LEN};
    for (unsigned i = 1; i < NSECTIONS; i++) {
        Elf64_Shdr *sh = image_section(m, i);
        *sh = (Elf64_Shdr){.sh_name = names[i], .sh_type = types[i], .sh_flags = SHF_ALLOC};
        sh->sh_addr = sh->sh_offset = i == SEC_TEXT ? TEXT : image_table(i);
    }
    image_section(m, SEC_TEXT)->sh_size = TEXT_LEN;
    image_section(m, SEC_TEXT)->sh_flags |= SHF_EXECINSTR;
    image_section(m, SEC_NAMES)->sh_size = sizeof(image_names);
    memcpy(m->bytes + image_table(SEC_NAMES), image_names, sizeof(image_names));
    memset(m->bytes + TEXT, 0xcc, TEXT_LEN);
}

static inline void image_add(struct image *m, unsigned section, const void *entry, unsigned len)
{
    memcpy(m->bytes + image_table(section) + m->used[section], entry, len);
    m->used[section] += len;
    image_section(m, section)->sh_size = m->used[section];
}

static inline void image_symbol(struct image *m, uint64_t start, uint64_t len)
{
    Elf64_Sym s = {.st_info = STT_FUNC, .st_shndx = 1, .st_value = start, .st_size = len};
    image_add(m, SEC_SYMTAB, &s, sizeof(s));
}

static inline void image_relocation(struct image *m, uint64_t to, uint64_t type)
{
    Elf64_Rela r = {.r_info = type, .r_addend = (int64_t)to};
    image_add(m, SEC_RELA, &r, sizeof(r));
}

/* A record of .eh_frame; its address is given back. */
static inline uint64_t image_frame(struct image *m, uint64_t start, uint32_t len)
{
    uint64_t at = image_table(SEC_EH_FRAME) + m->used[SEC_EH_FRAME];
    uint32_t fde[4] = {12, 8, (uint32_t)(start - (at + 8)), len};
    image_add(m, SEC_EH_FRAME, fde, sizeof(fde));
    return at;
}

static inline void image_code(struct image *m, uint64_t at, const char *bytes, unsigned len)
{
    memcpy(m->bytes + at, bytes, len);
}

static inline void image_call(struct image *m, uint64_t at, uint8_t opcode, uint64_t to)
{
    int32_t rel = (int32_t)(to - (at + 5));
    m->bytes[at] = opcode;
    memcpy(m->bytes + at + 1, &rel, sizeof(rel));
}

static inline bool image_read(void *ctx, uint64_t pos, void *buf, size_t len)
{
    struct image *m = ctx;
    m->reads++;
    if (pos > FILE_LEN || len > FILE_LEN - pos) {
        return false;
    }
    memcpy(buf, m->bytes + pos, len);
    return true;
}

static inline void image_functions(struct image *m, struct functions *f)
{
    memset(f, 0, sizeof(*f));
    f->source = (struct functions_source){image_read, m};
    f->text_start = TEXT;
    f->text_end = TEXT + TEXT_LEN;
    f->text_offset = TEXT;
}

#endif
