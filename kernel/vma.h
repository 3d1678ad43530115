/* SPDX-License-Identifier: MIT */
/* Regions of the program's address space: an ordered map of disjoint ranges. Pure. */
#ifndef KERNEL_VMA_H
#define KERNEL_VMA_H

#include "kernel/base/base.h"
#include "kernel/base/rbtree.h"

struct file;

#define VMA_SHARED 0x1 /* writes go to the object */
#define VMA_GROWS 0x2 /* a stack: extends downwards on faults */
#define VMA_NOHUGE 0x4 /* never 2 MiB pages */
#define VMA_SPECIAL 0x8 /* the kernel's pages: no mremap, no mprotect to writable */
#define VMA_HUGE 0x10 /* madvise(MADV_HUGEPAGE) */
#define VMA_LOCKED 0x20 /* mlock(2): present, and no MADV_DONTNEED */
#define VMA_STACK 0x40 /* opened as the stack of a thread is (ahead.c) */
#define VMA_THREAD 0x80 /* a thread was started on it */

struct vma {
    struct rbnode node;
    uint64_t start, end; /* page-aligned, start < end */
    int prot; /* PROT_READ | WRITE | EXEC */
    unsigned flags; /* VMA_* */
    struct file *file; /* one reference, NULL for anonymous memory */
    uint64_t offset; /* of start in the file, page-aligned */
    uint64_t pa; /* VMA_SPECIAL: first frame */
    const char *name; /* "[stack]" ..., static; NULL */
    /* Where the pages end that the last fault entered, and log2 of their number: faults that go on
     * there get more. */
    uint64_t around_next; /* [A] */
    unsigned around_order; /* [A] */
};

struct vma_tree {
    struct rbtree tree;
    uint64_t pages; /* sum of sizes */
};

/* vma_find: the first region that ends above addr (it may start above, too), NULL. */
struct vma *vma_find(const struct vma_tree *t, uint64_t addr);
/* vma_at: the region that holds addr, NULL. */
struct vma *vma_at(const struct vma_tree *t, uint64_t addr);
struct vma *vma_next(const struct vma *v);
struct vma *vma_prev(const struct vma *v);

/* vma_insert: v overlaps nothing. vma_remove: unlink, not freed. */
void vma_insert(struct vma_tree *t, struct vma *v);
void vma_remove(struct vma_tree *t, struct vma *v);

/* vma_cut: shorten v to [v->start, at) and make upper, a fresh copy's memory, [at, old end). The
 * file's reference is the caller's business. */
void vma_cut(struct vma_tree *t, struct vma *v, uint64_t at, struct vma *upper);

/* vma_can_merge: a directly below b, and one region could be both. */
bool vma_can_merge(const struct vma *a, const struct vma *b);
/* vma_extend: move v's ends; it must not run into a neighbour. offset follows start. */
void vma_extend(struct vma_tree *t, struct vma *v, uint64_t start, uint64_t end);

/* vma_gap_below: highest page-aligned address a with [a, a + len) free in [low, high), 0 when
 * none. */
uint64_t vma_gap_below(const struct vma_tree *t, uint64_t low, uint64_t high, uint64_t len);
/* vma_gap_above: lowest such address, 0 when none. */
uint64_t vma_gap_above(const struct vma_tree *t, uint64_t low, uint64_t high, uint64_t len);

#endif
