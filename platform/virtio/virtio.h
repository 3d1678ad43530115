/* SPDX-License-Identifier: MIT */
/* The contract between virtio devices' drivers and the transport that reaches them. */
#ifndef PLATFORM_VIRTIO_VIRTIO_H
#define PLATFORM_VIRTIO_VIRTIO_H

#include "kernel/base/base.h"

struct virtqueue;
struct virtio_device;

/* How a transport does what every driver needs. No member is NULL. */
struct virtio_transport {
    /* Reset, acknowledge and negotiate: wanted & offered, VIRTIO_F_VERSION_1 required. Returns 0 or
     * -ENODEV (the device does not agree). */
    int (*begin)(struct virtio_device *dev, uint64_t wanted);
    /* Tell the device where ring index lies; shrinks q->size to what the device can. Returns 0 or
     * -ENXIO when the device has no such queue. */
    int (*add_queue)(struct virtio_device *dev, struct virtqueue *q, unsigned index);
    void (*ready)(struct virtio_device *dev); /* DRIVER_OK */
    void (*notify)(struct virtio_device *dev, unsigned index);
    void (*acknowledge)(struct virtio_device *dev); /* the interrupt has been seen */
    uint32_t (*config32)(struct virtio_device *dev, unsigned offset);
};

struct virtio_device {
    const struct virtio_transport *transport; /* [I] */
    volatile uint8_t *regs; /* [I] mapped registers */
    unsigned gsi; /* [I] interrupt line */
    uint32_t id; /* [I] VIRTIO_ID_* */
    uint64_t features; /* negotiated */
};

#endif
