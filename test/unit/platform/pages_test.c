/* SPDX-License-Identifier: MIT */
// sources: platform/pages.c
// fakes: log
/* The buddy allocator over host memory: blocks never overlap, are aligned, come back and merge. */
#define _GNU_SOURCE
#include "platform/pages.h"

#include <string.h>
#include <sys/mman.h>

#include "test/unit/check.h"

#define RAM_FRAMES 5000UL
#define FIRST_START 16UL /* frames: [16, 160) and [1024, 5000) are RAM */
#define FIRST_END 160UL
#define SECOND_START 1024UL
#define BLOCKS 300

static char *ram;
static uint8_t owner[RAM_FRAMES]; /* model: 1 + index of the block that has the frame */
static struct page *block[BLOCKS];
static unsigned order_of[BLOCKS], refs_of[BLOCKS];
static size_t used, total;

static struct pa frame(unsigned long n)
{
    return (struct pa){n * PAGE_SIZE};
}

static void start(void)
{
    struct pages_stats stats;
    if (ram == NULL) {
        ram = mmap(NULL, RAM_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    }
    memset(ram, 0xee, RAM_FRAMES * PAGE_SIZE); /* nothing may rely on fresh memory */
    memset(owner, 0, sizeof(owner));
    memset(block, 0, sizeof(block));
    used = 0;
    pages_init((uint64_t)(uintptr_t)ram, frame(RAM_FRAMES));
    pages_add((struct pa){FIRST_START * PAGE_SIZE - 100}, (struct pa){FIRST_END * PAGE_SIZE + 100});
    pages_add(frame(SECOND_START), frame(RAM_FRAMES + 900)); /* cut at the top */
    pages_stats(&stats);
    total = stats.total;
    size_t table = (RAM_FRAMES * sizeof(struct page) + PAGE_SIZE - 1) / PAGE_SIZE;
    CHECK_EQ(total, FIRST_END - FIRST_START - table + RAM_FRAMES - SECOND_START);
    CHECK_EQ(stats.free, total);
}

static void take(unsigned i)
{
    unsigned order = (unsigned)check_below(check_below(8) == 0 ? PAGES_MAX_ORDER + 1 : 4);
    unsigned flags = (unsigned)check_below(4);
    struct page *p = pages_alloc(order, flags);
    if (p == NULL) {
        CHECK(used + (1UL << order) + 100 > total || order > 3); /* full, or in pieces */
        return;
    }
    size_t first = pages_pa(p).v / PAGE_SIZE;
    CHECK(is_aligned(first, 1UL << order));
    CHECK(p->order == order && p->refs == 1 && p->owner_bits == 0);
    CHECK(pages_of(pages_pa(p)) == p);
    CHECK(pages_va(p) == ram + first * PAGE_SIZE);
    CHECK(pages_from_va((char *)pages_va(p) + 77) == p);
    const char *bytes = pages_va(p);
    for (size_t f = first; f < first + (1UL << order); f++) {
        bool in_ram = (f >= FIRST_START && f < FIRST_END) || f >= SECOND_START;
        CHECK(in_ram && owner[f] == 0);
        owner[f] = (uint8_t)(1 + i % 255);
    }
    if (flags & PAGES_ZERO) {
        CHECK(bytes[0] == 0 && memcmp(bytes, bytes + 1, (PAGE_SIZE << order) - 1) == 0);
    }
    memset(pages_va(p), (int)i, PAGE_SIZE << order);
    block[i] = p;
    order_of[i] = order;
    refs_of[i] = 1;
    used += 1UL << order;
}

static void put(unsigned i)
{
    const uint8_t *bytes = pages_va(block[i]);
    CHECK(bytes[0] == (uint8_t)i && memcmp(bytes, bytes + 1, (PAGE_SIZE << order_of[i]) - 1) == 0);
    size_t first = pages_pa(block[i]).v / PAGE_SIZE;
    pages_put(block[i]);
    if (--refs_of[i] != 0) {
        return;
    }
    memset(owner + first, 0, 1UL << order_of[i]);
    block[i] = NULL;
    used -= 1UL << order_of[i];
}

static void step(void)
{
    struct pages_stats stats;
    unsigned i = (unsigned)check_below(BLOCKS);
    if (block[i] == NULL) {
        take(i);
    } else if (check_below(5) == 0) {
        pages_get(block[i]);
        refs_of[i]++;
    } else {
        put(i);
    }
    pages_stats(&stats);
    CHECK_EQ(stats.free, total - used);
    CHECK(stats.peak_used >= used);
}

/* Everything is back: the largest blocks must come together again. */
static void check_merged(void)
{
    unsigned n = 0;
    struct page *p;
    for (unsigned i = 0; i < BLOCKS; i++) {
        while (block[i] != NULL) {
            put(i);
        }
    }
    while ((p = pages_alloc(PAGES_MAX_ORDER, PAGES_RESERVE)) != NULL) {
        n++;
    }
    CHECK_EQ(n, (RAM_FRAMES >> PAGES_MAX_ORDER) - (SECOND_START >> PAGES_MAX_ORDER));
}

static void random_steps(void)
{
    for (unsigned round = 0; round < 4; round++) {
        start();
        for (unsigned i = 0; i < 4000; i++) {
            step();
        }
        check_merged();
    }
}

/* Single frames until nothing is left; the reserve only for those who may. */
static void exhaustion(void)
{
    size_t n = 0;
    start();
    while (pages_alloc(0, PAGES_MODEST) != NULL) {
        n++;
    }
    CHECK_EQ(n, total - total / 16);
    while (pages_alloc(0, 0) != NULL) {
        n++;
    }
    CHECK_EQ(n, total - total / 64);
    while (pages_alloc(0, PAGES_RESERVE) != NULL) {
        n++;
    }
    CHECK_EQ(n, total);
    struct pages_stats stats;
    pages_stats(&stats);
    CHECK(stats.free == 0 && stats.peak_used == total);
}

static void splitting(void)
{
    start();
    struct page *p = pages_alloc(5, 0);
    pages_split(p);
    for (unsigned i = 0; i < 32; i++) {
        CHECK(p[i].order == 0 && p[i].refs == 1);
    }
    for (unsigned i = 0; i < 32; i++) {
        pages_put(p + (i * 7 + 3) % 32);
    }
    check_merged();
    start();
    p = pages_alloc(0, 0);
    pages_get(p);
    EXPECT_PANIC(pages_split(p));
    pages_put(p);
    pages_put(p);
    EXPECT_PANIC(pages_put(p));
}

static void foreign_frames(void)
{
    start();
    CHECK(pages_of(frame(0)) == NULL);
    CHECK(pages_of(frame(FIRST_END + 5)) == NULL);
    CHECK(pages_of(frame(SECOND_START)) == NULL); /* never handed out yet */
    CHECK(pages_of(frame(RAM_FRAMES)) == NULL);
    CHECK(pages_of((struct pa){UINT64_MAX}) == NULL);
    CHECK(pages_map(frame(3)) == ram + 3 * PAGE_SIZE);
}

TESTS(random_steps, exhaustion, splitting, foreign_frames)
