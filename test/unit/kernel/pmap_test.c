/* SPDX-License-Identifier: MIT */
// sources: kernel/pmap.c kernel/pmapwalk.c kernel/pmapmove.c kernel/base/lock.c
// fakes: pages moncall log
/* The soft page table against an array of pages, with the fake monitor's tables as the hardware:
 * what the hardware maps is what the entry says, with the region's rights less what a copy
 * forbids. */
#include "kernel/pmap.h"

#include <asm/errno.h>
#include <asm/mman.h>

#include "test/fake/moncall.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

#define UNITS 4
#define PAGES (UNITS * 512)
/* crosses nothing but 2 MiB borders; FAR crosses a 1 GiB and 512 GiB one */
#define BASE 0x7e0000000000UL
#define FAR (0x400000000000UL - 2 * HUGE_SIZE)

static struct {
    uint64_t pa; /* 0: no frame */
    unsigned flags;
    int prot;
    bool unknown; /* a split took the rights away, until protect gives them back */
} model[PAGES];

static uint64_t base;

static uint64_t va_of(unsigned page)
{
    return base + page * PAGE_SIZE;
}

static int random_prot(void)
{
    static const int prots[] = {PROT_NONE,
                                PROT_READ,
                                PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_EXEC,
                                PROT_READ | PROT_WRITE | PROT_EXEC,
                                PROT_WRITE};
    return prots[check_below(ARRAY_LEN(prots))];
}

static uint32_t rights(unsigned page)
{
    bool write = (model[page].prot & PROT_WRITE) != 0 && (model[page].flags & PMAP_COPY) == 0;
    bool exec = (model[page].prot & PROT_EXEC) != 0;
    if (model[page].prot == PROT_NONE) {
        return 0;
    }
    return MAP_R | (write ? MAP_W : 0) | (exec ? MAP_X : 0) | (write && exec ? MAP_JIT : 0);
}

static void check_page(unsigned page)
{
    struct pmap_entry e = pmap_get(va_of(page));
    struct fake_hw hw = fake_hw_get(va_of(page));
    if (model[page].pa == 0) {
        CHECK_EQ(e.flags, 0);
        CHECK_EQ(hw.flags, 0);
        return;
    }
    CHECK_EQ(e.pa.v, model[page].pa);
    CHECK_EQ(e.flags & (PMAP_VALID | PMAP_COUNTED | PMAP_COPY), model[page].flags | PMAP_VALID);
    CHECK_EQ((e.flags & PMAP_HUGE) != 0 && hw.flags != 0, (hw.flags & MAP_HUGE) != 0);
    uint32_t got = hw.flags & ~(uint32_t)MAP_HUGE;
    if (!model[page].unknown || got != 0) {
        CHECK_EQ(got, rights(page));
        CHECK(got == 0 || hw.pa == model[page].pa);
    }
    if (model[page].flags & PMAP_COUNTED) {
        CHECK(pages_of(e.pa)->refs != 0 || (e.flags & PMAP_HUGE) != 0);
    }
}

static void check_all(void)
{
    unsigned long mapped = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        check_page(i);
        mapped += model[i].pa != 0;
    }
    struct pmap_stats stats;
    pmap_stats(&stats);
    CHECK_EQ(stats.resident, mapped);
    CHECK(stats.peak_resident >= stats.resident);
}

static bool is_huge(unsigned page)
{
    return (pmap_get(va_of(page)).flags & PMAP_HUGE) != 0;
}

/* Before an operation on [from, to): a 2 MiB page that it cuts loses its rights if it is split. */
static void note_cut(unsigned page)
{
    if (page % 512 == 0 || page >= PAGES || !is_huge(page)) {
        return;
    }
    for (unsigned i = page / 512 * 512; i < page / 512 * 512 + 512; i++) {
        model[i].unknown = true;
    }
}

static void note_edges(unsigned from, unsigned to)
{
    note_cut(from);
    note_cut(to);
}

static unsigned free_run(unsigned page, unsigned most)
{
    unsigned n = 0;
    while (n < most && page + n < PAGES && model[page + n].pa == 0) {
        n++;
    }
    return n;
}

static void set_run(unsigned page, unsigned n, uint64_t pa, int prot, unsigned flags)
{
    for (unsigned i = 0; i < n; i++) {
        model[page + i].pa = pa + i * PAGE_SIZE;
        model[page + i].prot = prot;
        model[page + i].flags = flags;
        model[page + i].unknown = false;
    }
}

/* Counted frames, or frames of an image. */
static void do_enter(unsigned page)
{
    unsigned n = free_run(page, 1 + (unsigned)check_below(20));
    unsigned order = (unsigned)check_below(5);
    int prot = random_prot();
    unsigned copy = check_below(3) == 0 ? PMAP_COPY : 0;
    if (n == 0 || is_huge(page / 512 * 512)) {
        return;
    }
    if (check_below(2) == 0) {
        struct pa pa = fake_pages_foreign((unsigned)check_below(1000));
        if (pmap_enter(va_of(page), pa, n, prot, copy) == 0) {
            set_run(page, n, pa.v, prot, copy);
        }
        return;
    }
    while (1U << order > n) {
        order--;
    }
    n = 1U << order;
    struct page *p = pages_alloc(order, 0);
    CHECK(p != NULL);
    pages_split(p);
    if (pmap_enter(va_of(page), pages_pa(p), n, prot, PMAP_COUNTED | copy) == 0) {
        set_run(page, n, pages_pa(p).v, prot, PMAP_COUNTED | copy);
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        CHECK_EQ(p[i].refs, 1);
        pages_put(p + i);
    }
}

static void do_enter_huge(unsigned page)
{
    unsigned first = page / 512 * 512;
    int prot = random_prot();
    prot = prot == PROT_NONE ? PROT_READ : prot;
    if (free_run(first, 512) != 512) {
        return;
    }
    struct page *p = pages_alloc(PAGES_HUGE_ORDER, 0);
    CHECK(p != NULL);
    /* whatever small pages were there before */
    CHECK(pmap_huge_possible(va_of(first)));
    CHECK_EQ(pmap_enter_huge(va_of(first), pages_pa(p), prot), 0);
    set_run(first, 512, pages_pa(p).v, prot, PMAP_COUNTED);
}

/* Frames that follow each other or do not, for pages that have one. */
static void do_replace(unsigned page)
{
    struct pmap_frame frames[PMAP_MANY];
    unsigned n = 0;
    int prot = model[page].prot; /* the region's */
    unsigned most = 1 + (unsigned)check_below(PMAP_MANY);
    for (unsigned i = page; i < PAGES && n < most; i++) {
        if (model[i].pa == 0 || model[i].prot != prot || is_huge(i)) {
            break;
        }
        struct page *p = pages_alloc(0, 0);
        CHECK(p != NULL);
        frames[n++] = (struct pmap_frame){va_of(i), pages_pa(p), {model[i].pa}};
    }
    bool wrong = n != 0 && check_below(8) == 0; /* another frame than expected: nothing happens */
    if (wrong) {
        frames[n - 1].was.v += PAGE_SIZE;
    }
    int err = pmap_replace_many(frames, n, prot, PMAP_COUNTED);
    CHECK(err == 0 || !wrong || err == -EEXIST);
    CHECK(err != 0 || !wrong);
    for (unsigned i = 0; i < n; i++) {
        if (err == 0) {
            set_run(page + i, 1, frames[i].pa.v, prot, PMAP_COUNTED);
        } else {
            pages_put(pages_of(frames[i].pa));
        }
    }
}

static void do_remove(unsigned from, unsigned to)
{
    note_edges(from, to);
    if (pmap_remove(va_of(from), va_of(to)) == 0) {
        for (unsigned i = from; i < to; i++) {
            model[i].pa = 0;
        }
    }
}

/* Only a whole range is protected: the rights of a huge page are those of one region. */
static void do_protect(unsigned from, unsigned to)
{
    int prot = random_prot();
    note_edges(from, to);
    if (pmap_protect(va_of(from), va_of(to), prot) != 0) {
        return;
    }
    for (unsigned i = from; i < to; i++) {
        model[i].prot = prot;
        model[i].unknown = false;
    }
}

static void do_move(unsigned from, unsigned to)
{
    unsigned at = (unsigned)check_below(PAGES);
    unsigned n = min(to - from, 40U);
    int prot = random_prot();
    bool apart = at + n <= from || at >= from + n;
    if (!apart || free_run(at, n) != n) {
        return;
    }
    for (unsigned i = at; i < at + n; i++) {
        if (is_huge(i)) {
            return;
        }
    }
    note_edges(from, from + n);
    for (unsigned i = from; i < from + n; i++) {
        if (is_huge(i)) {
            note_cut(i / 512 * 512 + 1);
        }
    }
    if (pmap_move(va_of(from), va_of(at), n * PAGE_SIZE, prot) != 0) {
        CHECK(false); /* not while nothing fails */
    }
    for (unsigned i = 0; i < n; i++) {
        model[at + i] = model[from + i];
        model[at + i].prot = prot;
        model[at + i].unknown = false;
        model[from + i].pa = 0;
    }
}

static void check_next(unsigned from, unsigned to)
{
    unsigned i = from;
    while (i < to && model[i].pa == 0) {
        i++;
    }
    CHECK_EQ(pmap_next(va_of(from), va_of(to)), va_of(i));
}

static void step(bool moves)
{
    unsigned page = (unsigned)check_below(PAGES);
    unsigned to = page + 1 + (unsigned)check_below(check_below(4) == 0 ? PAGES - page : 30);
    to = min(to, (unsigned)PAGES);
    switch (check_below(moves ? 12 : 10)) {
    case 0: do_enter_huge(page); break;
    case 1:
    case 2: do_remove(page, to); break;
    case 3:
    case 4: do_protect(page, to); break;
    case 5: do_replace(page); break;
    case 10:
    case 11: do_move(page, to); break;
    default: do_enter(page); break;
    }
    check_next(page, to);
}

static void remove_all(void)
{
    do_remove(0, PAGES);
    check_all();
    CHECK_EQ(fake_hw_present(), 0);
}

static void run(unsigned steps, bool moves)
{
    for (unsigned i = 0; i < steps; i++) {
        step(moves);
        if (i % 16 == 0) {
            check_all();
        }
    }
    remove_all();
}

/* What was not split is removed whole, also when the range ends inside. */
static void huge_pages(void)
{
    base = BASE + 64 * HUGE_SIZE;
    unsigned long before = (unsigned long)fake_pages_in_use();
    struct page *p = pages_alloc(PAGES_HUGE_ORDER, 0);
    CHECK_EQ(pmap_enter_huge(va_of(0), pages_pa(p), PROT_READ | PROT_WRITE), 0);
    set_run(0, 512, pages_pa(p).v, PROT_READ | PROT_WRITE, PMAP_COUNTED);
    check_all();
    do_remove(10, 20);
    check_all();
    CHECK(!is_huge(0));
    CHECK_EQ(fake_pages_in_use() - before, 512 - 10 + 1); /* the table of small pages */
    do_protect(0, 512);
    check_all();
    remove_all();
}

/* In random order with every kind of failure, now and then. Nothing is lost or half done. */
static void failures(void)
{
    base = BASE;
    for (unsigned i = 0; i < 6000; i++) {
        fake_map_fail_after(1 + check_below(3));
        fake_pages_limit(check_below(2) == 0 ? FAKE_RAM_FRAMES
                                             : (unsigned long)fake_pages_in_use() + check_below(2));
        unsigned page = (unsigned)check_below(PAGES);
        unsigned to = min(page + 1 + (unsigned)check_below(30), (unsigned)PAGES);
        if (i % 3 == 0) {
            do_remove(page, to);
        } else {
            unsigned n = free_run(page, 5);
            struct pa pa = fake_pages_foreign(7);
            if (n != 0 && !is_huge(page) && pmap_enter(va_of(page), pa, n, PROT_READ, 0) == 0) {
                set_run(page, n, pa.v, PROT_READ, 0);
            }
        }
        fake_map_fail_after(0);
        fake_pages_limit(FAKE_RAM_FRAMES);
        if (i % 50 == 0) {
            do_enter_huge(page);
            check_all();
        }
    }
    remove_all();
}

static void near(void)
{
    base = BASE;
    run(8000, true);
}

static void across_gigabytes(void)
{
    base = FAR;
    run(8000, true);
}

/* The tables of the address ranges used stay, by design: each part runs once before it is
 * counted. */
int main(void)
{
    static const struct check_test tests[] = {
        {"near", near}, {"across_gigabytes", across_gigabytes}, {"failures", failures}};
    near();
    across_gigabytes();
    huge_pages();
    failures();
    return check_main(tests, ARRAY_LEN(tests));
}
