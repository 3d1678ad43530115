/* SPDX-License-Identifier: MIT */
/* See eroimage.h. The image is looked at in pieces, each of which has a word that says where it is.
 * A piece in its place is taken or given away by whoever changes its word first; fetching is the
 * spinlock's, [fetching] below, for which only pages.lock is inner. */
#include "fs/eroimage.h"

#include <asm/errno.h>

#include "kernel/base/lock.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "platform/pages.h"

#define PIECE_ORDER 2 /* frames, log2 */
#define PIECE (PAGE_SIZE << PIECE_ORDER)

/* A piece's word; from FETCHED on its first frame's number times that, plus FETCHED - 1. */
enum { UNTOUCHED, IN_PLACE, GONE, FETCHED };
#define FRAME_SHIFT 2

struct eroimage eroimage;

static struct spinlock fetching;
static uint32_t *pieces; /* [I] once there is a source; NULL: none. Its words are [A] */
static size_t npieces; /* [I] the last, partial one is none */
static const struct eroimage_source *source; /* [I] */
static bool given; /* [A] */

void eroimage_open(const struct eroimage *image)
{
    eroimage = *image;
    heap_free(pieces);
    pieces = NULL;
    given = false;
}

static const uint8_t *place_of(uint32_t word, uint64_t offset)
{
    if (word < FETCHED) {
        return eroimage.base + offset;
    }
    struct pa frame = {(uint64_t)(word >> FRAME_SHIFT) << PAGE_SHIFT};
    return (const uint8_t *)pages_map(frame) + offset % PIECE;
}

/* Returns the piece's word, GONE: no memory. */
static uint32_t bring(size_t i)
{
    spin_lock(&fetching);
    uint32_t word =
        __atomic_load_n(&pieces[i], __ATOMIC_RELAXED); /* somebody may have been faster */
    struct page *p = word == GONE ? pages_alloc(PIECE_ORDER, PAGES_RESERVE) : NULL;
    if (p != NULL && source->fetch(i * PIECE, pages_pa(p), PIECE) == 0) {
        word = (uint32_t)(pages_pa(p).v >> PAGE_SHIFT) << FRAME_SHIFT | FETCHED;
        /* release: who sees the word sees the bytes */
        __atomic_store_n(&pieces[i], word, __ATOMIC_RELEASE);
        p = NULL;
    }
    spin_unlock(&fetching);
    if (p != NULL) {
        pages_put(p);
    }
    return word;
}

/* The word of the piece of offset, which stays. */
static uint32_t hold(uint64_t offset)
{
    size_t i = offset / PIECE;
    if (pieces == NULL || i >= npieces) {
        return IN_PLACE;
    }
    uint32_t word = __atomic_load_n(&pieces[i], __ATOMIC_ACQUIRE);
    if (word == UNTOUCHED && __atomic_compare_exchange_n(&pieces[i], &word, IN_PLACE, false,
                                                         __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        return IN_PLACE;
    }
    return word == GONE ? bring(i) : word;
}

const uint8_t *eroimage_at(uint64_t offset)
{
    uint32_t word = hold(offset);
    return word != GONE ? place_of(word, offset) : NULL;
}

int eroimage_copy(uint64_t offset, void *buf, size_t len)
{
    uint8_t *to = buf;
    while (len != 0) {
        size_t n = pieces != NULL ? min(len, PIECE - offset % PIECE) : len;
        const uint8_t *from = eroimage_at(offset);
        if (from == NULL) {
            return -ENOMEM;
        }
        memcpy(to, from, n);
        to += n;
        offset += n;
        len -= n;
    }
    return 0;
}

int eroimage_frame(uint64_t offset, struct pa *out)
{
    if (!is_aligned(eroimage.pa.v + offset, PAGE_SIZE)) {
        return -ENODATA;
    }
    uint32_t word = hold(offset);
    if (word >= FETCHED) {
        *out = (struct pa){((uint64_t)(word >> FRAME_SHIFT) << PAGE_SHIFT) + offset % PIECE};
    } else {
        *out = (struct pa){eroimage.pa.v + offset};
    }
    return word != GONE ? 0 : -ENOMEM;
}

/* Blocks must not lie across pieces, nor pieces across frames. */
void eroimage_set_source(const struct eroimage_source *the_source)
{
    if (1UL << eroimage.block_bits > PIECE || !is_aligned(eroimage.pa.v, PAGE_SIZE)) {
        return;
    }
    npieces = eroimage.len / PIECE;
    source = the_source;
    pieces = heap_zalloc(npieces * sizeof(*pieces));
}

bool eroimage_give_away(void)
{
    bool any = false;
    if (pieces == NULL || __atomic_exchange_n(&given, true, __ATOMIC_ACQ_REL)) {
        return false;
    }
    struct pa end = {eroimage.pa.v + npieces * PIECE};
    if (!source->works() || !pages_add_used(eroimage.pa, end)) {
        return false;
    }
    for (size_t i = 0; i < npieces; i++) {
        uint32_t word = UNTOUCHED;
        if (!__atomic_compare_exchange_n(&pieces[i], &word, GONE, false, __ATOMIC_ACQ_REL,
                                         __ATOMIC_RELAXED)) {
            continue;
        }
        any = true;
        for (uint64_t at = i * PIECE; at < (i + 1) * PIECE; at += PAGE_SIZE) {
            pages_put(pages_of((struct pa){eroimage.pa.v + at}));
        }
    }
    return any;
}
