/* SPDX-License-Identifier: MIT */
/* What the program's memory looks like: lines of /proc/self/maps and counters. Reads under
 * space.lock. Source: proc(5). */
#include "kernel/mmap.h"

#include <asm/errno.h>
#include <asm/mman.h>
#include <asm/stat.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/pmap.h"
#include "kernel/space.h"

static const char *(*file_name_hook)(const struct file *f);

void mmap_set_name_hook(const char *(*name)(const struct file *f))
{
    file_name_hook = name;
}

int mmap_object(uint64_t addr, const void **object, uint64_t *offset)
{
    rwlock_share(&space.lock);
    const struct vma *v = vma_at(&space.tree, addr);
    bool shared = v != NULL && (v->flags & VMA_SHARED) != 0 && v->file != NULL;
    *object = NULL;
    *offset = addr;
    if (shared) {
        *object = v->file->vnode != NULL ? (const void *)v->file->vnode : v->file->object;
        *offset = v->offset + (addr - v->start);
    }
    rwlock_unshare(&space.lock);
    return v != NULL ? 0 : -EFAULT;
}

static long describe(const struct vma *v, char *buf, size_t cap, uint64_t *next)
{
    struct stat st;
    memset(&st, 0, sizeof(st));
    if (v->file != NULL && v->file->ops->stat != NULL) {
        (void)v->file->ops->stat(v->file, &st);
    }
    const char *name = v->name != NULL ? v->name : "";
    if (v->file != NULL && file_name_hook != NULL) {
        const char *path = file_name_hook(v->file);
        name = path != NULL ? path : name;
    }
    *next = v->end;
    int len = print_buf(buf, cap, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu", v->start, v->end,
                        v->prot & PROT_READ ? 'r' : '-', v->prot & PROT_WRITE ? 'w' : '-',
                        v->prot & PROT_EXEC ? 'x' : '-', v->flags & VMA_SHARED ? 's' : 'p',
                        v->file != NULL ? v->offset : 0, (unsigned)(st.st_dev >> 8 & 0xfff),
                        (unsigned)(st.st_dev & 0xff), st.st_ino);
    if (name[0] == 0 || (size_t)len + 1 >= cap) {
        return min((long)len, (long)cap - 1);
    }
    int pad = max(72 - len, 0) + 1;
    int more = print_buf(buf + len, cap - (size_t)len, "%*s%s", pad, "", name);
    return min((long)len + more, (long)cap - 1);
}

long mmap_describe(uint64_t addr, char *buf, size_t cap, uint64_t *next)
{
    rwlock_share(&space.lock);
    const struct vma *v = vma_find(&space.tree, addr);
    long len = v != NULL ? describe(v, buf, cap, next) : -ENOENT;
    rwlock_unshare(&space.lock);
    return len;
}

static void region_of(const struct vma *v, struct mmap_region *out)
{
    *out = (struct mmap_region){.start = v->start, .end = v->end, .prot = v->prot};
    out->shared = (v->flags & VMA_SHARED) != 0;
    out->grows = (v->flags & VMA_GROWS) != 0;
    out->locked = (v->flags & VMA_LOCKED) != 0;
    out->no_huge = (v->flags & VMA_NOHUGE) != 0;
    out->of_file = v->file != NULL;
    uint64_t at = pmap_next(v->start, v->end);
    while (at < v->end) {
        struct pmap_entry e = pmap_get(at);
        bool own = (e.flags & (PMAP_COUNTED | PMAP_COPY)) == PMAP_COUNTED;
        out->resident++;
        out->anonymous += v->file == NULL || (own && !out->shared);
        at = pmap_next(at + PAGE_SIZE, v->end);
    }
}

int mmap_region(uint64_t addr, struct mmap_region *out)
{
    rwlock_share(&space.lock);
    const struct vma *v = vma_find(&space.tree, addr);
    if (v != NULL) {
        region_of(v, out);
    }
    rwlock_unshare(&space.lock);
    return v != NULL ? 0 : -ENOENT;
}

int mmap_mapping(uint64_t addr, const struct file *f, struct mmap_mapping *out)
{
    rwlock_share(&space.lock);
    const struct vma *v = vma_find(&space.tree, addr);
    while (v != NULL && v->file != f) {
        v = vma_next(v);
    }
    if (v != NULL) {
        *out = (struct mmap_mapping){v->start, v->end, v->offset};
    }
    rwlock_unshare(&space.lock);
    return v != NULL ? 0 : -ENOENT;
}

void mmap_stats(struct mmap_stats *out)
{
    struct pmap_stats p;
    pmap_stats(&p);
    *out = (struct mmap_stats){.minor_faults = __atomic_load_n(&space.faults, __ATOMIC_RELAXED),
                               .huge_pages = p.huge,
                               .resident_pages = p.resident,
                               .peak_resident_pages = p.peak_resident,
                               .virtual_pages = space.tree.pages,
                               .jit_pages = space.jit_pages};
}
