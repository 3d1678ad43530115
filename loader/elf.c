/* SPDX-License-Identifier: MIT */
/* ELF headers, checked.
 *
 * Owns nothing; every byte of its input is foreign and nothing in it is believed before it is
 * checked. After ELF_FINE: start < end <= USER_MAX; start >= USER_MIN unless pie; each load has
 * filesz <= memsz, vaddr + memsz within [start, end), offset + filesz <= file_len, offset congruent
 * to vaddr.
 *
 * Source: ELF-64 object file format 1.5; x86-64 psABI 4.1 and 5.1; Linux fs/binfmt_elf.c (what it
 * accepts beyond the standard: p_align that is no power of two, segments in any order). */
#include "loader/elf.h"

#include <asm/mman.h>
#include <linux/elf.h>
#include <linux/limits.h>

#include "kernel/base/string.h"
#include "kernel/uaccess.h"

#define MAX_ALIGN (1UL << 30) /* greater alignments are taken as this */

enum elf_reason elf_header(const void *buf, size_t len, uint64_t file_len, struct elf_image *out)
{
    const uint8_t *bytes = buf;
    Elf64_Ehdr h;

    memset(out, 0, sizeof(*out));
    if (len >= 2 && bytes[0] == '#' && bytes[1] == '!') {
        return ELF_IS_SCRIPT;
    }
    if (len < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0) {
        return ELF_IS_FOREIGN;
    }
    if (len > EI_CLASS && bytes[EI_CLASS] == ELFCLASS32) {
        return ELF_IS_32BIT;
    }
    if (len < sizeof(h) || file_len < sizeof(h)) {
        return ELF_IS_SHORT;
    }
    memcpy(&h, buf, sizeof(h));
    if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB ||
        h.e_machine != EM_X86_64) {
        return ELF_IS_OTHER_MACHINE;
    }
    if (h.e_type != ET_EXEC && h.e_type != ET_DYN) {
        return ELF_IS_OBJECT;
    }
    if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0 || h.e_phnum > ELF_MAX_PHDRS) {
        return ELF_BAD_TABLE;
    }
    uint64_t end;
    if (!add_ok(h.e_phoff, (uint64_t)h.e_phnum * sizeof(Elf64_Phdr), &end)) {
        return ELF_BAD_TABLE;
    }
    if (end > file_len) {
        return ELF_IS_SHORT;
    }
    out->pie = h.e_type == ET_DYN;
    out->entry = h.e_entry;
    out->phoff = h.e_phoff;
    out->phnum = h.e_phnum;
    out->file_len = file_len;
    return ELF_FINE;
}

/* The protection that p_flags ask for. */
static int prot_of(uint32_t p_flags)
{
    return ((p_flags & PF_R) ? PROT_READ : 0) | ((p_flags & PF_W) ? PROT_WRITE : 0) |
           ((p_flags & PF_X) ? PROT_EXEC : 0);
}

/* Whether [a, a + a_len) and [b, b + b_len) share a byte; neither wraps. */
static bool overlaps(uint64_t a, uint64_t a_len, uint64_t b, uint64_t b_len)
{
    return a < b + b_len && b < a + a_len;
}

static enum elf_reason check_placement(const Elf64_Phdr *p, const struct elf_image *image)
{
    uint64_t end;
    uint64_t file_end;

    if (p->p_filesz > p->p_memsz) {
        return ELF_BAD_SEGMENT;
    }
    if (!add_ok(p->p_vaddr, p->p_memsz, &end) || end > USER_MAX) {
        return ELF_BAD_RANGE;
    }
    if (!image->pie && p->p_vaddr < USER_MIN) {
        return ELF_BAD_RANGE;
    }
    if (p->p_filesz == 0) {
        return ELF_FINE;
    }
    if (!add_ok(p->p_offset, p->p_filesz, &file_end) || file_end > image->file_len) {
        return ELF_IS_TRUNCATED;
    }
    if (!is_aligned(p->p_vaddr - p->p_offset, PAGE_SIZE)) {
        return ELF_BAD_SEGMENT;
    }
    return ELF_FINE;
}

static enum elf_reason add_load(const Elf64_Phdr *p, struct elf_image *out)
{
    enum elf_reason reason = check_placement(p, out);
    if (reason != ELF_FINE || p->p_memsz == 0) {
        return reason;
    }
    if (out->nloads == ELF_MAX_LOADS) {
        return ELF_BAD_TABLE;
    }
    for (unsigned i = 0; i < out->nloads; i++) {
        if (overlaps(out->load[i].vaddr, out->load[i].memsz, p->p_vaddr, p->p_memsz)) {
            return ELF_BAD_OVERLAP;
        }
    }
    uint64_t first = align_down(p->p_vaddr, PAGE_SIZE);
    uint64_t end = align_up(p->p_vaddr + p->p_memsz, PAGE_SIZE);
    out->start = out->nloads == 0 ? first : min(out->start, first);
    out->end = max(out->end, end);
    if ((p->p_align & (p->p_align - 1)) == 0 && p->p_align > out->align) {
        out->align = min(p->p_align, MAX_ALIGN);
    }
    out->load[out->nloads++] = (struct elf_load){.vaddr = p->p_vaddr,
                                                 .offset = p->p_offset,
                                                 .filesz = p->p_filesz,
                                                 .memsz = p->p_memsz,
                                                 .prot = prot_of(p->p_flags)};
    return ELF_FINE;
}

static enum elf_reason add_interp(const Elf64_Phdr *p, struct elf_image *out)
{
    uint64_t end;
    if (p->p_filesz < 2 || p->p_filesz > PATH_MAX) {
        return ELF_BAD_INTERP;
    }
    if (!add_ok(p->p_offset, p->p_filesz, &end) || end > out->file_len) {
        return ELF_IS_TRUNCATED;
    }
    if (out->interp_len == 0) { /* the first one counts */
        out->interp_offset = p->p_offset;
        out->interp_len = p->p_filesz;
    }
    return ELF_FINE;
}

static enum elf_reason add_header(const Elf64_Phdr *p, struct elf_image *out)
{
    switch (p->p_type) {
    case PT_LOAD: return add_load(p, out);
    case PT_INTERP: return add_interp(p, out);
    case PT_TLS: return p->p_filesz > p->p_memsz ? ELF_BAD_SEGMENT : ELF_FINE;
    case PT_GNU_STACK:
        out->stack = (p->p_flags & PF_X) ? ELF_STACK_EXEC : ELF_STACK_DATA;
        return ELF_FINE;
    default: return ELF_FINE;
    }
}

/* What can only be said once every segment is known. */
static enum elf_reason finish(struct elf_image *out)
{
    bool entry_ok = false;

    if (out->nloads == 0) {
        return ELF_IS_EMPTY;
    }
    if (out->pie && out->end - out->start > ELF_MAX_SPAN) {
        return ELF_BAD_RANGE;
    }
    for (unsigned i = 0; i < out->nloads; i++) {
        const struct elf_load *l = &out->load[i];
        if (out->phoff >= l->offset && out->phoff - l->offset < l->filesz) {
            out->phdr_vaddr = l->vaddr + (out->phoff - l->offset);
        }
        if ((l->prot & PROT_EXEC) != 0 && out->entry >= l->vaddr &&
            out->entry - l->vaddr < l->memsz) {
            entry_ok = true;
        }
    }
    return entry_ok ? ELF_FINE : ELF_IS_LIBRARY;
}

enum elf_reason elf_segments(const void *table, struct elf_image *out)
{
    const uint8_t *at = table;

    out->align = PAGE_SIZE;
    for (unsigned i = 0; i < out->phnum; i++) {
        Elf64_Phdr p;
        memcpy(&p, at + i * sizeof(p), sizeof(p));
        enum elf_reason reason = add_header(&p, out);
        if (reason != ELF_FINE) {
            return reason;
        }
    }
    return finish(out);
}

const char *elf_reason_text(enum elf_reason reason)
{
    static const char *const text[ELF_NREASONS] = {
        [ELF_FINE] = "nothing is wrong with it",
        [ELF_IS_SHORT] = "truncated ELF file: it ends within its headers",
        [ELF_IS_SCRIPT] = "it is a script, not an ELF program; run its interpreter",
        [ELF_IS_FOREIGN] = "not an ELF program",
        [ELF_IS_32BIT] = "a 32-bit program; only x86-64 runs here",
        [ELF_IS_OTHER_MACHINE] = "built for another machine; only x86-64 runs here",
        [ELF_IS_OBJECT] = "an object file or core dump, not a program",
        [ELF_IS_LIBRARY] = "a library: its entry point is not in its code",
        [ELF_BAD_TABLE] = "malformed ELF file: program header table",
        [ELF_BAD_SEGMENT] = "malformed ELF file: a segment's sizes or alignment",
        [ELF_BAD_RANGE] = "malformed ELF file: a segment outside of the address space",
        [ELF_BAD_OVERLAP] = "malformed ELF file: overlapping segments",
        [ELF_BAD_INTERP] = "malformed ELF file: name of the interpreter",
        [ELF_IS_TRUNCATED] = "truncated ELF file: a segment lies past its end",
        [ELF_IS_EMPTY] = "malformed ELF file: nothing to load",
    };
    if ((unsigned)reason >= ELF_NREASONS) {
        return "unknown reason";
    }
    return text[reason];
}
