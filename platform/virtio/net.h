/* SPDX-License-Identifier: MIT */
/* virtio network device. Who calls serialises: all but virtio_net_notify, _pending and _unflushed
 * is for one caller at a time. The device may have several pairs of queues; frames of one flow go
 * the same way. */
#ifndef PLATFORM_VIRTIO_NET_H
#define PLATFORM_VIRTIO_NET_H

#include <linux/virtio_net.h>

#include "kernel/base/base.h"
#include "platform/virtio/virtqueue.h"

#define VIRTIO_NET_PAIRS 8 /* at most */

struct page;

struct virtio_net_info {
    uint8_t mac[6];
    uint16_t mtu; /* 1500 when the device does not say */
    bool checksum; /* it fills in checksums of what is sent */
    bool segment4, segment6; /* it cuts TCP segments that are longer than the MTU allows */
    bool link; /* the cable is in */
    uint8_t pairs; /* of queues that are used */
};

/* What the driver tells; both are called from irq_poll and neither is NULL. */
struct virtio_net_hooks {
    void (*arrived)(void); /* a frame may have arrived or been sent */
    void (*link)(bool up); /* it changed */
};

/* virtio_net_start: find the device and set it up, with up to pairs of queues, whose interrupts go
 * to as many CPUs if the device can do that. Returns 0, -ENODEV when there is none, another
 * errno. */
MUST_CHECK int virtio_net_start(unsigned pairs, const struct virtio_net_hooks *hooks,
                                struct virtio_net_info *out);

/* A received frame: bytes [start, start + len) of each page; the header in front of the first part
 * is cut off. What the header says is about bytes that the frame has. */
#define VIRTIO_NET_PARTS 20
struct virtio_net_frame {
    struct virtio_net_hdr_v1 header;
    unsigned n; /* parts */
    struct virtio_net_part {
        struct page *page;
        uint16_t start, len;
    } part[VIRTIO_NET_PARTS];
    size_t len; /* sum, at least an Ethernet header */
};

/* virtio_net_receive: the next frame that has arrived, whose pages (with a reference each) are the
 * caller's. Returns false when there is none. virtio_net_reuse: a page is not needed after all: it
 * is given to the device again. virtio_net_refill: give the device pages for those taken; once
 * after a batch. */
bool virtio_net_receive(struct virtio_net_frame *f);
void virtio_net_reuse(struct page *page);
void virtio_net_refill(void);

/* virtio_net_bad: frames that were dropped because the device said nonsense of them. */
uint64_t virtio_net_bad(void);

/* virtio_net_send: n pieces, the first of which begins with a struct virtio_net_hdr_v1. They belong
 * to the device until virtio_net_sent returns cookie. flow: any number that a flow's frames share.
 * Returns 0 or -ENOSPC. */
MUST_CHECK int virtio_net_send(const struct virtqueue_part *parts, unsigned n, uint32_t cookie,
                               unsigned flow);
bool virtio_net_sent(uint32_t *cookie);

/* virtio_net_unflushed: sent packets that the device may not know of; a hint without the lock.
 * virtio_net_flush: the device must hear of them: call virtio_net_notify. */
unsigned virtio_net_unflushed(void);
bool virtio_net_flush(void);
void virtio_net_notify(void);

/* virtio_net_pending: a frame has arrived that was not received. Any CPU, no lock. */
bool virtio_net_pending(void);

/* virtio_net_interrupts: whether arrived is called for the next frame; when on, for the next one
 * only, and not for what has come: look at virtio_net_pending afterwards. send: also once something
 * was sent. */
void virtio_net_interrupts(bool on, bool send);

#define VIRTIO_NET_SLOTS 256 /* cookies are below */

#endif
