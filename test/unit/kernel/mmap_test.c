/* SPDX-License-Identifier: MIT */
// sources: kernel/mmap.c kernel/fault.c kernel/maps.c kernel/madvise.c kernel/mlock.c
// sources: kernel/mremap.c kernel/pmap.c kernel/pmapwalk.c kernel/pmapmove.c kernel/vma.c
// sources: kernel/base/rbtree.c kernel/file.c kernel/ahead.c kernel/brk.c kernel/stackcache.c
// sources: kernel/rwlock.c kernel/mutex.c kernel/wait.c kernel/text.c
// sources: kernel/timer.c kernel/random.c platform/irq.c
// fakes: sched heap pages moncall process uaccess log
/* The program's memory against an array of pages: random calls, then touches as the processor would
 * make them, with faults. The second half fails allocations and map calls at random: a call that
 * fails changes nothing it should not, and nothing is lost. */
#include "kernel/mmap.h"

#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/mman.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/mman.h>
#include <string.h>

#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/pmap.h"
#include "kernel/space.h"
#include "test/fake/log.h"
#include "test/fake/moncall.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

#define PAGES (3 * 512 + 40)
#define BASE 0x7d0000000000UL
#define WINDOW (8 * HUGE_SIZE) /* from one range of addresses to the next */
#define ROUNDS 40
#define TABLES 7 /* of a range: they stay */
#define FILE_PAGES 48
#define IMAGE_PAGES 24 /* of the file: frames of an image; the others are counted */
#define WORD (PAGE_SIZE / 8 - 1) /* the last word of a page tells its content */

struct model_page {
    bool mapped, file, shared, own; /* own: a private copy was made, or the memory is anonymous */
    int prot;
    unsigned index; /* in the file */
    uint64_t value; /* own content */
};

static struct model_page model[PAGES], saved[PAGES];
static struct page *cached[FILE_PAGES];
static uint64_t file_value[FILE_PAGES];
static struct file *file;
static bool failing; /* failures are injected */
static uint64_t base = BASE;

static uint64_t va_of(unsigned page)
{
    return base + page * PAGE_SIZE;
}

static struct pa file_pa(uint64_t index)
{
    return index < IMAGE_PAGES ? fake_pages_foreign((unsigned)index) : pages_pa(cached[index]);
}

static int file_page(struct file *f, uint64_t index, bool write, struct file_page *out)
{
    (void)f, (void)write;
    if (index >= FILE_PAGES) {
        return -ENXIO;
    }
    *out = (struct file_page){.pa = file_pa(index), .page = cached[index]};
    if (out->page != NULL) {
        pages_get(out->page);
    }
    return 0;
}

static const struct file_ops ops = {.mmap_page = file_page};

static void file_start(void)
{
    file = file_create(&ops, NULL, O_RDWR);
    for (unsigned i = 0; i < FILE_PAGES; i++) {
        cached[i] = i >= IMAGE_PAGES ? pages_alloc(0, 0) : NULL;
        file_value[i] = check_random();
        ((uint64_t *)pages_map(file_pa(i)))[WORD] = file_value[i];
    }
}

static void file_stop(void)
{
    CHECK_EQ(file->refs, 1);
    file_put(file);
    for (unsigned i = IMAGE_PAGES; i < FILE_PAGES; i++) {
        CHECK_EQ(cached[i]->refs, 1);
        pages_put(cached[i]);
    }
}

/* Injected failures for the next call. */
static void arm(void)
{
    if (failing) {
        heap_fail_after(check_below(4));
        fake_pages_fail_after(check_below(5));
        fake_map_fail_after(check_below(4));
    }
}

static void disarm(void)
{
    heap_fail_after(0);
    fake_pages_fail_after(0);
    fake_map_fail_after(0);
}

static uint64_t *value_of(unsigned page)
{
    struct model_page *m = &model[page];
    return m->file && !m->own ? &file_value[m->index] : &m->value;
}

static bool past_end(unsigned page)
{
    return model[page].file && !model[page].own && model[page].index >= FILE_PAGES;
}

/* What a touch should give: 0, or a signal with its code. */
static int expected(unsigned page, unsigned error, int *code)
{
    const struct model_page *m = &model[page];
    int need = error & FAULT_WRITE ? PROT_WRITE : error & FAULT_EXEC ? PROT_EXEC : m->prot;
    *code = m->mapped ? SEGV_ACCERR : SEGV_MAPERR;
    if (!m->mapped || m->prot == PROT_NONE || (m->prot & need) == 0) {
        return SIGSEGV;
    }
    *code = BUS_ADRERR;
    return past_end(page) ? SIGBUS : 0;
}

/* Touch va as the processor would. Returns 0 with the frame's words, or a signal. */
static int touch(uint64_t va, unsigned error, int *code, uint64_t **words)
{
    uint32_t need = error & FAULT_WRITE ? MAP_W : error & FAULT_EXEC ? MAP_X : MAP_R;
    for (unsigned tries = 0; tries < 3; tries++) {
        struct fake_hw hw = fake_hw_get(va);
        if ((hw.flags & need) != 0) {
            *words = pages_map((struct pa){hw.pa});
            return 0;
        }
        arm();
        int sig = mmap_fault(va + check_below(PAGE_SIZE), error | FAULT_USER, 0, code);
        disarm();
        if (sig != 0) {
            return sig;
        }
    }
    CHECK(!"a fault that is resolved again and again");
    return 0;
}

/* A fault at a private file page may copy its neighbours along with it. */
static void note_copies(unsigned page)
{
    unsigned last = min(page + 16, (unsigned)PAGES);
    for (unsigned i = page < 16 ? 0 : page - 16; i < last; i++) {
        unsigned flags = pmap_get(va_of(i)).flags;
        struct model_page *m = &model[i];
        bool copied = m->mapped && m->file && !m->shared && flags != 0 && (flags & PMAP_COPY) == 0;
        if (copied && !m->own) {
            m->own = true;
            m->value = file_value[m->index];
        }
    }
}

static void do_touch(unsigned page)
{
    static const unsigned errors[] = {0, 0, FAULT_WRITE, FAULT_WRITE, FAULT_EXEC};
    unsigned error = errors[check_below(ARRAY_LEN(errors))];
    int want_code;
    int code;
    uint64_t *words;
    int want = expected(page, error, &want_code);
    int sig = touch(va_of(page), error, &code, &words);
    if (sig == SIGKILL && failing && want == 0) { /* out of memory */
        note_copies(page);
        return;
    }
    CHECK_EQ(sig, want);
    if (sig != 0) {
        CHECK_EQ(code, want_code);
        return;
    }
    CHECK_EQ(words[WORD], *value_of(page));
    note_copies(page);
    if (error & FAULT_WRITE) {
        words[WORD] = check_random();
        *value_of(page) = words[WORD];
    }
}

/* A page that the hardware maps has the right content and no right that its region lacks. */
static void check_page(unsigned page)
{
    const struct model_page *m = &model[page];
    const struct vma *v = vma_at(&space.tree, va_of(page));
    struct fake_hw hw = fake_hw_get(va_of(page));
    CHECK_EQ(v != NULL, m->mapped);
    if (v == NULL) {
        CHECK_EQ(hw.flags, 0);
        CHECK_EQ(pmap_get(va_of(page)).flags, 0);
        return;
    }
    CHECK_EQ(v->prot, m->prot);
    CHECK_EQ(v->file != NULL, m->file);
    if (m->file) {
        CHECK_EQ(v->offset + (va_of(page) - v->start), m->index * PAGE_SIZE);
    }
    if (hw.flags != 0) {
        CHECK(m->prot != PROT_NONE);
        CHECK((hw.flags & MAP_W) == 0 || ((m->prot & PROT_WRITE) != 0 && (m->own || m->shared)));
        CHECK((hw.flags & MAP_X) == 0 || (m->prot & PROT_EXEC) != 0);
        CHECK_EQ(((uint64_t *)pages_map((struct pa){hw.pa}))[WORD], *value_of(page));
    }
}

static void check_all(void)
{
    unsigned long mapped = 0;
    for (unsigned i = 0; i < PAGES; i++) {
        check_page(i);
        mapped += model[i].mapped;
    }
    CHECK_EQ(space.tree.pages, mapped);
    for (const struct vma *v = vma_find(&space.tree, 0); v != NULL; v = vma_next(v)) {
        CHECK(failing || vma_next(v) == NULL || !vma_can_merge(v, vma_next(v)));
    }
}

/* After a call that failed half-way: what is unmapped now is gone, the rest must be as it was. */
static void drop_unmapped(unsigned from, unsigned n)
{
    for (unsigned i = from; i < from + n; i++) {
        if (vma_at(&space.tree, va_of(i)) == NULL) {
            model[i].mapped = false;
        }
    }
}

static int random_prot(void)
{
    static const int prots[] = {PROT_NONE,
                                PROT_READ,
                                PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_WRITE,
                                PROT_READ | PROT_EXEC,
                                PROT_READ | PROT_WRITE | PROT_EXEC};
    return prots[check_below(ARRAY_LEN(prots))];
}

static void do_map(unsigned page, unsigned n)
{
    struct model_page m = {.mapped = true, .prot = random_prot()};
    m.file = check_below(3) == 0;
    m.shared = m.file && check_below(2) == 0;
    m.own = !m.file;
    m.index = m.file ? (unsigned)check_below(FILE_PAGES) : 0;
    bool keep = check_below(5) == 0;
    int flags = (m.shared ? MAP_SHARED : MAP_PRIVATE) | (m.file ? 0 : MAP_ANONYMOUS);
    bool taken = false;
    for (unsigned i = page; i < page + n; i++) {
        taken |= model[i].mapped;
    }
    flags |= keep ? MAP_FIXED_NOREPLACE : MAP_FIXED;
    arm();
    long at = mmap_map(va_of(page), n * PAGE_SIZE - check_below(PAGE_SIZE), m.prot, flags,
                       m.file ? file : NULL, m.index * PAGE_SIZE);
    disarm();
    if (keep && taken) {
        CHECK_EQ(at, -EEXIST);
        return;
    }
    if (at < 0) {
        CHECK(failing && at == -ENOMEM);
        drop_unmapped(page, n);
        return;
    }
    CHECK_EQ(at, va_of(page));
    for (unsigned i = page; i < page + n; i++, m.index += m.file) {
        model[i] = m;
    }
}

static void do_unmap(unsigned page, unsigned n)
{
    arm();
    int err = mmap_unmap(va_of(page), n * PAGE_SIZE);
    disarm();
    CHECK(err == 0 || (failing && err == -ENOMEM));
    for (unsigned i = page; err == 0 && i < page + n; i++) {
        model[i].mapped = false;
    }
}

static void do_protect(unsigned page, unsigned n)
{
    int prot = random_prot();
    unsigned hole = page;
    while (hole < page + n && model[hole].mapped) {
        hole++;
    }
    arm();
    int err = mmap_protect(va_of(page), n * PAGE_SIZE, prot);
    disarm();
    CHECK_EQ(err, err == 0 || failing ? err : hole < page + n ? -ENOMEM : 0);
    for (unsigned i = page; i < hole; i++) {
        const struct vma *v = vma_at(&space.tree, va_of(i));
        CHECK(v != NULL && (v->prot == prot || (err != 0 && v->prot == model[i].prot)));
        model[i].prot = v->prot;
    }
}

/* All of [page, page + n) is one region, so that mremap accepts it. */
static bool is_region(unsigned page, unsigned n)
{
    const struct vma *v = vma_at(&space.tree, va_of(page));
    return v != NULL && v->end >= va_of(page + n);
}

static void do_remap(unsigned page, unsigned n)
{
    unsigned len = check_below(2) == 0 ? n : 1 + (unsigned)check_below(30);
    unsigned to = (unsigned)check_below(PAGES);
    /* large pages fit */
    to = check_below(3) == 0 ? page % 512 + (unsigned)check_below(3) * 512 : to;
    if (!is_region(page, n) || to + len > PAGES || (to < page + n && page < to + len)) {
        return;
    }
    memcpy(saved, &model[page], n * sizeof(saved[0]));
    arm();
    long at = mmap_remap(va_of(page), n * PAGE_SIZE, len * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_FIXED,
                         va_of(to));
    disarm();
    if (at < 0) {
        CHECK(failing && at == -ENOMEM);
        drop_unmapped(to, len);
        drop_unmapped(page + min(n, len), n - min(n, len));
        return;
    }
    CHECK_EQ(at, va_of(to));
    for (unsigned i = 0; i < n; i++) {
        model[page + i].mapped = false;
    }
    for (unsigned i = 0; i < len; i++) {
        struct model_page fresh = saved[0];
        fresh.own = !fresh.file;
        fresh.value = 0;
        fresh.index += fresh.file ? i : 0;
        model[to + i] = i < n ? saved[i] : fresh;
    }
}

static void do_drop(unsigned page, unsigned n)
{
    arm();
    int err = mmap_advise(va_of(page), n * PAGE_SIZE, MADV_DONTNEED);
    disarm();
    for (unsigned i = page; err == 0 && i < page + n; i++) {
        model[i].own = !model[i].file;
        model[i].value = 0;
    }
    bool hole = false;
    for (unsigned i = page; i < page + n; i++) {
        hole |= !model[i].mapped;
    }
    CHECK(err == 0 ? !hole : hole || failing);
    if (err != 0) { /* part of it may be done: start over */
        CHECK_EQ(mmap_unmap(va_of(page), n * PAGE_SIZE), 0);
        drop_unmapped(page, n);
    }
}

static void step(void)
{
    unsigned page = (unsigned)check_below(PAGES);
    unsigned n = 1 + (unsigned)check_below(check_below(6) == 0 ? PAGES - page : 40);
    n = min(n, PAGES - page);
    if (check_below(40) == 0) { /* room for 2 MiB pages that can move */
        page = (unsigned)check_below(2) * 512;
        n = 512;
    }
    switch (check_below(24)) {
    case 0:
    case 1:
    case 2: do_map(page, n); break;
    case 3: do_unmap(page, n); break;
    case 4:
    case 5:
    case 6: do_protect(page, n); break;
    case 7:
    case 8: do_remap(page, n); break;
    case 9: do_drop(page, n); break;
    default: do_touch(page); break;
    }
}

static void run(unsigned steps)
{
    file_start();
    for (unsigned i = 0; i < steps; i++) {
        step();
        if (i % 32 == 0) {
            check_all();
        }
    }
    CHECK_EQ(mmap_unmap(base, PAGES * PAGE_SIZE), 0);
    memset(model, 0, sizeof(model));
    check_all();
    CHECK_EQ(fake_hw_present(), 0);
    file_stop();
}

static void random_calls(void)
{
    failing = false;
    run(40000);
}

static void random_failures(void)
{
    failing = true;
    run(40000);
    failing = false;
}

static void map_large(void)
{
    int prot = PROT_READ | PROT_WRITE;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    CHECK_EQ(mmap_map(base, PAGES * PAGE_SIZE, prot, flags, NULL, 0), base);
    for (unsigned i = 0; i < PAGES; i++) {
        model[i] = (struct model_page){.mapped = true, .own = true, .prot = prot};
    }
    for (unsigned i = 0; i < PAGES; i += 512) {
        do_touch(i);
    }
}

/* Fresh addresses each time: 2 MiB pages come only where no small ones were. */
static void large_pages(void)
{
    struct mmap_stats stats;
    for (unsigned i = 0; i < ROUNDS; i++) {
        long frames = fake_pages_in_use();
        base = BASE + (i + 1) * WINDOW;
        failing = false;
        map_large();
        failing = i % 2 != 0;
        run(i % 4 < 2 ? 300 : 3000);
        CHECK(fake_pages_in_use() - frames <= TABLES);
    }
    base = BASE;
    failing = false;
    mmap_stats(&stats);
    CHECK(stats.huge_pages > 2 * ROUNDS);
}

int main(void)
{
    static const struct check_test tests[] = {{"random_calls", random_calls},
                                              {"random_failures", random_failures}};
    uint64_t entropy[4] = {0};
    mmap_init(entropy);
    large_pages();
    random_calls(); /* the page tables of this range stay, by design: not counted */
    return check_main(tests, ARRAY_LEN(tests));
}
