/* SPDX-License-Identifier: MIT */
/* Where functions begin and end: the sorted table of .eh_frame_hdr, searched in place; without a
 * full one .eh_frame as a whole, symbols, and where relocations point into code. Every number comes
 * from the file and is checked; a wrong table costs a missed site, never more, because the code
 * itself must bear it out.
 * Pure but for the reader. Source: LSB core 5.0, 10.6 (.eh_frame, .eh_frame_hdr); ELF-64 1.5. */
#include "loader/functions.h"

#include <linux/elf.h>

#include <asm/errno.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"

#define ENC_PCREL_SDATA4 0x1b
#define ENC_UDATA4 0x03
#define ENC_DATAREL_SDATA4 0x3b
#define MAX_SECTIONS 256U
#define MAX_PROGRAM_HEADERS 64U
#define MAX_EH_FRAME (8UL << 20)
#define MAX_RANGES (1UL << 16)
#define SYMBOL_BATCH 64U
#define RELOCATION_BATCH 64U
#define MAX_RELOCATIONS (1UL << 16)
#define R_X86_64_RELATIVE 8 /* System V ABI, AMD64 supplement, 4.4.1 */
#define HDR_ENOUGH 64 /* entries: fewer are assembly in a library built without unwind tables */
#define FDE_HEAD 16 /* length, CIE pointer, start, size */

static bool read_at(const struct functions *f, uint64_t pos, void *buf, size_t len)
{
    return f->source.read(f->source.ctx, pos, buf, len);
}

static bool in_text(const struct functions *f, uint64_t start, uint64_t len)
{
    return start >= f->text_start && start < f->text_end && len <= f->text_end - start;
}

/* File offset - address of the segment that holds addr. */
static bool segment_shift(const struct functions *f, const Elf64_Ehdr *eh, uint64_t addr,
                          int64_t *out)
{
    for (unsigned i = 0; i < min((unsigned)eh->e_phnum, MAX_PROGRAM_HEADERS); i++) {
        Elf64_Phdr ph;
        if (!read_at(f, eh->e_phoff + i * sizeof(ph), &ph, sizeof(ph))) {
            return false;
        }
        if (ph.p_type == PT_LOAD && addr >= ph.p_vaddr && addr - ph.p_vaddr < ph.p_filesz) {
            *out = (int64_t)(ph.p_offset - ph.p_vaddr);
            return true;
        }
    }
    return false;
}

/* PT_GNU_EH_FRAME, in the one encoding that linkers write. */
static bool open_hdr(struct functions *f, const Elf64_Ehdr *eh)
{
    Elf64_Phdr ph = {.p_type = PT_NULL};
    for (unsigned i = 0; i < min((unsigned)eh->e_phnum, MAX_PROGRAM_HEADERS); i++) {
        if (!read_at(f, eh->e_phoff + i * sizeof(ph), &ph, sizeof(ph))) {
            return false;
        }
        if (ph.p_type == PT_GNU_EH_FRAME) {
            break;
        }
    }
    struct {
        uint8_t version, frame_enc, count_enc, table_enc;
        uint32_t frame, count;
    } head;
    if (ph.p_type != PT_GNU_EH_FRAME || !read_at(f, ph.p_offset, &head, sizeof(head)) ||
        head.version != 1 || head.count_enc != ENC_UDATA4 || head.table_enc != ENC_DATAREL_SDATA4 ||
        head.count > ph.p_filesz / 8) {
        return false;
    }
    f->hdr_addr = ph.p_vaddr;
    f->hdr_offset = ph.p_offset + sizeof(head);
    f->hdr_count = head.count;
    return head.count != 0 && segment_shift(f, eh, ph.p_vaddr, &f->hdr_shift);
}

static int add_range(struct functions *f, size_t *cap, uint64_t start, uint64_t len)
{
    if (!in_text(f, start, len) || len > UINT32_MAX || f->nranges == MAX_RANGES) {
        return 0;
    }
    if (f->nranges == *cap) {
        size_t n = max(*cap * 2, (size_t)64);
        struct function_range *more = heap_resize(f->ranges, n * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        f->ranges = more;
        *cap = n;
    }
    f->ranges[f->nranges++] = (struct function_range){start, (uint32_t)len};
    return 0;
}

/* Shell sort: no recursion, short, and the tables are nearly sorted already. */
static void sort_ranges(struct function_range *r, size_t n)
{
    for (size_t gap = n / 2; gap > 0; gap /= 2) {
        for (size_t i = gap; i < n; i++) {
            struct function_range moving = r[i];
            size_t j = i;
            for (; j >= gap && r[j - gap].start > moving.start; j -= gap) {
                r[j] = r[j - gap];
            }
            r[j] = moving;
        }
    }
}

/* All entries of an .eh_frame section in memory whose pointers are of the usual encoding; others
 * give
 * ranges outside of the text and drop out. */
static int scan_frames(struct functions *f, const uint8_t *data, size_t len, uint64_t addr,
                       size_t *cap)
{
    for (size_t at = 0; at + FDE_HEAD <= len;) {
        uint32_t size;
        uint32_t id;
        int32_t start;
        uint32_t range;
        memcpy(&size, data + at, 4);
        memcpy(&id, data + at + 4, 4);
        memcpy(&start, data + at + 8, 4);
        memcpy(&range, data + at + 12, 4);
        if (size < 4 || size > len - at - 4) {
            return 0; /* the terminator, or the 64-bit form */
        }
        int err = id == 0 ? 0 : add_range(f, cap, addr + at + 8 + (uint64_t)(int64_t)start, range);
        if (err != 0) {
            return err;
        }
        at += 4 + (size_t)size;
    }
    return 0;
}

static int open_frames(struct functions *f, const Elf64_Shdr *sh, size_t *cap)
{
    if (sh->sh_size > MAX_EH_FRAME) {
        return 0;
    }
    uint8_t *data = heap_alloc(sh->sh_size);
    if (data == NULL) {
        return -ENOMEM;
    }
    int err = 0;
    if (read_at(f, sh->sh_offset, data, sh->sh_size)) {
        err = scan_frames(f, data, sh->sh_size, sh->sh_addr, cap);
    }
    heap_free(data);
    return err;
}

static int open_symbols(struct functions *f, const Elf64_Shdr *sh, size_t *cap)
{
    Elf64_Sym syms[SYMBOL_BATCH];
    uint64_t n = sh->sh_size / sizeof(Elf64_Sym);
    for (uint64_t done = 0; done < n;) {
        size_t batch = (size_t)min(n - done, (uint64_t)SYMBOL_BATCH);
        if (!read_at(f, sh->sh_offset + done * sizeof(*syms), syms, batch * sizeof(*syms))) {
            return 0;
        }
        for (size_t i = 0; i < batch; i++) {
            bool function = (syms[i].st_info & 0xf) == STT_FUNC && syms[i].st_shndx != SHN_UNDEF;
            int err = function ? add_range(f, cap, syms[i].st_value, syms[i].st_size) : 0;
            if (err != 0) {
                return err;
            }
        }
        done += batch;
    }
    return 0;
}

/* Where relocations point into code, functions begin: tables of them, initialisers. */
static int open_relocations(struct functions *f, const Elf64_Shdr *sh, size_t *cap)
{
    Elf64_Rela relas[RELOCATION_BATCH];
    uint64_t n = min(sh->sh_size / sizeof(*relas), MAX_RELOCATIONS);
    for (uint64_t done = 0; done < n;) {
        size_t batch = (size_t)min(n - done, (uint64_t)RELOCATION_BATCH);
        if (!read_at(f, sh->sh_offset + done * sizeof(*relas), relas, batch * sizeof(*relas))) {
            return 0;
        }
        for (size_t i = 0; i < batch; i++) {
            uint64_t to = (uint64_t)relas[i].r_addend;
            bool code = ELF64_R_TYPE(relas[i].r_info) == R_X86_64_RELATIVE && to >= f->code_start &&
                        to < f->code_end;
            int err = code ? add_range(f, cap, to, 0) : 0;
            if (err != 0) {
                return err;
            }
        }
        done += batch;
    }
    return 0;
}

static bool named_eh_frame(const struct functions *f, const Elf64_Shdr *names, const Elf64_Shdr *sh)
{
    char name[sizeof(".eh_frame")];
    return sh->sh_flags & SHF_ALLOC && sh->sh_name < names->sh_size &&
           read_at(f, names->sh_offset + sh->sh_name, name, sizeof(name)) &&
           memcmp(name, ".eh_frame", sizeof(name)) == 0;
}

static void note_code(struct functions *f, const Elf64_Shdr *sh)
{
    bool code = (sh->sh_flags & SHF_EXECINSTR) != 0 && in_text(f, sh->sh_addr, sh->sh_size);
    if (code && sh->sh_size != 0) {
        f->code_start = f->code_end == 0 ? sh->sh_addr : min(f->code_start, sh->sh_addr);
        f->code_end = max(f->code_end, sh->sh_addr + sh->sh_size);
    }
}

static int open_table(struct functions *f, const Elf64_Shdr *names, const Elf64_Shdr *sh,
                      size_t *cap)
{
    switch (sh->sh_type) {
    case SHT_PROGBITS: return named_eh_frame(f, names, sh) ? open_frames(f, sh, cap) : 0;
    case SHT_SYMTAB:
    case SHT_DYNSYM: return open_symbols(f, sh, cap);
    case SHT_RELA: return open_relocations(f, sh, cap);
    default: return 0;
    }
}

/* The tables that section headers lead to; in a second pass, when it is known where code lies. */
static int open_sections(struct functions *f, const Elf64_Ehdr *eh)
{
    Elf64_Shdr names;
    size_t cap = 0;
    if (eh->e_shentsize != sizeof(names) || eh->e_shstrndx >= eh->e_shnum ||
        !read_at(f, eh->e_shoff + eh->e_shstrndx * sizeof(names), &names, sizeof(names))) {
        return 0;
    }
    unsigned n = min((unsigned)eh->e_shnum, MAX_SECTIONS);
    for (unsigned i = 0; i < 2 * n; i++) {
        Elf64_Shdr sh;
        if (!read_at(f, eh->e_shoff + (i < n ? i : i - n) * sizeof(sh), &sh, sizeof(sh))) {
            return 0;
        }
        if (i < n) {
            note_code(f, &sh);
            continue;
        }
        int err = open_table(f, &names, &sh, &cap);
        if (err != 0) {
            return err;
        }
    }
    return add_range(f, &cap, eh->e_entry, 0);
}

int functions_open(struct functions *f)
{
    Elf64_Ehdr eh;
    if (!read_at(f, 0, &eh, sizeof(eh)) || memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 ||
        eh.e_phentsize != sizeof(Elf64_Phdr)) {
        return 0;
    }
    if (!open_hdr(f, &eh)) {
        f->hdr_count = 0;
    }
    int err = f->hdr_count >= HDR_ENOUGH ? 0 : open_sections(f, &eh);
    sort_ranges(f->ranges, f->nranges);
    return err;
}

void functions_close(struct functions *f)
{
    heap_free(f->ranges);
    f->ranges = NULL;
    f->nranges = 0;
}

/* Entry i of the search table: the function's start and where its record lies. */
static bool hdr_entry(const struct functions *f, uint32_t i, uint64_t *start, uint64_t *record)
{
    int32_t entry[2];
    if (!read_at(f, f->hdr_offset + i * sizeof(entry), entry, sizeof(entry))) {
        return false;
    }
    *start = f->hdr_addr + (uint64_t)(int64_t)entry[0];
    *record = f->hdr_addr + (uint64_t)(int64_t)entry[1];
    return true;
}

/* The record must repeat the start in the usual encoding, which proves that its size is in it,
 * too. */
static int hdr_find(const struct functions *f, uint64_t addr, struct function_range *out)
{
    uint32_t low = 0;
    uint32_t high = f->hdr_count;
    uint64_t start;
    uint64_t record;
    while (high - low > 1) {
        uint32_t mid = low + (high - low) / 2;
        if (!hdr_entry(f, mid, &start, &record)) {
            return -ENOENT;
        }
        low = start <= addr ? mid : low;
        high = start <= addr ? high : mid;
    }
    struct {
        uint32_t size, id;
        int32_t start;
        uint32_t len;
    } fde;
    if (!hdr_entry(f, low, &start, &record) ||
        !read_at(f, record + (uint64_t)f->hdr_shift, &fde, sizeof(fde))) {
        return -ENOENT;
    }
    bool same = fde.id != 0 && record + 8 + (uint64_t)(int64_t)fde.start == start;
    if (!same || addr < start || addr - start >= fde.len || !in_text(f, start, fde.len)) {
        return -ENOENT;
    }
    *out = (struct function_range){start, fde.len};
    return 0;
}

/* Number of ranges that begin at or below addr. */
static size_t ranges_below(const struct functions *f, uint64_t addr)
{
    size_t low = 0;
    size_t high = f->nranges;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        bool below = f->ranges[mid].start <= addr;
        low = below ? mid + 1 : low;
        high = below ? high : mid;
    }
    return low;
}

/* A range that holds addr among the few that may. */
int functions_find(const struct functions *f, uint64_t addr, struct function_range *out)
{
    if (f->hdr_count != 0 && hdr_find(f, addr, out) == 0) {
        return 0;
    }
    size_t low = ranges_below(f, addr);
    for (unsigned back = 0; back < 8 && low > 0; back++) {
        const struct function_range *r = &f->ranges[--low];
        if (addr - r->start < r->len) {
            *out = *r;
            return 0;
        }
    }
    return -ENOENT;
}

uint64_t functions_next(const struct functions *f, uint64_t addr)
{
    size_t i = ranges_below(f, addr);
    while (i < f->nranges && f->ranges[i].len == 0) {
        i++;
    }
    return i < f->nranges ? f->ranges[i].start : f->text_end;
}

size_t functions_read(const struct functions *f, uint64_t addr, void *buf, size_t len)
{
    if (addr < f->text_start || addr >= f->text_end) {
        return 0;
    }
    len = (size_t)min((uint64_t)len, f->text_end - addr);
    return read_at(f, f->text_offset + (addr - f->text_start), buf, len) ? len : 0;
}
