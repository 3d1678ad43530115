/* SPDX-License-Identifier: MIT */
// fakes: log
/* platform/pages.h over one host mapping. Free frames are poisoned, so the sanitizer sees any use
 * of them; a block that does not ask for zeros comes full of garbage; frames are reused as late as
 * can be. Physical addresses differ from host addresses, so that mixing them up shows. */
#define _GNU_SOURCE
#include "test/fake/pages.h"

#include <sanitizer/asan_interface.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/base/print.h"

#define RAM_PA 0x40000000UL /* 1 GiB, aligned for 2 MiB blocks */
#define FOREIGN_FRAMES 1024UL

static struct page frames[FAKE_RAM_FRAMES];
static char *ram;
static size_t in_use, peak, next_frame;
static size_t limit = FAKE_RAM_FRAMES;
static unsigned long fail_in;

static char *ram_base(void)
{
    if (ram == NULL) {
        size_t len = (FAKE_RAM_FRAMES + FOREIGN_FRAMES) * PAGE_SIZE;
        char *p = mmap(NULL, len + HUGE_SIZE, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        assert(p != MAP_FAILED);
        ram = (char *)(uintptr_t)align_up((uintptr_t)p, HUGE_SIZE);
        ASAN_POISON_MEMORY_REGION(ram, FAKE_RAM_FRAMES * PAGE_SIZE);
    }
    return ram;
}

static size_t number_of(const struct page *p)
{
    assert(p >= frames && p < frames + FAKE_RAM_FRAMES);
    return (size_t)(p - frames);
}

static bool block_is_free(size_t first, size_t n)
{
    for (size_t i = first; i < first + n; i++) {
        if (frames[i].refs != 0 || frames[i].flags != 0) {
            return false;
        }
    }
    return true;
}

/* flags: 1 marks the frames of a block behind its head. */
static struct page *take(unsigned order)
{
    size_t n = 1UL << order;
    size_t at = align_up(next_frame, n);
    for (size_t tries = 0; tries < FAKE_RAM_FRAMES / n; tries++, at += n) {
        at = at + n > FAKE_RAM_FRAMES ? 0 : at;
        if (!block_is_free(at, n)) {
            continue;
        }
        next_frame = at + n;
        for (size_t i = 0; i < n; i++) {
            frames[at + i] = (struct page){.flags = i != 0};
        }
        frames[at].refs = 1;
        frames[at].order = (uint8_t)order;
        list_init(&frames[at].link);
        return &frames[at];
    }
    return NULL;
}

/* For tests with threads. */
static bool busy;

static void enter(void)
{
    while (__atomic_test_and_set(&busy, __ATOMIC_ACQUIRE)) {
        __builtin_ia32_pause();
    }
}

static void leave(void)
{
    __atomic_clear(&busy, __ATOMIC_RELEASE);
}

static struct page *alloc(unsigned order, unsigned flags)
{
    size_t n = 1UL << order;
    assert(order <= PAGES_MAX_ORDER);
    if ((fail_in != 0 && --fail_in == 0) || in_use + n > limit) {
        return NULL;
    }
    struct page *p = take(order);
    if (p == NULL) {
        return NULL;
    }
    in_use += n;
    peak = max(peak, in_use);
    ASAN_UNPOISON_MEMORY_REGION(ram_base() + number_of(p) * PAGE_SIZE, n * PAGE_SIZE);
    memset(pages_va(p), flags & PAGES_ZERO ? 0 : 0x5a, n * PAGE_SIZE);
    return p;
}

struct page *pages_alloc(unsigned order, unsigned flags)
{
    enter();
    struct page *p = alloc(order, flags);
    leave();
    return p;
}

void pages_get(struct page *p)
{
    enter();
    assert(p->refs != 0);
    p->refs++;
    leave();
}

static void put(struct page *p)
{
    size_t n = 1UL << p->order;
    assert(p->refs != 0);
    if (--p->refs != 0) {
        return;
    }
    ASAN_POISON_MEMORY_REGION(ram_base() + number_of(p) * PAGE_SIZE, n * PAGE_SIZE);
    memset(p, 0, n * sizeof(*p));
    in_use -= n;
}

void pages_put(struct page *p)
{
    enter();
    put(p);
    leave();
}

void pages_split(struct page *p)
{
    size_t n = 1UL << p->order;
    assert(p->refs == 1);
    for (size_t i = 0; i < n; i++) {
        p[i] = (struct page){.refs = 1};
        list_init(&p[i].link);
    }
}

struct pa pages_pa(const struct page *p)
{
    return (struct pa){RAM_PA + number_of(p) * PAGE_SIZE};
}

void *pages_map(struct pa pa)
{
    assert(pa.v >= RAM_PA && pa.v < RAM_PA + (FAKE_RAM_FRAMES + FOREIGN_FRAMES) * PAGE_SIZE);
    return ram_base() + (pa.v - RAM_PA);
}

void *pages_va(const struct page *p)
{
    return pages_map(pages_pa(p));
}

struct page *pages_of(struct pa pa)
{
    bool ours = pa.v >= RAM_PA && pa.v < RAM_PA + FAKE_RAM_FRAMES * PAGE_SIZE;
    return ours ? &frames[(pa.v - RAM_PA) >> PAGE_SHIFT] : NULL;
}

struct page *pages_from_va(const void *va)
{
    size_t offset = (size_t)((const char *)va - ram_base());
    assert(offset < FAKE_RAM_FRAMES * PAGE_SIZE);
    return &frames[offset >> PAGE_SHIFT];
}

void pages_stats(struct pages_stats *out)
{
    *out = (struct pages_stats){limit, limit - in_use, peak};
}

void fake_pages_fail_after(unsigned long n)
{
    fail_in = n;
}

bool fake_pages_failed(void)
{
    return fail_in == 0;
}

void fake_pages_limit(unsigned long n)
{
    limit = n;
}

long fake_pages_in_use(void)
{
    return (long)in_use;
}

struct pa fake_pages_foreign(unsigned n)
{
    assert(n < FOREIGN_FRAMES);
    ram_base();
    return (struct pa){RAM_PA + (FAKE_RAM_FRAMES + n) * PAGE_SIZE};
}

/* There is no other RAM. */
bool pages_add_used(struct pa start, struct pa end)
{
    (void)start, (void)end;
    return false;
}
