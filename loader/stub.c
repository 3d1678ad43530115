/* SPDX-License-Identifier: MIT */
/* Stub pages: where they lie and which pieces of them are free.
 *
 * A page is 64 slots of 64 bytes; the first begins with the pointer to the gate. A jump over a
 * syscall wants certain bytes in its displacement, so a new page is put where all but the lowest
 * byte can be invalid opcodes: whatever instructions the site's neighbours begin with, some slot
 * of the
 * page fits. Far from the site on purpose: room next to a library is what the program's own
 * mappings take. lock, a leaf, guards the list and the slots; pages come by one caller at a time
 * and go under space.lock. Source: ARCHITECTURE.md, the system-call path. */
#include "loader/stub.h"

#include <asm/errno.h>
#include <asm/mman.h>

#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "platform/pages.h"

#define SLOT_LEN 64UL
#define NSLOTS (PAGE_SIZE / SLOT_LEN)
#define PAGE_NAME "[stubs]"
#define PAGES_MAX 4096 /* a program that makes code over and over leaves its stubs behind */

struct stub_page {
    struct list link;
    uint64_t va; /* [I] */
    struct page *frame; /* [I] */
    uint64_t used; /* [lock] bit per slot */
};

static struct spinlock lock;
static struct list pages = LIST_INIT(pages); /* [lock] */
static unsigned npages; /* [lock] */
static uint64_t gate_address; /* [I] */

/* High bytes of a displacement, in order of preference: below the site, then far above. */
static const uint8_t high_bytes[] = {0xea, 0xd6, 0xd4, 0xce, 0x9a, 0x82, 0x61, 0x60, 0x3f,
                                     0x37, 0x2f, 0x27, 0x1f, 0x1e, 0x17, 0x16, 0x0e, 0x07};
/* Bits 12 to 15: pages with most invalid opcodes in bits 8 to 15. */
static const uint8_t page_nibbles[] = {0x1, 0x0, 0xd, 0x2, 0x3, 0x6};

void stub_init(uint64_t gate)
{
    gate_address = gate;
}

unsigned stub_pages(void)
{
    return npages;
}

/* The first run of n free slots of page where p's jump may lead, -1: none. */
static int slot_find(const struct stub_page *page, const struct plan *p, unsigned n)
{
    assert(n >= 1 && n < NSLOTS);
    uint64_t mask = (1UL << n) - 1;
    for (unsigned i = 1; i + n <= NSLOTS; i++) {
        if ((page->used >> i & mask) == 0 && plan_fits(p, page->va + i * SLOT_LEN)) {
            return (int)i;
        }
    }
    return -1;
}

static void slot_take(struct stub_page *page, unsigned slot, unsigned n, struct stub_place *out)
{
    page->used |= ((1UL << n) - 1) << slot;
    out->addr = page->va + slot * SLOT_LEN;
    out->bytes = (uint8_t *)pages_va(page->frame) + slot * SLOT_LEN;
    out->gate_slot = page->va;
}

/* Map the page at va. */
static int page_map(struct stub_page *page, uint64_t va)
{
    long at = mmap_special(va, pages_pa(page->frame), 1, PROT_READ | PROT_EXEC, PAGE_NAME);
    if (at < 0) {
        return (int)at;
    }
    page->va = va;
    return 0;
}

/* Try the pages whose displacements begin with high. */
static int page_place_high(struct stub_page *page, const struct plan *p, unsigned n, uint8_t high)
{
    for (unsigned mid = 0; mid < 256; mid++) {
        if (!insn_is_invalid((uint8_t)mid)) {
            continue;
        }
        for (unsigned i = 0; i < ARRAY_LEN(page_nibbles); i++) {
            uint32_t rel = (uint32_t)high << 24 | mid << 16 | (uint32_t)page_nibbles[i] << 12;
            uint64_t near = p->patch + PLAN_PATCH_LEN + (uint64_t)(int64_t)(int32_t)rel;
            page->va = align_up(near, PAGE_SIZE);
            if (slot_find(page, p, n) < 0) {
                continue;
            }
            int err = page_map(page, page->va);
            if (err != -EEXIST && err != -EINVAL) {
                return err;
            }
        }
    }
    return -ENOSPC;
}

static int page_create(const struct plan *p, unsigned n, struct stub_page **out)
{
    struct stub_page *page = heap_zalloc(sizeof(*page));
    if (page == NULL) {
        return -ENOMEM;
    }
    int err = -ENOMEM;
    page->used = 1;
    page->frame = pages_alloc(0, PAGES_ZERO);
    if (page->frame == NULL) {
        goto fail_free;
    }
    memcpy(pages_va(page->frame), &gate_address, sizeof(gate_address));
    err = -ENOSPC;
    for (unsigned i = 0; err == -ENOSPC && i < ARRAY_LEN(high_bytes); i++) {
        err = page_place_high(page, p, n, high_bytes[i]);
    }
    if (err == 0) {
        *out = page;
        return 0;
    }
    pages_put(page->frame);
fail_free:
    heap_free(page);
    return err;
}

/* A place in the pages that there are. */
static bool alloc_locked(const struct plan *p, unsigned n, struct stub_place *out)
{
    struct list *at;
    lock_assert_held(&lock);
    list_for_each (at, &pages) {
        struct stub_page *page = list_entry(at, struct stub_page, link);
        int slot = slot_find(page, p, n);
        if (slot >= 0) {
            slot_take(page, (unsigned)slot, n, out);
            return true;
        }
    }
    return false;
}

int stub_alloc(const struct plan *p, size_t len, struct stub_place *out)
{
    unsigned n = (unsigned)((len + SLOT_LEN - 1) / SLOT_LEN);
    spin_lock(&lock);
    bool found = alloc_locked(p, n, out);
    bool full = npages >= PAGES_MAX;
    spin_unlock(&lock);
    if (found || full) {
        return found ? 0 : -ENOMEM;
    }
    struct stub_page *fresh;
    int err = page_create(p, n, &fresh);
    if (err == 0) {
        int slot = slot_find(fresh, p, n);
        assert(slot >= 0); /* the page was placed for p */
        slot_take(fresh, (unsigned)slot, n, out);
        spin_lock(&lock);
        list_append(&pages, &fresh->link);
        npages++;
        spin_unlock(&lock);
    }
    return err;
}

static struct stub_page *page_of_locked(uint64_t rip)
{
    lock_assert_held(&lock);
    struct list *at;
    list_for_each (at, &pages) {
        struct stub_page *page = list_entry(at, struct stub_page, link);
        if (rip - page->va < PAGE_SIZE) {
            return page;
        }
    }
    return NULL;
}

bool stub_contains(uint64_t rip)
{
    spin_lock(&lock);
    bool found = page_of_locked(rip) != NULL;
    spin_unlock(&lock);
    return found;
}

bool stub_write(const struct stub_place *p, const uint8_t *code, size_t len)
{
    if (!stub_contains(p->addr)) {
        return false;
    }
    memcpy(p->bytes, code, len);
    return true;
}

void stub_free(uint64_t addr, size_t len)
{
    unsigned n = (unsigned)((len + SLOT_LEN - 1) / SLOT_LEN);
    spin_lock(&lock);
    struct stub_page *page = page_of_locked(addr);
    if (page != NULL) {
        page->used &= ~(((1UL << n) - 1) << (addr - page->va) / SLOT_LEN);
    }
    spin_unlock(&lock);
}

/* Take the first page in [start, end) off the list. */
static struct stub_page *take(uint64_t start, uint64_t end)
{
    struct list *at;
    struct stub_page *found = NULL;
    spin_lock(&lock);
    list_for_each (at, &pages) {
        struct stub_page *page = list_entry(at, struct stub_page, link);
        if (page->va >= start && page->va < end) {
            found = page;
            list_remove(at);
            npages--;
            break;
        }
    }
    spin_unlock(&lock);
    return found;
}

void stub_forget(uint64_t start, uint64_t end)
{
    struct stub_page *page;
    while ((page = take(start, end)) != NULL) {
        pages_put(page->frame);
        heap_free(page);
    }
}
