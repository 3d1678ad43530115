/* SPDX-License-Identifier: MIT */
// sources: loader/symbols.c
// fakes: files
/* Names of addresses, from an ELF file in memory whose tables are then spoilt byte by byte.
 * Source: ELF-64 object file format 1.5. */
#define _GNU_SOURCE
#include "loader/symbols.h"

#include <asm/errno.h>
#include <linux/elf.h>
#include <string.h>

#include "fs/vnode.h"
#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "test/fake/files.h"
#include "test/unit/check.h"

#define STT_FUNC_ 2
#define INFO(bind, type) ((unsigned char)((bind) << 4 | (type)))
#define BASE 0x555555550000UL /* where the text is mapped: file offset 0x1000, address 0x2000 */
#define NSYMS 40

/* The whole file: headers, sections, symbols, names. */
static struct image {
    Elf64_Ehdr header;
    Elf64_Phdr ph[2];
    Elf64_Shdr sh[5];
    Elf64_Sym syms[NSYMS], dynsyms[2];
    char names[64], dynnames[32];
} image;

/* The line of /proc/self/maps: what mmap_describe says of the one mapping. */
static const char *mapped_path = "/prog";

long mmap_describe(uint64_t addr, char *buf, size_t cap, uint64_t *next)
{
    if (addr >= BASE + 0x3000) {
        return -ENOENT;
    }
    *next = BASE + 0x3000;
    return print_buf(buf, cap, "%lx-%lx r-xp %08x 00:02 17%s%s\n", BASE, BASE + 0x3000, 0x1000,
                     "                         ", mapped_path);
}

static Elf64_Sym function(uint32_t name, uint64_t value)
{
    return (Elf64_Sym){name, INFO(1, STT_FUNC_), 0, 1, value, 0};
}

static void build(void)
{
    image = (struct image){
        .header = {.e_type = ET_DYN,
                   .e_machine = EM_X86_64,
                   .e_phoff = offsetof(struct image, ph),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 2,
                   .e_shoff = offsetof(struct image, sh),
                   .e_shentsize = sizeof(Elf64_Shdr),
                   .e_shnum = 5},
        .ph = {{PT_LOAD, PF_R, 0, 0, 0, 0x1000, 0x1000, 0x1000},
               {PT_LOAD, PF_R | PF_X, 0x1000, 0x2000, 0x2000, 0x3000, 0x3000, 0x1000}},
        .sh = {{.sh_type = SHT_NULL},
               {.sh_type = SHT_SYMTAB,
                .sh_link = 2,
                .sh_offset = offsetof(struct image, syms),
                .sh_size = sizeof(image.syms)},
               {.sh_type = SHT_STRTAB,
                .sh_offset = offsetof(struct image, names),
                .sh_size = sizeof(image.names)},
               {.sh_type = SHT_DYNSYM,
                .sh_link = 4,
                .sh_offset = offsetof(struct image, dynsyms),
                .sh_size = sizeof(image.dynsyms)},
               {.sh_type = SHT_STRTAB,
                .sh_offset = offsetof(struct image, dynnames),
                .sh_size = sizeof(image.dynnames)}},
        .dynsyms = {{0}, {1, INFO(1, STT_FUNC_), 0, 1, 0x2800, 0}},
    };
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    memcpy(image.names, "\0main\0helper\0late", 18);
    memcpy(image.dynnames, "\0exported", 10);
    image.syms[1] = function(1, 0x2100);
    image.syms[2] = function(6, 0x2200);
    image.syms[3] = (Elf64_Sym){13, INFO(1, 1), 0, 1, 0x2210, 0}; /* data: no function */
    image.syms[4] = (Elf64_Sym){13, INFO(1, STT_FUNC_), 0, 0, 0x2220, 0}; /* not defined here */
    image.syms[NSYMS - 1] = function(13, 0x3000); /* beyond the first batch */
}

static void store(size_t len)
{
    struct file *f;
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, &image, len, false);
    uint64_t pos = 0;
    CHECK_EQ(vfs_open(NULL, "/prog", O_WRONLY | O_CREAT | O_TRUNC, 0755, &f), 0);
    CHECK_EQ(f->ops->write(f, &it, &pos), len);
    file_put(f);
}

static const char *describe(uint64_t offset)
{
    static char text[300];
    long n = symbols_describe(BASE + offset, text, sizeof(text));
    CHECK(n > 0);
    CHECK_EQ(strlen(text), n);
    return text;
}

static void names(void)
{
    build();
    store(sizeof(image));
    CHECK_STR(describe(0x100), "main+0x0 (/prog+0x1100)");
    CHECK_STR(describe(0x1ff), "main+0xff (/prog+0x11ff)");
    CHECK_STR(describe(0x230), "helper+0x30 (/prog+0x1230)"); /* neither data nor undefined ones */
    CHECK_STR(describe(0x1000), "late+0x0 (/prog+0x2000)");
    CHECK_STR(describe(0x50), "(/prog+0x1050)"); /* before the first */
    image.sh[1].sh_type = SHT_NULL; /* stripped: what is exported is left */
    store(sizeof(image));
    CHECK_STR(describe(0x810), "exported+0x10 (/prog+0x1810)");
    image.sh[3].sh_type = SHT_NULL;
    store(sizeof(image));
    CHECK_STR(describe(0x810), "(/prog+0x1810)");
    fake_files_clear(fake_root->root);
}

static void nothing_there(void)
{
    char text[100];
    CHECK_EQ(symbols_describe(BASE - 0x1000, text, sizeof(text)), -ENOENT);
    CHECK_EQ(symbols_describe(BASE + 0x3000, text, sizeof(text)), -ENOENT);
    mapped_path = "";
    CHECK_EQ(symbols_describe(BASE, text, sizeof(text)), -ENOENT); /* memory of no file */
    mapped_path = "[stack]";
    CHECK_EQ(symbols_describe(BASE, text, sizeof(text)), -ENOENT);
    mapped_path = "/gone";
    CHECK_STR(describe(0x100), "(/gone+0x1100)");
    mapped_path = "/prog";
}

static void short_buffer(void)
{
    char text[8];
    build();
    store(sizeof(image));
    memset(text, 'x', sizeof(text));
    (void)symbols_describe(BASE + 0x100, text, sizeof(text));
    CHECK(memchr(text, 0, sizeof(text)) != NULL);
    fake_files_clear(fake_root->root);
}

/* A file that lies about its tables: whatever it says, an answer with the file and the offset. */
static void spoilt(void)
{
    static const uint8_t values[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    for (size_t at = 0; at < offsetof(struct image, syms) + 5 * sizeof(Elf64_Sym); at++) {
        build();
        ((uint8_t *)&image)[at] = values[check_below(ARRAY_LEN(values))];
        store(sizeof(image));
        CHECK(strstr(describe(0x230), "(/prog+0x1230)") != NULL);
    }
    for (size_t len = 0; len < sizeof(image); len += 31) { /* and one that ends early */
        build();
        store(len);
        CHECK(strstr(describe(0x230), "(/prog+0x1230)") != NULL);
    }
    fake_files_clear(fake_root->root);
}

static void out_of_memory(void)
{
    build();
    store(sizeof(image));
    char text[100];
    unsigned long n = 0;
    do {
        heap_fail_after(++n);
        long len = symbols_describe(BASE + 0x230, text, sizeof(text));
        heap_fail_after(0);
        CHECK(len == -ENOENT || len > 0);
        CHECK(n < 50);
    } while (strncmp(text, "helper", 6) != 0);
    fake_files_clear(fake_root->root);
}

TESTS(names, nothing_there, short_buffer, spoilt, out_of_memory)
