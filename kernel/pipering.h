/* SPDX-License-Identifier: MIT */
/* The bytes in a pipe: a ring of slots, each a page with the bytes of one or more writes. No locks:
 * the pipe's mutex covers every call but those marked. */
#ifndef KERNEL_PIPERING_H
#define KERNEL_PIPERING_H

#include "kernel/file.h"

struct page;

struct pipe_slot {
    struct page *page;
    uint16_t start, len; /* bytes [start, start + len) */
    bool packet; /* one write's, read as one: O_DIRECT */
};

struct pipe_ring {
    struct pipe_slot *slots; /* array[nslots], heap */
    uint32_t nslots; /* power of two; [A] for pipe_ring_full */
    uint32_t head, used; /* oldest slot; slots with data, [A] for pipe_ring_empty, pipe_ring_full */
    struct page *spare; /* an emptied page for the next write, NULL */
};

/* pipe_ring_init: an empty ring of nslots. Returns 0 or -ENOMEM. pipe_ring_fini: free all. */
MUST_CHECK int pipe_ring_init(struct pipe_ring *r, uint32_t nslots);
void pipe_ring_fini(struct pipe_ring *r);

/* pipe_ring_take: move what is there to it, up to its end or the end of a packet, whose rest is
 * lost. Returns bytes (0: empty) or -EFAULT. */
long pipe_ring_take(struct pipe_ring *r, struct iov_iter *it);

/* pipe_ring_peek: copy up to len bytes without taking them. Returns how many. */
size_t pipe_ring_peek(const struct pipe_ring *r, void *buf, size_t len);

/* pipe_ring_give: move what fits from it. Up to PIPE_BUF bytes move whole or not at all. first:
 * nothing of this write has moved yet. Returns bytes, 0 no room, -ENOMEM or -EFAULT. */
long pipe_ring_give(struct pipe_ring *r, struct iov_iter *it, bool packet, bool first);

/* pipe_ring_resize: another number of slots, a power of two. 0, -EBUSY (more hold data),
 * -ENOMEM. */
MUST_CHECK int pipe_ring_resize(struct pipe_ring *r, uint32_t nslots);

/* pipe_ring_clear: throw the data away. pipe_ring_bytes: how many there are. */
void pipe_ring_clear(struct pipe_ring *r);
size_t pipe_ring_bytes(const struct pipe_ring *r);

/* Also without the mutex. Full: there is no free slot (a small write may still fit). */
static inline bool pipe_ring_empty(const struct pipe_ring *r)
{
    return __atomic_load_n(&r->used, __ATOMIC_RELAXED) == 0;
}

static inline bool pipe_ring_full(const struct pipe_ring *r)
{
    return __atomic_load_n(&r->used, __ATOMIC_RELAXED) >=
           __atomic_load_n(&r->nslots, __ATOMIC_RELAXED);
}

#endif
