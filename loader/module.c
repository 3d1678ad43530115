/* SPDX-License-Identifier: MIT */
/* Mapped ELF files, found by an address in their text.
 *
 * Owns the list of modules; each keeps its file alive until its text mapping is gone. Modules
 * that
 * nobody uses any more are only marked, and freed at the next look-up, because unmapping must
 * not block.
 * lock guards the list's marks; the rest belongs to the rewriter, which calls one at a time.
 * Source: ELF-64 object file format 1.5. */
#include "loader/module.h"

#include <linux/elf.h>

#include <asm/errno.h>

#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "loader/proof.h"

#define MAX_PROGRAM_HEADERS 64U

struct module {
    struct list link;
    uint64_t start, end; /* [I] of the text mapping */
    uint64_t bias; /* [I] mapped address - address in the file's own terms */
    struct file *file; /* [I] one reference */
    struct proof proof; /* the rewriter's lock */
    bool gone; /* [lock] */
    uint8_t taken[]; /* bit per page of [start, end) */
};

static struct spinlock lock;
static struct list modules = LIST_INIT(modules);

static bool file_read(void *ctx, uint64_t pos, void *buf, size_t len)
{
    struct file *f = ctx;
    struct iov iov = {buf, len};
    struct iov_iter it = {.iov = &iov, .n = 1, .total = len};
    return f->ops->read(f, &it, &pos) == (long)len;
}

static void module_destroy(struct module *m)
{
    proof_close(&m->proof);
    file_put(m->file);
    heap_free(m);
}

/* The first module that was marked, unlinked; NULL when there is none. */
static struct module *take_gone(void)
{
    struct list *at;
    struct module *found = NULL;
    spin_lock(&lock);
    list_for_each (at, &modules) {
        struct module *m = list_entry(at, struct module, link);
        if (m->gone) {
            found = m;
            list_remove(at);
            break;
        }
    }
    spin_unlock(&lock);
    return found;
}

static struct module *lookup(uint64_t addr)
{
    struct list *at;
    struct module *found = NULL;
    spin_lock(&lock);
    list_for_each (at, &modules) {
        struct module *m = list_entry(at, struct module, link);
        if (!m->gone && addr >= m->start && addr < m->end) {
            found = m;
        }
    }
    spin_unlock(&lock);
    return found;
}

/* The segment of the file that the mapping at offset comes from. */
static bool find_segment(struct module *m, uint64_t offset)
{
    Elf64_Ehdr eh;
    if (m->file->ops->read == NULL || !file_read(m->file, 0, &eh, sizeof(eh)) ||
        memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_phentsize != sizeof(Elf64_Phdr)) {
        return false;
    }
    for (unsigned i = 0; i < min((unsigned)eh.e_phnum, MAX_PROGRAM_HEADERS); i++) {
        Elf64_Phdr ph;
        if (!file_read(m->file, eh.e_phoff + i * sizeof(ph), &ph, sizeof(ph))) {
            return false;
        }
        uint64_t first = align_down(ph.p_offset, PAGE_SIZE);
        bool text = ph.p_type == PT_LOAD && (ph.p_flags & PF_X) != 0;
        if (text && offset >= first && offset < ph.p_offset + ph.p_filesz) {
            m->bias = m->start - (offset - ph.p_offset + ph.p_vaddr);
            m->proof.functions.text_start = ph.p_vaddr;
            m->proof.functions.text_end = ph.p_vaddr + ph.p_filesz;
            m->proof.functions.text_offset = ph.p_offset;
            return true;
        }
    }
    return false;
}

static struct module *module_create(const struct mmap_text *text)
{
    size_t npages = (text->end - text->start) >> PAGE_SHIFT;
    struct module *m = heap_zalloc(sizeof(*m) + (npages + 7) / 8);
    if (m == NULL) {
        return NULL;
    }
    m->start = text->start;
    m->end = text->end;
    m->file = text->file;
    file_get(m->file);
    m->proof.functions.source = (struct functions_source){file_read, m->file};
    if (!find_segment(m, text->offset) || functions_open(&m->proof.functions) != 0) {
        module_destroy(m);
        return NULL;
    }
    spin_lock(&lock);
    list_append(&modules, &m->link);
    spin_unlock(&lock);
    return m;
}

struct module *module_find(uint64_t addr)
{
    struct module *old;
    while ((old = take_gone()) != NULL) {
        module_destroy(old);
    }
    struct module *m = lookup(addr);
    struct mmap_text text;
    if (m != NULL || mmap_text_find(addr, &text) != 0) {
        return m;
    }
    if (text.file != NULL) {
        m = text.shared || text.writable ? NULL : module_create(&text);
        file_put(text.file);
    }
    return m;
}

struct flow *module_prove(struct module *m, uint64_t addr)
{
    struct flow *f = proof_find(&m->proof, addr - m->bias);
    if (f != NULL) {
        f->text.addr += m->bias;
    }
    return f;
}

bool module_take_page(struct module *m, uint64_t addr)
{
    if (addr < m->start || addr >= m->end || pmap_get(addr).flags == 0) {
        return false;
    }
    uint64_t page = (addr - m->start) >> PAGE_SHIFT;
    uint8_t bit = (uint8_t)(1U << page % 8);
    bool fresh = (m->taken[page / 8] & bit) == 0;
    m->taken[page / 8] |= bit;
    return fresh;
}

void module_forget(uint64_t start, uint64_t end)
{
    struct list *at;
    spin_lock(&lock);
    list_for_each (at, &modules) {
        struct module *m = list_entry(at, struct module, link);
        m->gone |= m->start < end && m->end > start;
    }
    spin_unlock(&lock);
}
