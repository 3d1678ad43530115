/* SPDX-License-Identifier: MIT */
// sources: platform/virtio/virtqueue.c
// fakes: log
/* Fuzz target of the ring: the input is what driver and device do by turns, and the device may
 * write anything into the memory that it shares. The driver must get back each of its buffers at
 * most once, and never one that it did not give. */
#include "platform/virtio/virtqueue.h"

#include <asm/errno.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 8
#define PA 0x5000000UL

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned notified;

static void notify(struct virtqueue *q)
{
    (void)q;
    notified++;
}

static const struct virtio_transport transport = {.notify = notify};

static void require(bool ok)
{
    if (!ok) {
        abort();
    }
}

/* The driver's memory of what it gave: a number of its own for each buffer. */
struct driver {
    struct virtqueue q;
    bool given[256];
    uint8_t entries[256]; /* of the ring that it takes */
    unsigned out; /* entries */
    uint8_t next;
};

static void add(struct driver *d, bool writable)
{
    if (d->given[d->next]) {
        return; /* still there from 256 buffers ago: the device does not give it back */
    }
    int err = virtqueue_add(&d->q, (struct pa){PA + d->next * 64UL}, 64, writable, d->next);
    require(err == (d->out == SIZE ? -ENOSPC : 0));
    if (err == 0) {
        d->entries[d->next] = 1;
        d->given[d->next++] = true;
        d->out++;
    }
}

/* A buffer of 1 to 8 pieces, in the ring or in a table. */
static void add_parts(struct driver *d, unsigned n)
{
    struct virtqueue_part parts[8];
    if (d->given[d->next]) {
        return;
    }
    for (unsigned i = 0; i < n; i++) {
        parts[i] = (struct virtqueue_part){{PA + d->next * 64UL + i}, 1};
    }
    unsigned before = d->q.nfree;
    int err = virtqueue_add_parts(&d->q, parts, n, d->next);
    unsigned taken = before - d->q.nfree;
    require(err == 0 ? taken == n || (taken == 1 && n > 4) : err == -ENOSPC && taken == 0);
    require(err == 0 || before < n);
    if (err == 0) {
        d->entries[d->next] = (uint8_t)taken;
        d->given[d->next++] = true;
        d->out += taken;
    }
}

static void reap(struct driver *d)
{
    uint32_t cookie = UINT32_MAX;
    uint32_t len;
    if (virtqueue_reap(&d->q, &cookie, &len)) {
        require(cookie < 256 && d->given[cookie]);
        d->given[cookie] = false;
        d->out -= d->entries[cookie];
    }
}

/* Two bytes a step: what, and with what. */
static void step(struct driver *d, uint8_t *ring, size_t len, const uint8_t *in)
{
    uint16_t used = d->q.used->idx;
    switch (in[0] % 8) {
    case 0: add(d, in[1] & 1); break;
    case 1: add_parts(d, 1 + in[1] % 8); break;
    case 2: virtqueue_interrupts(&d->q, in[1] & 1); break;
    case 3: reap(d); break;
    case 4: virtqueue_kick(&d->q); break;
    case 5: /* a used entry of a buffer that may be in flight */
        d->q.used->ring[used % SIZE] = (struct vring_used_elem){in[1] % (SIZE + 1), in[1]};
        d->q.used->idx++;
        break;
    case 6: ring[(in[0] / 8 * 256UL + in[1]) % len] = (uint8_t)(in[1] * 7 + in[0]); break;
    default: ring[in[1] % len] = 0xff; break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct virtio_device dev = {.transport = &transport};
    size_t len = virtqueue_bytes(SIZE);
    struct driver *d = calloc(1, sizeof(*d)); /* the sanitizer guards their ends */
    uint8_t *ring = aligned_alloc(16, align_up(len, 16));
    memset(ring, 0, align_up(len, 16));
    virtqueue_init(&d->q, SIZE, ring, (struct pa){PA});
    d->q.dev = &dev;
    struct vring_desc *tables = aligned_alloc(16, VIRTQUEUE_TABLES_BYTES);
    d->q.event_index = size != 0 && (data[0] & 1) != 0;
    if (size != 0 && (data[0] & 2) != 0) {
        virtqueue_use_tables(&d->q, tables, (struct pa){2 * PA});
    }
    for (size_t i = 0; i + 1 < size; i += 2) {
        step(d, ring, len, data + i);
        require(d->q.nfree == SIZE - d->out);
    }
    free(tables);
    free(ring);
    free(d);
    return 0;
}
