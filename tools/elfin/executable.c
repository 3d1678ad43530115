/* SPDX-License-Identifier: MIT */
/* Reads ELF headers, program headers and the dynamic section of host files. Every offset, count and
 * address of the file is checked against the file's size before use; nothing in it is trusted.
 * Source: gABI chapters 4 and 5, elf(5); psABI x86-64 for the machine number. */
#include "tools/elfin/executable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_END 0x7f0000000000UL /* the kernel area of platform/monitor/abi.h starts here */

struct view {
    const char *data;
    size_t size;
    const Elf64_Phdr *headers; /* array[nheaders] */
    unsigned nheaders;
};

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

static bool inside(const struct view *v, uint64_t offset, uint64_t len)
{
    return offset <= v->size && len <= v->size - offset;
}

static enum executable_verdict check_header(struct view *v)
{
    if (v->size < SELFMAG || memcmp(v->data, ELFMAG, SELFMAG) != 0) {
        bool script = v->size >= 2 && memcmp(v->data, "#!", 2) == 0;
        return refuse(EXECUTABLE_FOREIGN,
                      v->size == 0 ? "is empty"
                      : script     ? "is a script, not an ELF program: run its interpreter, with "
                                     "--add for the script"
                                   : "is not an ELF program");
    }
    const Elf64_Ehdr *h = (const void *)v->data;
    if (v->size < offsetof(Elf32_Ehdr, e_version)) {
        return refuse(EXECUTABLE_UNFIT, "is truncated: no complete ELF header");
    }
    if (h->e_ident[EI_DATA] != ELFDATA2LSB) {
        return refuse(EXECUTABLE_UNFIT, "is a big-endian program, not for x86-64");
    }
    if (h->e_machine != EM_X86_64) {
        return refuse_machine(h->e_machine);
    }
    if (h->e_ident[EI_CLASS] != ELFCLASS64) {
        return refuse(EXECUTABLE_UNFIT, "is an x32 program, not for x86-64");
    }
    if (v->size < sizeof(*h)) {
        return refuse(EXECUTABLE_UNFIT, "is truncated: no complete ELF header");
    }
    if (h->e_type != ET_EXEC && h->e_type != ET_DYN) {
        return refuse(EXECUTABLE_UNFIT, h->e_type == ET_REL    ? "is an object file, not linked yet"
                                        : h->e_type == ET_CORE ? "is a core dump, not a program"
                                                               : "is of an unknown ELF type");
    }
    return EXECUTABLE_OK;
}

static enum executable_verdict check_load(const struct view *v, const Elf64_Phdr *p)
{
    if (!inside(v, p->p_offset, p->p_filesz)) {
        return refuse(EXECUTABLE_UNFIT, "is truncated: a segment ends after the file");
    }
    if (p->p_filesz > p->p_memsz || p->p_vaddr >= USER_END || p->p_memsz > USER_END - p->p_vaddr) {
        return refuse(EXECUTABLE_UNFIT, "is damaged: a segment has an impossible size or address");
    }
    return EXECUTABLE_OK;
}

static enum executable_verdict check_segments(struct view *v)
{
    const Elf64_Ehdr *h = (const void *)v->data;
    uint64_t len = (uint64_t)h->e_phnum * sizeof(Elf64_Phdr);
    if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum == 0) {
        return refuse(EXECUTABLE_UNFIT, "is damaged: it has no program headers");
    }
    if (!inside(v, h->e_phoff, len)) {
        return refuse(EXECUTABLE_UNFIT,
                      "is truncated: its program headers lie after the end of the file");
    }
    if (h->e_phoff % _Alignof(Elf64_Phdr) != 0) {
        return refuse(EXECUTABLE_UNFIT, "is damaged: its program headers are not aligned");
    }
    v->headers = (const void *)(v->data + h->e_phoff);
    v->nheaders = h->e_phnum;
    unsigned loads = 0;
    for (unsigned i = 0; i < v->nheaders; i++) {
        if (v->headers[i].p_type != PT_LOAD) {
            continue;
        }
        loads++;
        enum executable_verdict verdict = check_load(v, &v->headers[i]);
        if (verdict != EXECUTABLE_OK) {
            return verdict;
        }
    }
    return loads != 0 ? EXECUTABLE_OK
                      : refuse(EXECUTABLE_UNFIT, "is damaged: nothing in it is to be loaded");
}

/* The file's bytes at a virtual address, up to the end of their segment. NULL if there are none. */
static const char *bytes_at(const struct view *v, uint64_t va, size_t *len)
{
    for (unsigned i = 0; i < v->nheaders; i++) {
        const Elf64_Phdr *p = &v->headers[i];
        if (p->p_type == PT_LOAD && va >= p->p_vaddr && va - p->p_vaddr < p->p_filesz) {
            *len = p->p_filesz - (va - p->p_vaddr);
            return v->data + p->p_offset + (va - p->p_vaddr);
        }
    }
    return NULL;
}

static const Elf64_Phdr *segment_find(const struct view *v, uint32_t type)
{
    for (unsigned i = 0; i < v->nheaders; i++) {
        if (v->headers[i].p_type == type) {
            return &v->headers[i];
        }
    }
    return NULL;
}

static enum executable_verdict read_interpreter(const struct view *v, struct executable *out)
{
    const Elf64_Phdr *p = segment_find(v, PT_INTERP);
    if (p == NULL) {
        return EXECUTABLE_OK;
    }
    if (!inside(v, p->p_offset, p->p_filesz)) {
        return refuse(EXECUTABLE_UNFIT,
                      "is truncated: its interpreter's name lies after the end of the file");
    }
    const char *name = v->data + p->p_offset;
    if (p->p_filesz < 2 || strnlen(name, p->p_filesz) != p->p_filesz - 1) {
        return refuse(EXECUTABLE_UNFIT, "is damaged: the name of its interpreter is not a string");
    }
    out->interpreter = text_copy(name);
    return EXECUTABLE_OK;
}

struct strings {
    const char *data;
    size_t len;
};

/* A copy of the string at offset, NULL if it does not end inside the table. */
static char *string_at(const struct strings *s, uint64_t offset)
{
    if (offset >= s->len || memchr(s->data + offset, '\0', s->len - offset) == NULL) {
        return NULL;
    }
    return text_copy(s->data + offset);
}

static bool read_entry(const Elf64_Dyn *d, const struct strings *s, struct executable *out)
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

static enum executable_verdict read_dynamic(const struct view *v, struct executable *out)
{
    const Elf64_Phdr *p = segment_find(v, PT_DYNAMIC);
    if (p == NULL || p->p_filesz == 0) {
        return EXECUTABLE_OK;
    }
    if (!inside(v, p->p_offset, p->p_filesz) || p->p_offset % _Alignof(Elf64_Dyn) != 0) {
        return refuse(EXECUTABLE_UNFIT,
                      "is truncated: its dynamic section lies after the end of the file");
    }
    const Elf64_Dyn *table = (const void *)(v->data + p->p_offset);
    size_t count = p->p_filesz / sizeof(*table);
    struct strings s = {0};
    size_t table_len = 0;
    uint64_t names = 0;
    for (size_t i = 0; i < count && table[i].d_tag != DT_NULL; i++) {
        names = table[i].d_tag == DT_STRTAB ? table[i].d_un.d_ptr : names;
        table_len = table[i].d_tag == DT_STRSZ ? table[i].d_un.d_val : table_len;
    }
    s.data = names != 0 ? bytes_at(v, names, &s.len) : NULL;
    s.len = s.data == NULL ? 0 : s.len < table_len ? s.len : table_len;
    for (size_t i = 0; i < count && table[i].d_tag != DT_NULL; i++) {
        if (!read_entry(&table[i], &s, out)) {
            return refuse(EXECUTABLE_UNFIT,
                          "is damaged: a name in its dynamic section is not a string");
        }
    }
    return EXECUTABLE_OK;
}

static enum executable_verdict read_view(struct view *v, struct executable *out)
{
    enum executable_verdict verdict = check_header(v);
    verdict = verdict == EXECUTABLE_OK ? check_segments(v) : verdict;
    verdict = verdict == EXECUTABLE_OK ? read_interpreter(v, out) : verdict;
    return verdict == EXECUTABLE_OK ? read_dynamic(v, out) : verdict;
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
    struct view v = {.size = (size_t)st.st_size};
    if (v.size == 0) {
        return check_header(&v);
    }
    void *data = mmap(NULL, v.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (data == MAP_FAILED) {
        return refuse_unreadable();
    }
    v.data = data;
    enum executable_verdict verdict = read_view(&v, out);
    munmap(data, v.size);
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
