/* SPDX-License-Identifier: MIT */
/* Symbol look-up in the file that is mapped at an address: .symtab, else .dynsym, of an ELF file
 * whose every number is checked. Slow and simple: it runs when the program is dead.
 * Source: ELF-64 object file format 1.5. */
#include "loader/symbols.h"

#include <linux/elf.h>

#include <asm/errno.h>
#include <asm/fcntl.h>

#include "fs/vnode.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"

#define LINE_LEN 512
#define NAME_LEN 96
#define MAX_SECTIONS 4096
#define BATCH 32 /* symbols read at a time */

struct mapping {
    uint64_t start, offset;
    char path[LINE_LEN];
};

struct best_symbol {
    uint64_t value;
    uint32_t name;
    bool found;
};

static bool read_at(struct file *f, void *buf, size_t len, uint64_t pos)
{
    struct iov iov = {buf, len};
    struct iov_iter it = {.iov = &iov, .n = 1, .total = len};
    return f->ops->read != NULL && f->ops->read(f, &it, &pos) == (long)len;
}

static const char *parse_hex(const char *p, uint64_t *out)
{
    *out = 0;
    for (;; p++) {
        unsigned digit;
        if (*p >= '0' && *p <= '9') {
            digit = (unsigned)(*p - '0');
        } else if (*p >= 'a' && *p <= 'f') {
            digit = (unsigned)(*p - 'a') + 10;
        } else {
            return p;
        }
        *out = *out << 4 | digit;
    }
}

/* The line of /proc/self/maps that covers addr. */
static int mapping_find(uint64_t addr, struct mapping *m)
{
    char line[LINE_LEN];
    uint64_t next;
    uint64_t end;
    if (mmap_describe(addr, line, sizeof(line), &next) <= 0) {
        return -ENOENT;
    }
    const char *p = parse_hex(line, &m->start);
    p = parse_hex(p + 1, &end);
    const char *path = strchr(line, '/');
    if (addr < m->start || path == NULL || *p != ' ' || strlen(p) < 7) {
        return -ENOENT;
    }
    parse_hex(p + 6, &m->offset); /* behind " rwxp " */
    long len = string_copy(m->path, sizeof(m->path), path);
    if (len > 0 && m->path[len - 1] == '\n') {
        m->path[len - 1] = 0;
    }
    return 0;
}

/* File offset to the address that symbols use, by the program header that covers it. */
static bool offset_to_value(struct file *f, const Elf64_Ehdr *eh, uint64_t offset, uint64_t *value)
{
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf64_Phdr ph;
        if (!read_at(f, &ph, sizeof(ph), eh->e_phoff + i * sizeof(ph))) {
            return false;
        }
        if (ph.p_type == PT_LOAD && offset >= ph.p_offset && offset - ph.p_offset < ph.p_filesz) {
            *value = offset - ph.p_offset + ph.p_vaddr;
            return true;
        }
    }
    return false;
}

static bool section_find(struct file *f, const Elf64_Ehdr *eh, uint32_t type, Elf64_Shdr *out)
{
    unsigned n = min((unsigned)eh->e_shnum, (unsigned)MAX_SECTIONS);
    for (unsigned i = 0; i < n; i++) {
        if (!read_at(f, out, sizeof(*out), eh->e_shoff + i * sizeof(*out))) {
            return false;
        }
        if (out->sh_type == type) {
            return true;
        }
    }
    return false;
}

static void batch_scan(const Elf64_Sym *syms, size_t n, uint64_t value, struct best_symbol *best)
{
    for (size_t i = 0; i < n; i++) {
        bool code = (syms[i].st_info & 0xf) == STT_FUNC && syms[i].st_shndx != SHN_UNDEF;
        if (code && syms[i].st_value <= value && (!best->found || syms[i].st_value > best->value)) {
            *best = (struct best_symbol){syms[i].st_value, syms[i].st_name, true};
        }
    }
}

static bool table_search(struct file *f, const Elf64_Ehdr *eh, uint32_t type, uint64_t value,
                         char name[NAME_LEN], uint64_t *distance)
{
    Elf64_Shdr table;
    Elf64_Shdr strings;
    Elf64_Sym syms[BATCH];
    struct best_symbol best = {0, 0, false};
    if (!section_find(f, eh, type, &table) || table.sh_link >= eh->e_shnum ||
        !read_at(f, &strings, sizeof(strings), eh->e_shoff + table.sh_link * sizeof(strings))) {
        return false;
    }
    size_t left = table.sh_size / sizeof(syms[0]);
    for (uint64_t pos = table.sh_offset; left != 0;) {
        size_t n = min(left, (size_t)BATCH);
        if (!read_at(f, syms, n * sizeof(syms[0]), pos)) {
            return false;
        }
        batch_scan(syms, n, value, &best);
        left -= n;
        pos += n * sizeof(syms[0]);
    }
    if (!best.found || best.name >= strings.sh_size) {
        return false;
    }
    size_t len = min((uint64_t)NAME_LEN - 1, strings.sh_size - best.name);
    memset(name, 0, NAME_LEN);
    *distance = value - best.value;
    return read_at(f, name, len, strings.sh_offset + best.name);
}

static bool symbol_find(struct file *f, uint64_t offset, char name[NAME_LEN], uint64_t *distance)
{
    Elf64_Ehdr eh;
    uint64_t value;
    if (!read_at(f, &eh, sizeof(eh), 0) || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
        eh.e_phentsize != sizeof(Elf64_Phdr) || !offset_to_value(f, &eh, offset, &value)) {
        return false;
    }
    return table_search(f, &eh, SHT_SYMTAB, value, name, distance) ||
           table_search(f, &eh, SHT_DYNSYM, value, name, distance);
}

long symbols_describe(uint64_t addr, char *buf, size_t cap)
{
    struct mapping *m = heap_alloc(sizeof(*m));
    if (m == NULL || mapping_find(addr, m) != 0) {
        heap_free(m);
        return -ENOENT;
    }
    char name[NAME_LEN];
    uint64_t distance;
    uint64_t offset = addr - m->start + m->offset;
    struct file *f;
    bool named = false;
    if (vfs_open(NULL, m->path, O_RDONLY, 0, &f) == 0) {
        named = symbol_find(f, offset, name, &distance);
        file_put(f);
    }
    long len = named ? print_buf(buf, cap, "%s+0x%lx (%s+0x%lx)", name, distance, m->path, offset)
                     : print_buf(buf, cap, "(%s+0x%lx)", m->path, offset);
    heap_free(m);
    return len;
}
