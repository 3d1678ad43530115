/* SPDX-License-Identifier: MIT */
/* Reads ELF headers, program headers and the dynamic section of host files with libelf. libelf
 * keeps its own reads inside the file; what it hands out is the file's word and is checked here.
 * Source: gABI chapters 4 and 5, elf(5); elfutils, libelf.h and gelf.h; psABI x86-64. */
#include "tools/elfin/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_END 0x7f0000000000UL /* the kernel area of platform/monitor/abi.h starts here */

struct machine {
    unsigned number;
    const char *name;
};

static const struct machine machines[] = {
    {EM_386, "32-bit x86"}, {EM_X86_64, "x86-64"}, {EM_AARCH64, "AArch64"},     {EM_ARM, "ARM"},
    {EM_RISCV, "RISC-V"},   {EM_PPC64, "PowerPC"}, {EM_PPC, "PowerPC"},         {EM_S390, "S/390"},
    {EM_MIPS, "MIPS"},      {EM_SPARCV9, "SPARC"}, {EM_LOONGARCH, "LoongArch"},
};

static char reason[256];

static enum executable_verdict refuse(enum executable_verdict verdict, const char *why)
{
    snprintf(reason, sizeof(reason), "%s", why);
    return verdict;
}

static enum executable_verdict refuse_unreadable(void)
{
    snprintf(reason, sizeof(reason), "cannot be read: %s", strerror(errno));
    return EXECUTABLE_UNREADABLE;
}

static enum executable_verdict refuse_machine(unsigned number)
{
    for (size_t i = 0; i < sizeof(machines) / sizeof(machines[0]); i++) {
        if (machines[i].number == number) {
            snprintf(reason, sizeof(reason), "is a program for %s, not for x86-64",
                     machines[i].name);
            return EXECUTABLE_UNFIT;
        }
    }
    snprintf(reason, sizeof(reason), "is a program for machine %u, not for x86-64", number);
    return EXECUTABLE_UNFIT;
}

static enum executable_verdict refuse_damaged(size_t size)
{
    return refuse(EXECUTABLE_UNFIT, size < sizeof(Elf64_Ehdr)
                                        ? "is truncated: no complete ELF header"
                                        : "is damaged: its ELF header makes no sense");
}

static enum executable_verdict refuse_foreign(Elf *elf)
{
    size_t size;
    const char *data = elf_rawfile(elf, &size);
    if (data == NULL || size == 0) {
        return refuse(EXECUTABLE_FOREIGN, "is empty");
    }
    if (size >= SELFMAG && memcmp(data, ELFMAG, SELFMAG) == 0) {
        return refuse_damaged(size);
    }
    if (size >= 2 && memcmp(data, "#!", 2) == 0) {
        return refuse(EXECUTABLE_FOREIGN, "is a script, not an ELF program: run its interpreter, "
                                          "with --add for the script");
    }
    return refuse(EXECUTABLE_FOREIGN, "is not an ELF program");
}

static enum executable_verdict check_header(Elf *elf)
{
    GElf_Ehdr h;
    if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &h) == NULL) {
        return refuse_foreign(elf);
    }
    if (h.e_ident[EI_DATA] != ELFDATA2LSB) {
        return refuse(EXECUTABLE_UNFIT, "is a big-endian program, not for x86-64");
    }
    if (h.e_machine != EM_X86_64) {
        return refuse_machine(h.e_machine);
    }
    if (h.e_ident[EI_CLASS] != ELFCLASS64) {
        return refuse(EXECUTABLE_UNFIT, "is an x32 program, not for x86-64");
    }
    if (h.e_type != ET_EXEC && h.e_type != ET_DYN) {
        return refuse(EXECUTABLE_UNFIT, h.e_type == ET_REL    ? "is an object file, not linked yet"
                                        : h.e_type == ET_CORE ? "is a core dump, not a program"
                                                              : "is of an unknown ELF type");
    }
    if (h.e_phentsize != sizeof(Elf64_Phdr) || h.e_phnum == 0) {
        return refuse(EXECUTABLE_UNFIT, "is damaged: it has no program headers");
    }
    return EXECUTABLE_OK;
}

static bool inside(Elf *elf, uint64_t offset, uint64_t len)
{
    size_t size;
    return elf_rawfile(elf, &size) != NULL && offset <= size && len <= size - offset;
}

static enum executable_verdict check_load(Elf *elf, const GElf_Phdr *p)
{
    if (!inside(elf, p->p_offset, p->p_filesz)) {
        return refuse(EXECUTABLE_UNFIT, "is truncated: a segment ends after the file");
    }
    if (p->p_filesz > p->p_memsz || p->p_vaddr >= USER_END || p->p_memsz > USER_END - p->p_vaddr) {
        return refuse(EXECUTABLE_UNFIT, "is damaged: a segment has an impossible size or address");
    }
    return EXECUTABLE_OK;
}

static enum executable_verdict check_segments(Elf *elf)
{
    size_t count = 0;
    unsigned loads = 0;
    GElf_Phdr p;
    (void)elf_getphdrnum(elf, &count);
    for (size_t i = 0; i < count || i == 0; i++) {
        if (gelf_getphdr(elf, (int)i, &p) == NULL) {
            return refuse(EXECUTABLE_UNFIT,
                          "is truncated: its program headers lie after the end of the file");
        }
        if (p.p_type != PT_LOAD) {
            continue;
        }
        loads++;
        enum executable_verdict verdict = check_load(elf, &p);
        if (verdict != EXECUTABLE_OK) {
            return verdict;
        }
    }
    return loads != 0 ? EXECUTABLE_OK
                      : refuse(EXECUTABLE_UNFIT, "is damaged: nothing in it is to be loaded");
}

/* The first segment of a type. */
static bool segment_find(Elf *elf, uint32_t type, GElf_Phdr *out)
{
    for (int i = 0; gelf_getphdr(elf, i, out) != NULL; i++) {
        if (out->p_type == type) {
            return true;
        }
    }
    return false;
}

static enum executable_verdict read_interpreter(Elf *elf, struct executable *out)
{
    GElf_Phdr p;
    if (!segment_find(elf, PT_INTERP, &p)) {
        return EXECUTABLE_OK;
    }
    if (!inside(elf, p.p_offset, p.p_filesz)) {
        return refuse(EXECUTABLE_UNFIT,
                      "is truncated: its interpreter's name lies after the end of the file");
    }
    const char *name = elf_rawfile(elf, NULL) + p.p_offset;
    if (p.p_filesz < 2 || strnlen(name, p.p_filesz) != p.p_filesz - 1) {
        return refuse(EXECUTABLE_UNFIT, "is damaged: the name of its interpreter is not a string");
    }
    out->interpreter = text_copy(name);
    return EXECUTABLE_OK;
}

struct strings {
    const char *data;
    size_t len;
};

/* The value of the last entry with this tag, 0 without one. */
static uint64_t entry_find(Elf_Data *table, int64_t tag)
{
    GElf_Dyn d;
    uint64_t value = 0;
    for (int i = 0; gelf_getdyn(table, i, &d) != NULL && d.d_tag != DT_NULL; i++) {
        value = d.d_tag == tag ? d.d_un.d_val : value;
    }
    return value;
}

/* The string table, whose place is told as an address. It stays empty if that is in no segment. */
static void find_strings(Elf *elf, Elf_Data *table, struct strings *out)
{
    uint64_t va = entry_find(table, DT_STRTAB);
    uint64_t len = entry_find(table, DT_STRSZ);
    GElf_Phdr p;
    for (int i = 0; va != 0 && gelf_getphdr(elf, i, &p) != NULL; i++) {
        if (p.p_type == PT_LOAD && va >= p.p_vaddr && va - p.p_vaddr < p.p_filesz) {
            uint64_t skip = va - p.p_vaddr;
            out->data = elf_rawfile(elf, NULL) + p.p_offset + skip;
            out->len = len < p.p_filesz - skip ? len : p.p_filesz - skip;
            return;
        }
    }
}

/* A copy of the string at offset, NULL if it does not end inside the table. */
static char *string_at(const struct strings *s, uint64_t offset)
{
    if (offset >= s->len || memchr(s->data + offset, '\0', s->len - offset) == NULL) {
        return NULL;
    }
    return text_copy(s->data + offset);
}

static bool read_entry(const GElf_Dyn *d, const struct strings *s, struct executable *out)
{
    char **place = d->d_tag == DT_SONAME    ? &out->soname
                   : d->d_tag == DT_RPATH   ? &out->rpath
                   : d->d_tag == DT_RUNPATH ? &out->runpath
                                            : NULL;
    if (place == NULL && d->d_tag != DT_NEEDED) {
        return true;
    }
    char *string = string_at(s, d->d_un.d_val);
    if (string == NULL) {
        return false;
    }
    if (place != NULL) {
        free(*place);
        *place = string;
        return true;
    }
    words_add(&out->needed, string);
    free(string);
    return true;
}

static enum executable_verdict read_dynamic(Elf *elf, struct executable *out)
{
    GElf_Phdr p;
    GElf_Dyn d;
    struct strings s = {0};
    if (!segment_find(elf, PT_DYNAMIC, &p) || p.p_filesz == 0) {
        return EXECUTABLE_OK;
    }
    Elf_Data *table = inside(elf, p.p_offset, p.p_filesz)
                          ? elf_getdata_rawchunk(elf, (int64_t)p.p_offset, p.p_filesz, ELF_T_DYN)
                          : NULL;
    if (table == NULL) {
        return refuse(EXECUTABLE_UNFIT,
                      "is truncated: its dynamic section lies after the end of the file");
    }
    find_strings(elf, table, &s);
    for (int i = 0; gelf_getdyn(table, i, &d) != NULL && d.d_tag != DT_NULL; i++) {
        if (!read_entry(&d, &s, out)) {
            return refuse(EXECUTABLE_UNFIT,
                          "is damaged: a name in its dynamic section is not a string");
        }
    }
    return EXECUTABLE_OK;
}

static enum executable_verdict read_elf(Elf *elf, struct executable *out)
{
    enum executable_verdict verdict = check_header(elf);
    verdict = verdict == EXECUTABLE_OK ? check_segments(elf) : verdict;
    verdict = verdict == EXECUTABLE_OK ? read_interpreter(elf, out) : verdict;
    return verdict == EXECUTABLE_OK ? read_dynamic(elf, out) : verdict;
}

static enum executable_verdict read_file(int fd, struct executable *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return refuse_unreadable();
    }
    if (!S_ISREG(st.st_mode)) {
        return refuse(EXECUTABLE_FOREIGN, S_ISDIR(st.st_mode) ? "is a directory" : "is not a file");
    }
    if (st.st_size == 0) {
        return refuse(EXECUTABLE_FOREIGN, "is empty");
    }
    (void)elf_version(EV_CURRENT);
    Elf *elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
    if (elf == NULL) {
        return refuse_damaged((size_t)st.st_size); /* libelf wants a complete header */
    }
    enum executable_verdict verdict = read_elf(elf, out);
    elf_end(elf);
    return verdict;
}

enum executable_verdict executable_read(const char *path, struct executable *out, const char **why)
{
    *out = (struct executable){0};
    if (why != NULL) {
        *why = reason;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return refuse_unreadable();
    }
    enum executable_verdict verdict = read_file(fd, out);
    close(fd);
    if (verdict != EXECUTABLE_OK) {
        executable_fini(out);
    }
    return verdict;
}

void executable_fini(struct executable *e)
{
    free(e->interpreter);
    free(e->soname);
    free(e->rpath);
    free(e->runpath);
    words_fini(&e->needed);
    *e = (struct executable){0};
}
