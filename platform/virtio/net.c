/* SPDX-License-Identifier: MIT */
/* virtio network device: one pair of queues. A receive buffer is a page of its own, which the frame
 * takes along: what comes is not copied. Whatever the device writes is checked: lengths, ids, and
 * how many buffers a frame has. Source: VIRTIO 1.2, 5.1. */
#include "platform/virtio/net.h"

#include <asm/errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "platform/irq.h"
#include "platform/pages.h"

#define RECEIVE_QUEUE 0
#define SEND_QUEUE 1
#define RING_SIZE 256
#define RING_ORDER 1 /* two pages */
#define RECEIVE_BUFFERS 128 /* pages that the device has */
#define HEADER_LEN sizeof(struct virtio_net_hdr_v1)
#define MTU_DEFAULT 1500
#define MTU_MIN 68 /* RFC 791 */
#define BIT(f) (1UL << VIRTIO_NET_F_##f)

static struct virtio_device device; /* [I] once started */
static bool mergeable; /* [I] */
static void (*arrived_hook)(void); /* [I] */
static struct virtqueue receive_queue, send_queue;
static struct page *buffers[RING_SIZE]; /* by cookie: what the device has */
static uint16_t free_slots[RING_SIZE]; /* cookies without a buffer */
static unsigned nfree_slots;

static void interrupt(void *arg)
{
    (void)arg;
    device.transport->acknowledge(&device);
    arrived_hook();
}

static int add_queue(struct virtqueue *q, unsigned index)
{
    struct page *ring = pages_alloc(RING_ORDER, PAGES_ZERO | PAGES_RESERVE);
    if (ring == NULL) {
        return -ENOMEM;
    }
    virtqueue_init(q, RING_SIZE, pages_va(ring), pages_pa(ring));
    q->event_index = (device.features >> VIRTIO_RING_F_EVENT_IDX & 1) != 0;
    virtqueue_interrupts(q, false);
    return device.transport->add_queue(&device, q, index);
}

static bool has(uint64_t feature)
{
    return (device.features & feature) != 0;
}

static int negotiate(void)
{
    uint64_t wanted = BIT(MAC) | BIT(MTU) | BIT(CSUM) | BIT(GUEST_CSUM) | BIT(HOST_TSO4) |
                      BIT(HOST_TSO6) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(MRG_RXBUF) |
                      1UL << VIRTIO_RING_F_EVENT_IDX;
    int err = device.transport->begin(&device, wanted);
    mergeable = has(BIT(MRG_RXBUF));
    if (err == 0 && !mergeable && has(BIT(GUEST_TSO4) | BIT(GUEST_TSO6))) {
        /* long frames would need buffers of 64 KiB */
        err = device.transport->begin(&device, wanted & ~(BIT(GUEST_TSO4) | BIT(GUEST_TSO6)));
    }
    return err;
}

static void read_config(struct virtio_net_info *out)
{
    static const uint8_t local[] = {0x02, 0x55, 0x44, 0x00, 0x00, 0x01};
    memcpy(out->mac, local, sizeof(local));
    for (unsigned i = 0; has(BIT(MAC)) && i < sizeof(out->mac); i += 2) {
        uint32_t two = device.transport->config(&device, i, 2);
        out->mac[i] = (uint8_t)two;
        out->mac[i + 1] = (uint8_t)(two >> 8);
    }
    uint32_t mtu = MTU_DEFAULT;
    if (has(BIT(MTU))) {
        mtu = device.transport->config(&device, offsetof(struct virtio_net_config, mtu), 2);
    }
    out->mtu = (uint16_t)max(mtu, (uint32_t)MTU_MIN);
    out->checksum = has(BIT(CSUM));
    out->segment4 = out->checksum && has(BIT(HOST_TSO4));
    out->segment6 = out->checksum && has(BIT(HOST_TSO6));
}

int virtio_net_start(void (*arrived)(void), struct virtio_net_info *out)
{
    int err = virtio_find(VIRTIO_ID_NET, 0, &device);
    if (err != 0) {
        return -ENODEV;
    }
    arrived_hook = arrived;
    err = negotiate();
    err = err != 0 ? err : add_queue(&receive_queue, RECEIVE_QUEUE);
    err = err != 0 ? err : add_queue(&send_queue, SEND_QUEUE);
    err = err != 0 ? err : irq_register(device.gsi, interrupt, NULL);
    if (err != 0) {
        return err;
    }
    read_config(out);
    while (nfree_slots < RECEIVE_BUFFERS) {
        free_slots[nfree_slots] = (uint16_t)nfree_slots;
        nfree_slots++;
    }
    device.transport->ready(&device);
    virtio_net_refill();
    return 0;
}

/* Returns false when the ring is full, which it cannot be. */
static bool post(struct page *page)
{
    uint16_t slot = free_slots[nfree_slots - 1];
    if (virtqueue_add(&receive_queue, pages_pa(page), PAGE_SIZE, true, slot) != 0) {
        return false;
    }
    nfree_slots--;
    buffers[slot] = page;
    return true;
}

void virtio_net_reuse(struct page *page)
{
    if (nfree_slots == 0 || !post(page)) {
        pages_put(page);
    }
}

/* Without memory the device has fewer buffers, until the next batch. */
void virtio_net_refill(void)
{
    while (nfree_slots != 0) {
        struct page *page = pages_alloc(0, 0);
        if (page == NULL) {
            break;
        }
        if (!post(page)) {
            pages_put(page);
            break;
        }
    }
    virtqueue_kick(&receive_queue);
}

/* One used buffer. Returns its page, NULL when there is none. */
static struct page *take(uint32_t *len)
{
    uint32_t slot;
    if (!virtqueue_reap(&receive_queue, &slot, len)) {
        return NULL;
    }
    free_slots[nfree_slots++] = (uint16_t)slot;
    *len = min(*len, (uint32_t)PAGE_SIZE);
    return buffers[slot];
}

static void drop(struct virtio_net_frame *f)
{
    for (unsigned i = 0; i < f->n; i++) {
        virtio_net_reuse(f->part[i].page);
    }
}

/* The other buffers of a frame. Returns false when the device has not given them all. */
static bool take_rest(struct virtio_net_frame *f, unsigned total)
{
    while (f->n < total) {
        uint32_t len;
        struct page *page = take(&len);
        if (page == NULL) {
            return false;
        }
        f->part[f->n++] = (struct virtio_net_part){page, 0, (uint16_t)len};
        f->len += len;
    }
    return true;
}

bool virtio_net_receive(struct virtio_net_frame *f)
{
    for (;;) {
        uint32_t len;
        struct page *page = take(&len);
        if (page == NULL) {
            return false;
        }
        f->n = 1;
        f->header = *(const struct virtio_net_hdr_v1 *)pages_va(page);
        f->part[0] = (struct virtio_net_part){page, HEADER_LEN, 0};
        unsigned total = mergeable ? f->header.num_buffers : 1;
        if (len > HEADER_LEN && total >= 1 && total <= VIRTIO_NET_PARTS) {
            f->len = len - HEADER_LEN;
            f->part[0].len = (uint16_t)f->len;
            if (take_rest(f, total)) {
                return true;
            }
        }
        log(DEV, INFO, "network: a frame of %u bytes in %u buffers is dropped", len, total);
        drop(f);
    }
}

int virtio_net_send(const struct virtqueue_part *parts, unsigned n, uint32_t cookie)
{
    return virtqueue_add_parts(&send_queue, parts, n, cookie);
}

bool virtio_net_sent(uint32_t *cookie)
{
    uint32_t len;
    return virtqueue_reap(&send_queue, cookie, &len);
}

unsigned virtio_net_unflushed(void)
{
    return (uint16_t)(send_queue.avail_idx - send_queue.kicked_idx);
}

bool virtio_net_flush(void)
{
    return virtio_net_unflushed() != 0 && virtqueue_wants_kick(&send_queue);
}

void virtio_net_notify(void)
{
    device.transport->notify(&send_queue);
}

bool virtio_net_pending(void)
{
    return virtqueue_pending(&receive_queue);
}

void virtio_net_interrupts(bool on, bool send)
{
    virtqueue_interrupts(&receive_queue, on);
    virtqueue_interrupts(&send_queue, on && send);
}
