/* SPDX-License-Identifier: MIT */
// sources: kernel/vma.c kernel/base/rbtree.c
// fakes: log
/* The region tree against an array of pages. */
#include "kernel/vma.h"

#include <string.h>

#include "test/unit/check.h"

#define PAGES 64
#define BASE 0x100000UL
#define STEPS 30000

static struct vma pool[PAGES];
static struct vma *owner[PAGES]; /* the model: whose page it is */
static struct vma_tree tree;

static uint64_t addr_of(unsigned page)
{
    return BASE + page * PAGE_SIZE;
}

static struct vma *take(void)
{
    for (unsigned i = 0; i < PAGES; i++) {
        if (pool[i].start == 0) {
            return &pool[i];
        }
    }
    return NULL;
}

static void set_owner(struct vma *v, struct vma *to)
{
    for (uint64_t at = v->start; at < v->end; at += PAGE_SIZE) {
        owner[(at - BASE) / PAGE_SIZE] = to;
    }
}

/* Length of the free run that starts at page. */
static unsigned free_run(unsigned page)
{
    unsigned n = 0;
    while (page + n < PAGES && owner[page + n] == NULL) {
        n++;
    }
    return n;
}

static void insert(unsigned page, unsigned wanted)
{
    unsigned n = free_run(page);
    struct vma *v = take();
    if (n == 0 || v == NULL) {
        return;
    }
    *v = (struct vma){.start = addr_of(page), .end = addr_of(page + min(n, wanted)), .offset = 7};
    vma_insert(&tree, v);
    set_owner(v, v);
}

static void cut(unsigned page)
{
    struct vma *v = owner[page];
    struct vma *upper = take();
    if (v == NULL || upper == NULL || addr_of(page) == v->start) {
        return;
    }
    uint64_t start = v->start;
    uint64_t offset = v->offset;
    vma_cut(&tree, v, addr_of(page), upper);
    set_owner(upper, upper);
    CHECK_EQ(upper->offset, offset + (addr_of(page) - start));
    CHECK_EQ(v->start, start);
}

static void drop(unsigned page)
{
    struct vma *v = owner[page];
    if (v != NULL) {
        vma_remove(&tree, v);
        set_owner(v, NULL);
        v->start = 0;
    }
}

static void extend(unsigned page)
{
    struct vma *v = owner[page];
    if (v == NULL) {
        return;
    }
    unsigned behind = (unsigned)((v->end - BASE) / PAGE_SIZE);
    uint64_t end = v->end + free_run(behind) * PAGE_SIZE;
    vma_extend(&tree, v, v->start, end);
    set_owner(v, v);
}

static void check_page(unsigned page)
{
    struct vma *next = NULL;
    for (unsigned i = page; next == NULL && i < PAGES; i++) {
        next = owner[i];
    }
    CHECK_EQ(vma_at(&tree, addr_of(page)), owner[page]);
    CHECK_EQ(vma_at(&tree, addr_of(page) + PAGE_SIZE - 1), owner[page]);
    CHECK_EQ(vma_find(&tree, addr_of(page)), next);
}

static void check_gaps(unsigned len)
{
    unsigned low = (unsigned)check_below(PAGES);
    unsigned high = low + 1 + (unsigned)check_below(PAGES - low);
    uint64_t below = 0;
    uint64_t above = 0;
    for (unsigned i = low; i + len <= high; i++) {
        if (free_run(i) >= len) {
            below = addr_of(i);
            above = above == 0 ? addr_of(i) : above;
        }
    }
    uint64_t bytes = len * PAGE_SIZE;
    CHECK_EQ(vma_gap_below(&tree, addr_of(low), addr_of(high), bytes), below);
    CHECK_EQ(vma_gap_above(&tree, addr_of(low), addr_of(high), bytes), above);
}

static void check_order(void)
{
    uint64_t pages = 0;
    const struct vma *before = NULL;
    for (const struct vma *v = vma_find(&tree, 0); v != NULL; v = vma_next(v)) {
        CHECK_EQ(vma_prev(v), before);
        CHECK(v->start < v->end && (before == NULL || before->end <= v->start));
        pages += (v->end - v->start) / PAGE_SIZE;
        before = v;
    }
    CHECK_EQ(tree.pages, pages);
}

static void random_steps(void)
{
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned page = (unsigned)check_below(PAGES);
        switch (check_below(6)) {
        case 0:
        case 1: insert(page, 1 + (unsigned)check_below(9)); break;
        case 2:
        case 3: cut(page); break;
        case 4: drop(page); break;
        default: extend(page); break;
        }
        check_page((unsigned)check_below(PAGES));
        check_gaps(1 + (unsigned)check_below(8));
        if (step % 64 == 0) {
            check_order();
        }
    }
}

static void merge_rules(void)
{
    struct vma a = {.start = addr_of(0), .end = addr_of(2), .prot = 1};
    struct vma b = {.start = addr_of(2), .end = addr_of(3), .prot = 1};
    struct file *f = (struct file *)&pool[0];
    CHECK(vma_can_merge(&a, &b) && !vma_can_merge(&b, &a));
    b.prot = 3;
    CHECK(!vma_can_merge(&a, &b));
    b.prot = 1;
    a.file = b.file = f;
    CHECK(!vma_can_merge(&a, &b));
    b.offset = 2 * PAGE_SIZE;
    CHECK(vma_can_merge(&a, &b));
    a.flags = b.flags = VMA_SPECIAL;
    CHECK(!vma_can_merge(&a, &b));
    a.flags = VMA_GROWS;
    CHECK(!vma_can_merge(&a, &b));
    b.flags = VMA_GROWS; /* a stack that mprotect has cut */
    CHECK(vma_can_merge(&a, &b));
    a.flags = b.flags = 0;
    b.start += PAGE_SIZE;
    CHECK(!vma_can_merge(&a, &b));
}

static void special_regions_cut(void)
{
    struct vma_tree t = {{NULL}, 0};
    struct vma v = {.start = addr_of(0), .end = addr_of(4), .flags = VMA_SPECIAL, .pa = 0x7000};
    struct vma upper;
    vma_insert(&t, &v);
    vma_cut(&t, &v, addr_of(3), &upper);
    CHECK_EQ(v.pa, 0x7000);
    CHECK_EQ(upper.pa, 0x7000 + 3 * PAGE_SIZE);
    CHECK_EQ(t.pages, 4);
}

static void overlap_is_a_bug(void)
{
    struct vma_tree t = {{NULL}, 0};
    struct vma v = {.start = addr_of(0), .end = addr_of(4)};
    struct vma w = {.start = addr_of(3), .end = addr_of(5)};
    struct vma upper;
    vma_insert(&t, &v);
    EXPECT_PANIC(vma_insert(&t, &w));
    EXPECT_PANIC(vma_cut(&t, &v, addr_of(0), &upper));
    EXPECT_PANIC(vma_cut(&t, &v, addr_of(4), &upper));
}

TESTS(random_steps, merge_rules, special_regions_cut, overlap_is_a_bug)
