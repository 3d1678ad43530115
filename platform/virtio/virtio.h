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
    /* A line of interrupts to CPU cpu, for queues that are added with q->vector set to the result
     * (1..); *gsi is for irq_register. Returns -ENOSPC when the device has no more than its one
     * line, which is vector 0 and dev->gsi. */
    int (*add_vector)(struct virtio_device *dev, unsigned cpu, unsigned *gsi);
    /* Entries that ring index may have; 0: there is none. */
    unsigned (*queue_max)(struct virtio_device *dev, unsigned index);
    /* Tell the device where ring index lies. Returns 0 or -ENXIO when the device has no such queue,
     * or none so long. */
    int (*add_queue)(struct virtio_device *dev, struct virtqueue *q, unsigned index);
    void (*ready)(struct virtio_device *dev); /* DRIVER_OK */
    void (*notify)(struct virtqueue *q);
    void (*acknowledge)(struct virtio_device *dev); /* the interrupt of dev->gsi has been seen */
    /* A field of the device's configuration: len 1, 2 or 4, as wide as the field. */
    uint32_t (*config)(struct virtio_device *dev, unsigned offset, unsigned len);
};

struct virtio_device {
    const struct virtio_transport *transport; /* [I] */
    volatile uint8_t *regs; /* [I] mapped registers */
    unsigned gsi; /* [I] interrupt line, of configuration changes, too */
    uint32_t id; /* [I] VIRTIO_ID_* */
    uint64_t features; /* negotiated */
    /* [I] More registers, of PCI devices. */
    volatile uint8_t *config_regs, *notify_regs, *vector_table;
    uint32_t config_len, notify_len, notify_step;
    uint16_t vectors, vectors_used;
};

/* virtio_find: the nth device (from 0) of type id: those that the command line names, then those on
 * PCI. Returns 0, -ENOENT when there is no such device. Context: boot. */
MUST_CHECK int virtio_find(uint32_t id, unsigned nth, struct virtio_device *out);

#endif
