/* SPDX-License-Identifier: MIT */
/* kernel/heap.h on malloc: the sanitizer sees every object's bounds and life. */
#include "test/fake/heap.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/heap.h"

static unsigned long fail_in;
static long in_use;
static unsigned long made;

static bool fails_now(void)
{
    __atomic_fetch_add(&made, 1, __ATOMIC_RELAXED); /* tests with threads ask for no failures */
    return fail_in != 0 && --fail_in == 0;
}

void *heap_alloc(size_t len)
{
    void *p = fails_now() ? NULL : malloc(len != 0 ? len : 1);
    if (p != NULL) {
        memset(p, 0xa5, len);
        __atomic_fetch_add(&in_use, 1, __ATOMIC_RELAXED);
    }
    return p;
}

void *heap_zalloc(size_t len)
{
    void *p = heap_alloc(len);
    if (p != NULL) {
        memset(p, 0, len);
    }
    return p;
}

void heap_free(void *p)
{
    if (p != NULL) {
        __atomic_fetch_sub(&in_use, 1, __ATOMIC_RELAXED);
        free(p);
    }
}

void *heap_resize(void *p, size_t len)
{
    if (p == NULL) {
        return heap_alloc(len);
    }
    return fails_now() ? NULL : realloc(p, len != 0 ? len : 1);
}

void heap_fail_after(unsigned long n)
{
    fail_in = n;
}

void heap_stats(struct heap_stats *out)
{
    *out = (struct heap_stats){.objects = (size_t)in_use};
}

long fake_heap_in_use(void)
{
    return in_use;
}

unsigned long fake_heap_made(void)
{
    return made;
}

bool fake_heap_failed(void)
{
    return fail_in == 0;
}
