/* SPDX-License-Identifier: MIT */
// sources: kernel/heap.c
// fakes: pages log
/* The kernel heap over fake frames: random requests against what each object should hold. */
#include "kernel/heap.h"

#include <string.h>

#include "test/fake/pages.h"
#include "test/unit/check.h"

#define OBJECTS 200
#define STEPS 20000

static struct {
    uint8_t *p;
    size_t len;
    uint8_t mark;
} object[OBJECTS];

static void fill(unsigned i)
{
    object[i].mark = (uint8_t)check_random();
    memset(object[i].p, object[i].mark, object[i].len);
}

static bool intact(unsigned i, size_t len)
{
    for (size_t at = 0; at < len; at++) {
        if (object[i].p[at] != object[i].mark) {
            return false;
        }
    }
    return true;
}

static size_t random_len(void)
{
    static const size_t limits[] = {64, 600, 5000, 70000};
    return check_below(limits[check_below(4)]);
}

static void resize(unsigned i)
{
    size_t len = random_len();
    uint8_t *p = heap_resize(object[i].p, len);
    CHECK(p != NULL);
    object[i].p = p;
    CHECK(intact(i, min(len, object[i].len)));
    object[i].len = len;
    fill(i);
}

static void random_requests(void)
{
    struct heap_stats stats;
    for (unsigned step = 0; step < STEPS; step++) {
        unsigned i = (unsigned)check_below(OBJECTS);
        if (object[i].p == NULL) {
            object[i].len = random_len();
            object[i].p = heap_alloc(object[i].len);
            CHECK(object[i].p != NULL && is_aligned((uintptr_t)object[i].p, 16));
            fill(i);
        } else if (check_below(3) == 0) {
            resize(i);
        } else {
            CHECK(intact(i, object[i].len));
            heap_free(object[i].p);
            object[i].p = NULL;
        }
    }
    for (unsigned i = 0; i < OBJECTS; i++) {
        CHECK(object[i].p == NULL || intact(i, object[i].len));
        heap_free(object[i].p);
        object[i].p = NULL;
    }
    heap_stats(&stats);
    CHECK_EQ(stats.objects, 0);
    CHECK_EQ(stats.bytes, 0);
    CHECK_EQ(stats.pages, fake_pages_in_use());
    CHECK(stats.pages <= 16 + 3 * 6); /* at most one empty slab of each class is kept */
}

static void zeroed_and_null(void)
{
    static const uint8_t zeros[512];
    void *p = heap_alloc(512);
    memset(p, 0xff, 512);
    heap_free(p);
    p = heap_zalloc(512);
    CHECK(memcmp(p, zeros, 512) == 0);
    heap_free(p);
    heap_free(NULL);
    CHECK(heap_alloc(SIZE_MAX) == NULL);
    CHECK(heap_alloc((PAGE_SIZE << PAGES_MAX_ORDER) + 1) == NULL);
}

static void failures(void)
{
    heap_fail_after(2);
    void *p = heap_alloc(16);
    CHECK(p != NULL);
    CHECK(heap_alloc(16) == NULL);
    void *q = heap_alloc(16);
    CHECK(q != NULL);
    heap_fail_after(1);
    memset(p, 9, 16);
    CHECK(heap_resize(p, 4000) == NULL);
    CHECK_EQ(((uint8_t *)p)[15], 9);
    heap_free(p);
    heap_free(q);
    fake_pages_limit((unsigned long)fake_pages_in_use());
    CHECK(heap_alloc(100000) == NULL);
    fake_pages_limit(FAKE_RAM_FRAMES);
}

int main(void)
{
    static const struct check_test tests[] = {{"zeroed_and_null", zeroed_and_null},
                                              {"failures", failures}};
    struct heap_stats stats;
    random_requests(); /* leaves one empty slab in each class, by design: not counted as a leak */
    heap_stats(&stats);
    CHECK_EQ(stats.pages, fake_pages_in_use());
    return check_main(tests, ARRAY_LEN(tests));
}
