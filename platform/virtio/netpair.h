/* SPDX-License-Identifier: MIT */
/* A pair of queues of the network device: one to receive, one to send. For platform/virtio/net.c,
 * which has the contract. */
#ifndef PLATFORM_VIRTIO_NETPAIR_H
#define PLATFORM_VIRTIO_NETPAIR_H

#include "platform/virtio/net.h"
#include "platform/virtio/virtqueue.h"

#define NETPAIR_RING 256 /* entries of each ring; a power of two */

struct netpair {
    struct virtqueue receive, send;
    bool mergeable; /* [I] a frame may take several buffers */
    struct page *buffers[NETPAIR_RING]; /* by cookie: what the device has */
    uint16_t free_slots[NETPAIR_RING]; /* cookies without a buffer: a stack */
    unsigned nfree_slots;
    unsigned target; /* buffers that the device shall have; grows with the load */
    uint64_t bad; /* frames that were dropped: what the device said of them makes no sense */
};

/* netpair_create: rings and their memory, known to the device as pair index, without interrupts;
 * vector is theirs. buffers: that the device has at first. Returns 0, -ENOMEM, -ENXIO: the device
 * has no such queues. Context: boot. */
MUST_CHECK int netpair_create(struct virtio_device *dev, unsigned index, uint16_t vector,
                              unsigned buffers, struct netpair **out);

/* netpair_receive, netpair_reuse, netpair_refill: see virtio_net_receive and so on. netpair_reuse:
 * false when there is no place for the page. */
bool netpair_receive(struct netpair *p, struct virtio_net_frame *f);
bool netpair_reuse(struct netpair *p, struct page *page);
void netpair_refill(struct netpair *p);

#endif
