/* SPDX-License-Identifier: MIT */
/* Region tree: red-black by start address. Regions are disjoint, so start order is end order. The
 * caller locks. Source: mmap(2). */
#include "kernel/vma.h"

#include "kernel/base/print.h"

static struct vma *of(struct rbnode *node)
{
    return node != NULL ? rb_entry(node, struct vma, node) : NULL;
}

struct vma *vma_find(const struct vma_tree *t, uint64_t addr)
{
    struct vma *best = NULL;
    for (struct vma *v = of(t->tree.root); v != NULL;) {
        if (v->end > addr) {
            best = v;
            v = of(v->node.child[0]);
        } else {
            v = of(v->node.child[1]);
        }
    }
    return best;
}

struct vma *vma_at(const struct vma_tree *t, uint64_t addr)
{
    struct vma *v = vma_find(t, addr);
    return v != NULL && v->start <= addr ? v : NULL;
}

struct vma *vma_next(const struct vma *v)
{
    return of(rbtree_next(&v->node));
}

struct vma *vma_prev(const struct vma *v)
{
    return of(rbtree_prev(&v->node));
}

void vma_insert(struct vma_tree *t, struct vma *v)
{
    struct rbnode *parent = NULL;
    struct rbnode **link = &t->tree.root;
    assert(v->start < v->end);
    while (*link != NULL) {
        parent = *link;
        const struct vma *at = of(parent);
        assert(v->end <= at->start || v->start >= at->end);
        link = &parent->child[v->start > at->start];
    }
    rbtree_link(&t->tree, &v->node, parent, link);
    t->pages += (v->end - v->start) >> PAGE_SHIFT;
}

void vma_remove(struct vma_tree *t, struct vma *v)
{
    rbtree_remove(&t->tree, &v->node);
    t->pages -= (v->end - v->start) >> PAGE_SHIFT;
}

void vma_cut(struct vma_tree *t, struct vma *v, uint64_t at, struct vma *upper)
{
    assert(v->start < at && at < v->end);
    *upper = *v;
    upper->start = at;
    upper->offset += at - v->start;
    upper->pa += v->flags & VMA_SPECIAL ? at - v->start : 0;
    t->pages -= (v->end - at) >> PAGE_SHIFT;
    v->end = at;
    vma_insert(t, upper);
}

bool vma_can_merge(const struct vma *a, const struct vma *b)
{
    bool adjacent = a->end == b->start && a->prot == b->prot && a->flags == b->flags;
    bool same_object = a->file == b->file && a->name == b->name &&
                       (a->file == NULL || a->offset + (a->end - a->start) == b->offset);
    return adjacent && same_object && (a->flags & VMA_SPECIAL) == 0;
}

void vma_extend(struct vma_tree *t, struct vma *v, uint64_t start, uint64_t end)
{
    t->pages += ((end - start) >> PAGE_SHIFT) - ((v->end - v->start) >> PAGE_SHIFT);
    v->offset += v->file != NULL ? start - v->start : 0;
    v->start = start;
    v->end = end;
}

uint64_t vma_gap_below(const struct vma_tree *t, uint64_t low, uint64_t high, uint64_t len)
{
    struct vma *v = vma_find(t, high - 1);
    uint64_t top = high;
    if (v == NULL) {
        v = of(rbtree_last(&t->tree));
    } else if (v->start >= high) {
        v = vma_prev(v);
    }
    for (; v != NULL && v->end > low; v = vma_prev(v)) {
        if (v->end < top && top - v->end >= len) {
            break;
        }
        top = min(top, v->start);
    }
    uint64_t floor = v != NULL ? max(low, v->end) : low;
    return top > floor && top - floor >= len ? top - len : 0;
}

uint64_t vma_gap_above(const struct vma_tree *t, uint64_t low, uint64_t high, uint64_t len)
{
    uint64_t at = low;
    uint64_t top = high;
    for (struct vma *v = vma_find(t, low); v != NULL && v->start < high; v = vma_next(v)) {
        if (v->start > at && v->start - at >= len) {
            top = v->start;
            break;
        }
        at = max(at, v->end);
    }
    return top > at && top - at >= len ? at : 0;
}
