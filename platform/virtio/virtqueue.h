/* SPDX-License-Identifier: MIT */
/* Split virtqueue: add buffers, kick the device, reap what it used. */
#ifndef PLATFORM_VIRTIO_VIRTQUEUE_H
#define PLATFORM_VIRTIO_VIRTQUEUE_H

#include <linux/virtio_ring.h>

#include "kernel/base/base.h"
#include "platform/virtio/virtio.h"

#define VIRTQUEUE_MAX 256 /* entries; power of two */
#define VIRTQUEUE_TABLES 16 /* of indirect descriptors */
#define VIRTQUEUE_TABLE_LEN 64 /* descriptors */

struct virtqueue {
    struct virtio_device *dev; /* [I] */
    unsigned index; /* [I] queue number in the device */
    volatile void *notify_register; /* [I] the transport's */
    uint16_t vector; /* [I] of its interrupts, see virtio.h; set between init and add_queue */
    uint16_t size; /* [I] entries */
    bool event_index; /* [I] set by the driver once VIRTIO_RING_F_EVENT_IDX is negotiated */
    uint16_t nfree; /* free descriptors */
    uint16_t free_head; /* chain through next[] */
    uint16_t last_used; /* used index up to which we have reaped */
    struct vring_desc *desc; /* [I] array[size], memory shared with the device */
    struct vring_avail *avail; /* [I] */
    struct vring_used *used; /* [I] */
    struct pa pa; /* [I] of desc */
    uint16_t avail_idx; /* entries given so far */
    uint16_t kicked_idx; /* of those: the device was told, or asked not to be */
    /* What we rely on is kept here: the device can write all of the memory that it shares. */
    uint16_t next[VIRTQUEUE_MAX]; /* of free descriptors, and within a chain in flight */
    uint16_t length[VIRTQUEUE_MAX]; /* descriptors of the chain in flight that starts here, or 0 */
    uint32_t cookie[VIRTQUEUE_MAX]; /* the driver's number for each chain in flight */
    struct vring_desc *tables; /* [I] VIRTQUEUE_TABLES of them, or NULL */
    struct pa tables_pa; /* [I] */
    uint32_t free_tables; /* bit per table */
    uint8_t table[VIRTQUEUE_MAX]; /* 1 + the table of the chain in flight that starts here, or 0 */
};

/* A piece of a buffer. */
struct virtqueue_part {
    struct pa pa;
    uint32_t len;
};

/* virtqueue_bytes: memory that a ring of size entries takes: less than a page for 64, than two for
 * 256. */
size_t virtqueue_bytes(unsigned size);

/* virtqueue_init: an empty ring of size entries (a power of two) in zeroed memory at va, pa,
 * 16-byte aligned. */
void virtqueue_init(struct virtqueue *q, unsigned size, void *va, struct pa pa);

/* virtqueue_use_tables: VIRTIO_RING_F_INDIRECT_DESC is negotiated: buffers of many pieces take one
 * entry of the ring each, as long as there are tables. va, pa: VIRTQUEUE_TABLES_BYTES of memory,
 * 16-byte aligned. */
#define VIRTQUEUE_TABLES_BYTES (VIRTQUEUE_TABLES * VIRTQUEUE_TABLE_LEN * sizeof(struct vring_desc))
void virtqueue_use_tables(struct virtqueue *q, void *va, struct pa pa);

/* Physical addresses of the ring's parts, for the transport. */
struct pa virtqueue_avail_pa(const struct virtqueue *q);
struct pa virtqueue_used_pa(const struct virtqueue *q);

/* virtqueue_add: give the device one buffer: writable for input, else output. Returns 0,
 * -ENOSPC. */
MUST_CHECK int virtqueue_add(struct virtqueue *q, struct pa buf, uint32_t len, bool writable,
                             uint32_t cookie);

/* virtqueue_add_parts: give the device an output buffer of n pieces, n >= 1. Returns 0, -ENOSPC. */
MUST_CHECK int virtqueue_add_parts(struct virtqueue *q, const struct virtqueue_part *parts,
                                   unsigned n, uint32_t cookie);

/* virtqueue_add_both: give the device a command: nread pieces that it reads, then nwrite that it
 * writes. Returns 0, -ENOSPC. */
MUST_CHECK int virtqueue_add_both(struct virtqueue *q, const struct virtqueue_part *parts,
                                  unsigned nread, unsigned nwrite, uint32_t cookie);

/* virtqueue_kick: make what was added visible and notify the device unless it asked not to be.
 * virtqueue_wants_kick: the first half: must the device be notified? */
void virtqueue_kick(struct virtqueue *q);
bool virtqueue_wants_kick(struct virtqueue *q);

/* virtqueue_pending: the device has used something that was not reaped. */
bool virtqueue_pending(const struct virtqueue *q);

/* virtqueue_reap: take back one used buffer: its cookie, and the bytes the device wrote (as it
 * says: the caller bounds it by the buffer). Returns false when there is none. Ids that the device
 * made up are dropped. */
bool virtqueue_reap(struct virtqueue *q, uint32_t *cookie, uint32_t *len);

/* virtqueue_interrupts: ask for an interrupt when something more is used, or for none. With the
 * event index that is one interrupt: ask again. Look for used buffers afterwards. */
void virtqueue_interrupts(struct virtqueue *q, bool on);

#endif
