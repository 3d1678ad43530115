/* SPDX-License-Identifier: MIT */
// fakes: pages cpu log
/* See virtio.h. The device checks what the driver may get wrong: descriptors, order, states. */
#include "test/fake/virtio.h"

#include <asm/errno.h>
#include <linux/virtio_config.h>
#include <string.h>

#include "kernel/base/print.h"
#include "platform/cpu.h"
#include "platform/pages.h"

struct fake_virtio fake_virtio;

static int begin(struct virtio_device *dev, uint64_t wanted)
{
    assert(!fake_virtio.begun);
    wanted |= 1UL << VIRTIO_F_VERSION_1;
    dev->features = fake_virtio.dev.features = wanted & fake_virtio.offered;
    fake_virtio.begun = true;
    return (dev->features >> VIRTIO_F_VERSION_1 & 1) != 0 ? 0 : -ENODEV;
}

static int add_vector(struct virtio_device *dev, unsigned cpu, unsigned *gsi)
{
    (void)dev, (void)cpu;
    if (fake_virtio.nvectors == fake_virtio.vectors) {
        return -ENOSPC;
    }
    *gsi = FAKE_GSI + ++fake_virtio.nvectors;
    return (int)fake_virtio.nvectors;
}

static unsigned queue_max(struct virtio_device *dev, unsigned index)
{
    (void)dev;
    return index < fake_virtio.queues ? VIRTQUEUE_MAX : 0;
}

static int add_queue(struct virtio_device *dev, struct virtqueue *q, unsigned index)
{
    assert(fake_virtio.begun && !fake_virtio.ready && q->vector <= fake_virtio.nvectors);
    if (index >= fake_virtio.queues) {
        return -ENXIO;
    }
    assert(fake_virtio.queue[index] == NULL && q->size != 0 && (q->size & (q->size - 1)) == 0);
    assert(pages_map(q->pa) == (void *)q->desc && is_aligned(q->pa.v, 16));
    assert(pages_map(virtqueue_avail_pa(q)) == (void *)q->avail);
    assert(pages_map(virtqueue_used_pa(q)) == (void *)q->used &&
           is_aligned(virtqueue_used_pa(q).v, 4));
    q->dev = dev;
    q->index = index;
    fake_virtio.queue[index] = q;
    return 0;
}

static void ready(struct virtio_device *dev)
{
    (void)dev;
    fake_virtio.ready = true;
}

static void notify(struct virtqueue *q)
{
    unsigned index = q->index;
    assert(fake_virtio.ready && fake_virtio.queue[index] == q);
    fake_virtio.notified[index]++;
    if (fake_virtio.on_notify != NULL) {
        fake_virtio.on_notify(index);
    }
}

static void acknowledge(struct virtio_device *dev)
{
    (void)dev;
    fake_virtio.acknowledged++;
}

static uint32_t config(struct virtio_device *dev, unsigned offset, unsigned len)
{
    uint32_t value = 0;
    (void)dev;
    assert((len == 1 || len == 2 || len == 4) && offset + len <= FAKE_CONFIG_LEN);
    memcpy(&value, fake_virtio.config + offset, len);
    return value;
}

static const struct virtio_transport transport = {
    .begin = begin,
    .add_vector = add_vector,
    .queue_max = queue_max,
    .add_queue = add_queue,
    .ready = ready,
    .notify = notify,
    .acknowledge = acknowledge,
    .config = config,
};

void fake_virtio_reset(uint64_t offered, unsigned queues)
{
    memset(&fake_virtio, 0, sizeof(fake_virtio));
    fake_virtio.offered = offered | 1UL << VIRTIO_F_VERSION_1;
    fake_virtio.queues = queues;
    fake_virtio.dev.transport = &transport;
    fake_virtio.dev.gsi = FAKE_GSI;
}

static struct fake_buffer buffer_of(const struct vring_desc *d, uint32_t id)
{
    assert(d->len != 0);
    return (struct fake_buffer){id, pages_map((struct pa){d->addr}), d->len,
                                (d->flags & VRING_DESC_F_WRITE) != 0};
}

unsigned fake_virtio_take_chain(unsigned queue, struct fake_buffer *out, unsigned max)
{
    const struct virtqueue *q = fake_virtio.queue[queue];
    if (q == NULL || q->avail->idx == fake_virtio.seen[queue]) {
        return 0;
    }
    assert((uint16_t)(q->avail->idx - fake_virtio.seen[queue]) <= q->size);
    uint16_t id = q->avail->ring[fake_virtio.seen[queue]++ % q->size];
    const struct vring_desc *table = q->desc;
    unsigned len = q->size;
    uint16_t at = id;
    assert(id < q->size);
    if ((table[id].flags & VRING_DESC_F_INDIRECT) != 0) {
        assert((fake_virtio.dev.features >> VIRTIO_RING_F_INDIRECT_DESC & 1) != 0);
        assert(table[id].flags == VRING_DESC_F_INDIRECT && table[id].len % sizeof(*table) == 0);
        len = table[id].len / (unsigned)sizeof(*table);
        table = pages_map((struct pa){table[id].addr});
        at = 0;
    }
    unsigned n = 0;
    for (;; at = table[at].next) {
        assert(at < len && n < max && (table[at].flags & VRING_DESC_F_INDIRECT) == 0);
        out[n++] = buffer_of(&table[at], id);
        if ((table[at].flags & VRING_DESC_F_NEXT) == 0) {
            return n;
        }
    }
}

bool fake_virtio_take(unsigned queue, struct fake_buffer *out)
{
    return fake_virtio_take_chain(queue, out, 1) == 1;
}

static bool wants_interrupt(const struct virtqueue *q, uint16_t old)
{
    if (q->event_index) {
        return vring_need_event(q->avail->ring[q->size], q->used->idx, old) != 0;
    }
    return (q->avail->flags & VRING_AVAIL_F_NO_INTERRUPT) == 0;
}

void fake_virtio_give(unsigned queue, uint32_t id, uint32_t len)
{
    const struct virtqueue *q = fake_virtio.queue[queue];
    uint16_t old = q->used->idx;
    q->used->ring[old % q->size] = (struct vring_used_elem){id, len};
    q->used->idx++;
    if (wants_interrupt(q, old)) {
        fake_virtio_interrupt(q->vector);
    }
}

void fake_virtio_interrupt(unsigned vector)
{
    cpu_this()->trap.pending |= 1UL << (PENDING_GSI0 + FAKE_GSI + vector);
}
