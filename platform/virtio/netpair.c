/* SPDX-License-Identifier: MIT */
/* One pair of queues of the network device. A receive buffer is a page of its own, which the frame
 * takes along: what comes is not copied. Whatever the device writes is checked: lengths, ids, and
 * how many buffers a frame has. The caller of net.h serialises. Source: VIRTIO 1.2, 5.1.6. */
#include "platform/virtio/netpair.h"

#include <asm/errno.h>
#include <linux/if_ether.h>
#include <linux/virtio_config.h>

#include "platform/pages.h"

#define RING_ORDER 1 /* two pages */
#define PAIR_ORDER 2
#define TABLES_ORDER 2
#define HEADER_LEN sizeof(struct virtio_net_hdr_v1)
#define GROW_BELOW 4 /* the device has less than a fourth of its buffers left */
#define GROW_MEMORY 16 /* if that part of the memory is free */

static_assert(sizeof(struct netpair) <= PAGE_SIZE << PAIR_ORDER, "PAIR_ORDER");
static_assert(VIRTQUEUE_TABLES_BYTES <= PAGE_SIZE << TABLES_ORDER, "TABLES_ORDER");

static int add_queue(struct virtio_device *dev, struct virtqueue *q, unsigned index,
                     uint16_t vector)
{
    struct page *ring = pages_alloc(RING_ORDER, PAGES_ZERO | PAGES_RESERVE);
    if (ring == NULL) {
        return -ENOMEM;
    }
    virtqueue_init(q, NETPAIR_RING, pages_va(ring), pages_pa(ring));
    q->event_index = (dev->features >> VIRTIO_RING_F_EVENT_IDX & 1) != 0;
    q->vector = vector;
    virtqueue_interrupts(q, false);
    int err = dev->transport->add_queue(dev, q, index);
    if (err != 0) {
        pages_put(ring);
    }
    return err;
}

/* Without memory for them long frames take more of the ring. */
static void add_tables(const struct virtio_device *dev, struct virtqueue *q)
{
    if ((dev->features >> VIRTIO_RING_F_INDIRECT_DESC & 1) != 0) {
        struct page *tables = pages_alloc(TABLES_ORDER, PAGES_ZERO);
        if (tables != NULL) {
            virtqueue_use_tables(q, pages_va(tables), pages_pa(tables));
        }
    }
}

static void add_slots(struct netpair *p, unsigned target)
{
    while (p->target < target) {
        p->free_slots[p->nfree_slots++] = (uint16_t)p->target++;
    }
}

int netpair_create(struct virtio_device *dev, unsigned index, uint16_t vector, unsigned buffers,
                   struct netpair **out)
{
    struct page *place = pages_alloc(PAIR_ORDER, PAGES_ZERO | PAGES_RESERVE);
    if (place == NULL) {
        return -ENOMEM;
    }
    struct netpair *p = pages_va(place);
    int err = add_queue(dev, &p->receive, 2 * index, vector);
    err = err != 0 ? err : add_queue(dev, &p->send, 2 * index + 1, vector);
    if (err != 0) {
        return err; /* the device may know of the first ring: its memory stays */
    }
    p->mergeable = (dev->features >> VIRTIO_NET_F_MRG_RXBUF & 1) != 0;
    add_tables(dev, &p->send);
    add_slots(p, buffers);
    *out = p;
    return 0;
}

/* Returns false when there is no place for another. */
static bool post(struct netpair *p, struct page *page)
{
    if (p->nfree_slots == 0) {
        return false;
    }
    uint16_t slot = p->free_slots[p->nfree_slots - 1];
    if (virtqueue_add(&p->receive, pages_pa(page), PAGE_SIZE, true, slot) != 0) {
        return false;
    }
    p->nfree_slots--;
    p->buffers[slot] = page;
    return true;
}

bool netpair_reuse(struct netpair *p, struct page *page)
{
    return post(p, page);
}

/* The device was close to having no buffer: it gets more of them, unless memory is short. */
static void grow(struct netpair *p)
{
    struct pages_stats memory;
    if (p->target == NETPAIR_RING || p->target - p->nfree_slots >= p->target / GROW_BELOW) {
        return;
    }
    pages_stats(&memory);
    if (memory.free > memory.total / GROW_MEMORY) {
        add_slots(p, min(2 * p->target, (unsigned)NETPAIR_RING));
    }
}

/* Without memory the device has fewer buffers, until the next batch. */
void netpair_refill(struct netpair *p)
{
    grow(p);
    while (p->nfree_slots != 0) {
        struct page *page = pages_alloc(0, 0);
        if (page == NULL) {
            break;
        }
        if (!post(p, page)) {
            pages_put(page);
            break;
        }
    }
    virtqueue_kick(&p->receive);
}

/* One used buffer. Returns its page, NULL when there is none. */
static struct page *take(struct netpair *p, uint32_t *len)
{
    uint32_t slot;
    if (!virtqueue_reap(&p->receive, &slot, len)) {
        return NULL;
    }
    p->free_slots[p->nfree_slots++] = (uint16_t)slot;
    *len = min(*len, (uint32_t)PAGE_SIZE);
    return p->buffers[slot];
}

static void drop(struct netpair *p, struct virtio_net_frame *f)
{
    p->bad++;
    for (unsigned i = 0; i < f->n; i++) {
        if (!post(p, f->part[i].page)) {
            pages_put(f->part[i].page);
        }
    }
}

/* The other buffers of a frame. Returns false when the device has not given them all. */
static bool take_rest(struct netpair *p, struct virtio_net_frame *f, unsigned total)
{
    while (f->n < total) {
        uint32_t len;
        struct page *page = take(p, &len);
        if (page == NULL) {
            return false;
        }
        f->part[f->n++] = (struct virtio_net_part){page, 0, (uint16_t)len};
        f->len += len;
    }
    return true;
}

/* What a header says of its frame is about bytes that the frame has. */
static bool makes_sense(const struct virtio_net_frame *f)
{
    const struct virtio_net_hdr_v1 *h = &f->header;
    bool sum = (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0;
    if (sum && (size_t)h->csum_start + h->csum_offset + sizeof(uint16_t) > f->len) {
        return false;
    }
    return f->len >= ETH_HLEN && (h->gso_type == VIRTIO_NET_HDR_GSO_NONE || h->gso_size != 0);
}

/* The frame whose first buffer has been taken. */
static bool gather(struct netpair *p, struct virtio_net_frame *f, uint32_t len)
{
    unsigned total = p->mergeable ? f->header.num_buffers : 1;
    if (len <= HEADER_LEN || total < 1 || total > VIRTIO_NET_PARTS) {
        return false;
    }
    f->len = len - HEADER_LEN;
    f->part[0].len = (uint16_t)f->len;
    return take_rest(p, f, total) && makes_sense(f);
}

bool netpair_receive(struct netpair *p, struct virtio_net_frame *f)
{
    for (;;) {
        uint32_t len;
        struct page *page = take(p, &len);
        if (page == NULL) {
            return false;
        }
        f->n = 1;
        f->header = *(const struct virtio_net_hdr_v1 *)pages_va(page);
        f->part[0] = (struct virtio_net_part){page, HEADER_LEN, 0};
        if (gather(p, f, len)) {
            return true;
        }
        drop(p, f);
    }
}
