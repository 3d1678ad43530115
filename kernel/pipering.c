/* SPDX-License-Identifier: MIT */
/* The bytes in a pipe.
 *
 * A write starts a new slot, unless the part of it that does not fill whole pages fits behind the
 * newest one; so a write of up to PIPE_BUF needs one free slot and is atomic. A packet has a slot
 * of its own. Capacity is counted in slots, pages are allocated as they fill. No locks: the
 * caller's. Source: pipe(7); F_GETPIPE_SZ of fcntl(2): capacity is a number of pages. */
#include "kernel/pipering.h"

#include <asm/errno.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "platform/pages.h"

int pipe_ring_init(struct pipe_ring *r, uint32_t nslots)
{
    *r = (struct pipe_ring){.nslots = nslots};
    r->slots = heap_zalloc(nslots * sizeof(*r->slots));
    return r->slots != NULL ? 0 : -ENOMEM;
}

void pipe_ring_fini(struct pipe_ring *r)
{
    pipe_ring_clear(r);
    if (r->spare != NULL) {
        pages_put(r->spare);
    }
    heap_free(r->slots);
}

static struct pipe_slot *slot_at(const struct pipe_ring *r, uint32_t i)
{
    return &r->slots[(r->head + i) % r->nslots];
}

static void set_used(struct pipe_ring *r, uint32_t used)
{
    __atomic_store_n(&r->used, used, __ATOMIC_RELAXED);
}

static void drop_oldest(struct pipe_ring *r)
{
    struct pipe_slot *s = slot_at(r, 0);
    if (r->spare == NULL) {
        r->spare = s->page;
    } else {
        pages_put(s->page);
    }
    s->page = NULL;
    r->head = (r->head + 1) % r->nslots;
    set_used(r, r->used - 1);
}

void pipe_ring_clear(struct pipe_ring *r)
{
    while (r->used != 0) {
        drop_oldest(r);
    }
}

size_t pipe_ring_bytes(const struct pipe_ring *r)
{
    size_t sum = 0;
    for (uint32_t i = 0; i < r->used; i++) {
        sum += slot_at(r, i)->len;
    }
    return sum;
}

long pipe_ring_take(struct pipe_ring *r, struct iov_iter *it)
{
    size_t done = 0;
    bool packet = false;
    while (r->used != 0 && iov_left(it) != 0 && !packet) {
        struct pipe_slot *s = slot_at(r, 0);
        packet = s->packet;
        long n = iov_copy_to(it, (const char *)pages_va(s->page) + s->start, s->len);
        if (n < 0) {
            return done != 0 ? (long)done : n;
        }
        bool fault = n < s->len && iov_left(it) != 0;
        done += (size_t)n;
        s->start = (uint16_t)(s->start + n);
        s->len = (uint16_t)(s->len - n);
        if (s->len == 0 || packet) {
            drop_oldest(r);
        }
        if (fault) {
            break;
        }
    }
    return (long)done;
}

size_t pipe_ring_peek(const struct pipe_ring *r, void *buf, size_t len)
{
    size_t done = 0;
    for (uint32_t i = 0; i < r->used && done < len; i++) {
        const struct pipe_slot *s = slot_at(r, i);
        size_t n = min((size_t)s->len, len - done);
        memcpy((char *)buf + done, (const char *)pages_va(s->page) + s->start, n);
        done += n;
    }
    return done;
}

/* Put the odd bytes of a write behind the newest slot if they all fit. Returns bytes or -EFAULT. */
static long merge(struct pipe_ring *r, struct iov_iter *it)
{
    size_t odd = iov_left(it) % PAGE_SIZE;
    if (r->used == 0 || odd == 0) {
        return 0;
    }
    struct pipe_slot *s = slot_at(r, r->used - 1);
    size_t end = (size_t)s->start + s->len;
    if (s->packet || end + odd > PAGE_SIZE) {
        return 0;
    }
    long n = iov_copy_from(it, (char *)pages_va(s->page) + end, odd);
    s->len = (uint16_t)(s->len + max(n, 0L));
    return n;
}

/* One new slot, up to a page. Returns bytes, -ENOMEM or -EFAULT. */
static long fill(struct pipe_ring *r, struct iov_iter *it, bool packet)
{
    struct page *page = r->spare != NULL ? r->spare : pages_alloc(0, 0);
    r->spare = NULL;
    if (page == NULL) {
        return -ENOMEM;
    }
    long n = iov_copy_from(it, pages_va(page), min(iov_left(it), PAGE_SIZE));
    if (n <= 0) {
        r->spare = page;
        return n;
    }
    *slot_at(r, r->used) = (struct pipe_slot){page, 0, (uint16_t)n, packet};
    set_used(r, r->used + 1);
    return n;
}

long pipe_ring_give(struct pipe_ring *r, struct iov_iter *it, bool packet, bool first)
{
    long n = first && !packet ? merge(r, it) : 0;
    size_t done = (size_t)max(n, 0L);
    while (n >= 0 && iov_left(it) != 0 && r->used < r->nslots) {
        n = fill(r, it, packet);
        done += (size_t)max(n, 0L);
    }
    return done != 0 ? (long)done : n;
}

int pipe_ring_resize(struct pipe_ring *r, uint32_t nslots)
{
    if (r->used > nslots) {
        return -EBUSY;
    }
    struct pipe_slot *slots = heap_zalloc(nslots * sizeof(*slots));
    if (slots == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < r->used; i++) {
        slots[i] = *slot_at(r, i);
    }
    heap_free(r->slots);
    r->slots = slots;
    r->head = 0;
    __atomic_store_n(&r->nslots, nslots, __ATOMIC_RELAXED);
    return 0;
}
