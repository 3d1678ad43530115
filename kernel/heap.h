/* SPDX-License-Identifier: MIT */
/* The kernel heap: size classes over page frames. */
#ifndef KERNEL_HEAP_H
#define KERNEL_HEAP_H

#include "kernel/base/base.h"

/* heap_alloc: len bytes, 16-byte aligned, zeroed by heap_zalloc. NULL when out of memory.
 * heap_free takes NULL. */
void *heap_alloc(size_t len);
void *heap_zalloc(size_t len);
void heap_free(void *p);

/* heap_resize: as realloc(3); on NULL the old block is untouched. */
void *heap_resize(void *p, size_t len);

/* heap_fail_after: tests: the nth allocation from now fails (0: none). */
void heap_fail_after(unsigned long n);

struct heap_stats {
    size_t objects, bytes, pages;
};
void heap_stats(struct heap_stats *out);

#endif
