/* SPDX-License-Identifier: MIT */
/* Kernel heap: size classes in slabs of one page block, larger requests as blocks of their own.
 *
 * A slab is a block of frames whose first bytes are its header; objects follow. A large object's
 * header is the same with class LARGE. owner_bits of a slab's frames count from its head, so that
 * heap_free finds the header of any object.
 * Slabs with free objects are in their class's list; an empty one goes back to the page allocator
 * unless it is the class's last. lock guards all of it.
 * Source: Bonwick, The Slab Allocator (USENIX 1994), simplified. */
#include "kernel/heap.h"

#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "platform/pages.h"

#define ALIGN 16
#define SLAB_MAGIC 0x51ab51ab
#define LARGE UINT32_MAX
#define SMALL_SLAB_MAX 512 /* objects up to this size come from one-page slabs, */
#define MEDIUM_ORDER 2 /* larger ones from 16 KiB slabs */

struct slab {
    uint32_t magic;
    uint32_t class; /* index into classes, or LARGE */
    struct page *page;
    struct list link; /* in the class's list while it has free objects */
    void *free; /* chain of free objects through their first word */
    uint32_t in_use, untouched; /* objects handed out; never-used ones at the end */
    uint64_t len; /* LARGE: bytes usable */
} __attribute__((aligned(ALIGN)));
static_assert(sizeof(struct slab) % ALIGN == 0, "objects are aligned behind the header");

static const uint16_t class_size[] = {16,  32,  48,  64,   96,   128,  192,  256,
                                      384, 512, 768, 1024, 1536, 2048, 3072, 4080};
#define NCLASSES ARRAY_LEN(class_size)

static struct spinlock lock;
static struct list partial[NCLASSES]; /* [lock] */
static bool ready; /* [lock] lists are initialised */
static struct heap_stats stats; /* [lock] */
static unsigned long fail_in; /* [lock] 0: never */

static unsigned class_order(unsigned class)
{
    return class_size[class] <= SMALL_SLAB_MAX ? 0 : MEDIUM_ORDER;
}

static size_t slab_bytes(unsigned class)
{
    return PAGE_SIZE << class_order(class);
}

static unsigned class_of(size_t len)
{
    unsigned class = 0;
    while (class < NCLASSES && class_size[class] < len) {
        class ++;
    }
    return class;
}

static uint32_t slab_capacity(unsigned class)
{
    return (uint32_t)((slab_bytes(class) - sizeof(struct slab)) / class_size[class]);
}

static struct slab *slab_create(unsigned class)
{
    struct page *page = pages_alloc(class_order(class), PAGES_RESERVE);
    if (page == NULL) {
        return NULL;
    }
    struct slab *s = pages_va(page);
    *s = (struct slab){.magic = SLAB_MAGIC, .class = class, .page = page};
    s->untouched = slab_capacity(class);
    for (unsigned i = 0; i < 1U << class_order(class); i++) {
        page[i].owner_bits = (uint16_t)i;
    }
    stats.pages += 1UL << class_order(class);
    list_push(&partial[class], &s->link);
    return s;
}

static void *slab_take(struct slab *s, unsigned class)
{
    void *object = s->free;
    if (object != NULL) {
        s->free = *(void **)object;
    } else {
        uint32_t index = slab_capacity(class) - s->untouched;
        object = (char *)(s + 1) + (size_t)index * class_size[class];
        s->untouched--;
    }
    s->in_use++;
    if (s->free == NULL && s->untouched == 0) {
        list_remove(&s->link);
    }
    stats.objects++;
    stats.bytes += class_size[class];
    return object;
}

/* Nth-failure switch for tests: true when this allocation is to fail. */
static bool fails_now(void)
{
    return fail_in != 0 && --fail_in == 0;
}

static void *alloc_large(size_t len)
{
    uint64_t bytes;
    unsigned order = 0;
    if (!add_ok(len, sizeof(struct slab), &bytes)) {
        return NULL;
    }
    while (order <= PAGES_MAX_ORDER && PAGE_SIZE << order < bytes) {
        order++;
    }
    struct page *page = order <= PAGES_MAX_ORDER ? pages_alloc(order, PAGES_RESERVE) : NULL;
    if (page == NULL) {
        return NULL;
    }
    struct slab *s = pages_va(page);
    *s = (struct slab){.magic = SLAB_MAGIC, .class = LARGE, .page = page, .in_use = 1};
    s->len = (PAGE_SIZE << order) - sizeof(*s);
    spin_lock(&lock);
    stats.objects++;
    stats.bytes += s->len;
    stats.pages += 1UL << order;
    spin_unlock(&lock);
    return s + 1;
}

void *heap_alloc(size_t len)
{
    unsigned class = class_of(len);
    spin_lock(&lock);
    if (!ready) {
        for (unsigned i = 0; i < NCLASSES; i++) {
            list_init(&partial[i]);
        }
        ready = true;
    }
    if (fails_now()) {
        spin_unlock(&lock);
        return NULL;
    }
    if (class == NCLASSES) {
        spin_unlock(&lock);
        return alloc_large(len);
    }
    struct slab *s = list_empty(&partial[class])
                         ? slab_create(class)
                         : list_entry(partial[class].next, struct slab, link);
    void *object = s != NULL ? slab_take(s, class) : NULL;
    spin_unlock(&lock);
    return object;
}

void *heap_zalloc(size_t len)
{
    void *p = heap_alloc(len);
    if (p != NULL) {
        memset(p, 0, len);
    }
    return p;
}

/* The header of p's slab: at the start of its page block. */
static struct slab *slab_of(const void *p)
{
    const struct page *frame = pages_from_va(p);
    struct slab *s = pages_va(frame - frame->owner_bits);
    assert(s->magic == SLAB_MAGIC);
    return s;
}

static void free_large(struct slab *s)
{
    struct page *page = s->page;
    spin_lock(&lock);
    stats.objects--;
    stats.bytes -= s->len;
    stats.pages -= 1UL << page->order;
    spin_unlock(&lock);
    s->magic = 0;
    pages_put(page);
}

void heap_free(void *p)
{
    if (p == NULL) {
        return;
    }
    struct slab *s = slab_of(p);
    if (s->class == LARGE) {
        free_large(s);
        return;
    }
    unsigned class = s->class;
    struct page *empty = NULL;
    spin_lock(&lock);
    bool was_full = s->free == NULL && s->untouched == 0;
    *(void **)p = s->free;
    s->free = p;
    s->in_use--;
    stats.objects--;
    stats.bytes -= class_size[class];
    if (was_full) {
        list_push(&partial[class], &s->link);
    }
    bool last = partial[class].next == &s->link && partial[class].prev == &s->link;
    if (s->in_use == 0 && !last) {
        list_remove(&s->link);
        stats.pages -= 1UL << class_order(class);
        s->magic = 0;
        empty = s->page;
    }
    spin_unlock(&lock);
    if (empty != NULL) {
        pages_put(empty);
    }
}

void *heap_resize(void *p, size_t len)
{
    if (p == NULL) {
        return heap_alloc(len);
    }
    const struct slab *s = slab_of(p);
    size_t old = s->class == LARGE ? s->len : class_size[s->class];
    if (len <= old && (len > old / 2 || s->class != LARGE)) {
        return p;
    }
    void *fresh = heap_alloc(len);
    if (fresh != NULL) {
        memcpy(fresh, p, min(old, len));
        heap_free(p);
    }
    return fresh;
}

void heap_fail_after(unsigned long n)
{
    fail_in = n;
}

void heap_stats(struct heap_stats *out)
{
    spin_lock(&lock);
    *out = stats;
    spin_unlock(&lock);
}
