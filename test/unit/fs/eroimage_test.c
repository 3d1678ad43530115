/* SPDX-License-Identifier: MIT */
// sources: fs/eroimage.c platform/pages.c
// fakes: log heap
/* An image of which unread pieces are given to the frame allocator and fetched again. */
#define _GNU_SOURCE
#include "fs/eroimage.h"

#include <asm/errno.h>
#include <string.h>
#include <sys/mman.h>

#include "platform/pages.h"
#include "test/unit/check.h"

#define RAM_FRAMES 512UL
#define OWN_FRAMES 64UL /* the allocator's from the start */
#define IMAGE_FRAME 100UL
#define PIECE (4 * PAGE_SIZE)
#define PIECES 20UL
#define TAIL 1000UL /* bytes behind the last whole piece */
#define IMAGE_LEN (PIECES * PIECE + TAIL)

static uint8_t *ram;
static uint8_t master[IMAGE_LEN];
static bool works;
static int fetch_error;
static unsigned fetched;

static bool source_works(void)
{
    return works;
}

static int source_fetch(uint64_t offset, struct pa to, size_t len)
{
    fetched++;
    memcpy(pages_map(to), master + offset, fetch_error == 0 ? len : 0);
    return fetch_error;
}

static bool give(void)
{
    return eroimage_give_away();
}

static void start(void)
{
    static const struct eroimage_source source = {.works = source_works, .fetch = source_fetch};
    if (ram == NULL) {
        ram = mmap(NULL, RAM_FRAMES * PAGE_SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }
    for (size_t i = 0; i < IMAGE_LEN; i++) {
        master[i] = (uint8_t)(i * 7 + i / PAGE_SIZE);
    }
    pages_init((uint64_t)(uintptr_t)ram, (struct pa){RAM_FRAMES * PAGE_SIZE});
    pages_add((struct pa){0}, (struct pa){OWN_FRAMES * PAGE_SIZE});
    memcpy(ram + IMAGE_FRAME * PAGE_SIZE, master, IMAGE_LEN);
    struct eroimage image = {.base = ram + IMAGE_FRAME * PAGE_SIZE, .len = IMAGE_LEN};
    image.pa = (struct pa){IMAGE_FRAME * PAGE_SIZE};
    image.block_bits = 12;
    eroimage_open(&image);
    fetch_error = 0;
    fetched = 0;
    works = true;
    eroimage_set_source(&source);
    pages_set_give_hook(give);
}

static size_t free_frames(void)
{
    struct pages_stats s;
    pages_stats(&s);
    return s.free;
}

/* Take all that there is, and write to it. Returns frames. */
static size_t exhaust(struct page **all)
{
    size_t n = 0;
    while ((all[n] = pages_alloc(0, PAGES_RESERVE)) != NULL) {
        memset(pages_va(all[n]), 0xee, PAGE_SIZE);
        n++;
    }
    return n;
}

static bool right(uint64_t offset, size_t len)
{
    static uint8_t buf[IMAGE_LEN];
    return eroimage_copy(offset, buf, len) == 0 && memcmp(buf, master + offset, len) == 0;
}

static void pieces(void)
{
    static struct page *all[RAM_FRAMES];
    start();
    const uint8_t *second = eroimage_at(PIECE + 5);
    CHECK(second == eroimage.base + PIECE + 5);
    size_t before = free_frames();
    works = false;
    CHECK(right(3 * PIECE - 10, 20)); /* touches pieces 2 and 3 */
    works = true;
    size_t n = exhaust(all);
    CHECK_EQ(n, before + (PIECES - 3) * 4);
    CHECK(memcmp(second, master + PIECE + 5, PAGE_SIZE) == 0);
    CHECK(right(PIECE, 3 * PIECE)); /* in place */
    CHECK(right(PIECES * PIECE, TAIL)); /* the rest is nobody's to give */
    CHECK_EQ(fetched, 0);
    CHECK(eroimage_at(0) == NULL); /* no memory */
    struct pa pa;
    CHECK_EQ(eroimage_frame(8 * PIECE, &pa), -ENOMEM);
    CHECK(!right(0, 10));
    CHECK(!eroimage_give_away());
    while (n != 0) {
        pages_put(all[--n]);
    }
    fetch_error = -EIO;
    size_t with = free_frames();
    CHECK(eroimage_at(0) == NULL);
    CHECK_EQ(free_frames(), with);
    fetch_error = 0;
    for (uint64_t i = 0; i < PIECES; i++) {
        CHECK(right(i * PIECE, PIECE));
    }
    CHECK_EQ(fetched, 1 + PIECES - 3);
    CHECK_EQ(free_frames(), with - (PIECES - 3) * 4);
    CHECK(right(0, IMAGE_LEN));
    CHECK_EQ(eroimage_frame(8 * PIECE + PAGE_SIZE, &pa), 0);
    CHECK(memcmp(pages_map(pa), master + 8 * PIECE + PAGE_SIZE, PAGE_SIZE) == 0);
    CHECK_EQ(eroimage_frame(PIECE, &pa), 0);
    CHECK_EQ(pa.v, eroimage.pa.v + PIECE);
    CHECK_EQ(fetched, 1 + PIECES - 3);
    eroimage_open(&eroimage); /* the table is gone */
}

TESTS(pieces)
