/* SPDX-License-Identifier: MIT */
/* The device's side of a virtio transport: what a test's device sees of the driver's rings. */
#ifndef TEST_FAKE_VIRTIO_H
#define TEST_FAKE_VIRTIO_H

#include "platform/virtio/virtio.h"
#include "platform/virtio/virtqueue.h"

#define FAKE_QUEUES 20
#define FAKE_GSI 5 /* vectors that a driver asks for have the following ones */
#define FAKE_CONFIG_LEN 16

struct fake_virtio {
    struct virtio_device dev; /* for the driver; transport and gsi are set up */
    uint64_t offered; /* features */
    unsigned queues; /* how many the device has */
    struct virtqueue *queue[FAKE_QUEUES]; /* NULL: not added */
    uint16_t seen[FAKE_QUEUES]; /* available entries taken */
    unsigned notified[FAKE_QUEUES], acknowledged;
    unsigned vectors, nvectors; /* how many a driver may ask for, and has */
    uint8_t config[FAKE_CONFIG_LEN];
    bool begun, ready;
    void (*on_notify)(unsigned queue); /* NULL: nothing happens */
};
extern struct fake_virtio fake_virtio;

struct fake_buffer {
    uint32_t id;
    char *data;
    uint32_t len;
    bool writable;
};

/* fake_virtio_reset: a fresh device. */
void fake_virtio_reset(uint64_t offered, unsigned queues);

/* fake_virtio_take: the next buffer that the driver made available; false: none.
 * fake_virtio_take_chain: one of up to max pieces, which lie in the ring or in a table of their
 * own; returns how many, 0: none. */
bool fake_virtio_take(unsigned queue, struct fake_buffer *out);
unsigned fake_virtio_take_chain(unsigned queue, struct fake_buffer *out, unsigned max);

/* fake_virtio_give: put an element on the used ring (id need not be sane) and interrupt if the
 * driver wants that. fake_virtio_interrupt: in any case. */
void fake_virtio_give(unsigned queue, uint32_t id, uint32_t len);
void fake_virtio_interrupt(unsigned vector);

#endif
