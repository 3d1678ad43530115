/* SPDX-License-Identifier: MIT */
/* virtio network device: setting it up, its pairs of queues as one, interrupts.
 *
 * The device chooses the pair that a frame arrives on, by its flow; what is sent goes by the flow,
 * too. Where interrupts are messages each pair's go to a CPU of its own and the device's line tells
 * of changes only; elsewhere one line tells of everything, and an interrupt without a frame is
 * taken for a change. Source: VIRTIO 1.2, 5.1. */
#include "platform/virtio/net.h"

#include <asm/errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/pages.h"
#include "platform/virtio/netpair.h"

#define BUFFERS 128 /* pages that the device has at first, over all pairs, */
#define BUFFERS_LEAST 32 /* and each pair */
#define MTU_DEFAULT 1500
#define MTU_MIN 68 /* RFC 791 */
#define CONTROL_RING 4
#define CONTROL_PATIENCE_NS 1000000000UL
#define BIT(f) (1UL << VIRTIO_NET_F_##f)
#define CONFIG(field, len) \
    device.transport->config(&device, offsetof(struct virtio_net_config, field), len)

static struct virtio_device device; /* [I] once started */
static const struct virtio_net_hooks *hooks; /* [I] */
static struct netpair *pair[VIRTIO_NET_PAIRS]; /* [I] */
static unsigned npairs; /* [I] */
static bool own_vectors; /* [I] */
static bool link; /* the boot CPU's, whose interrupt it is */
static unsigned next_receive, next_sent; /* pairs that are looked at first */
static uint32_t to_notify; /* [A] bit per pair whose device side must hear of packets */

static bool has(uint64_t feature)
{
    return (device.features & feature) != 0;
}

static bool read_link(void)
{
    return !has(BIT(STATUS)) || (CONFIG(status, 2) & VIRTIO_NET_S_LINK_UP) != 0;
}

static void change(void)
{
    bool up = read_link();
    if (up != link) {
        link = up;
        hooks->link(up);
    }
}

/* The device's own line. */
static void interrupt(void *arg)
{
    (void)arg;
    device.transport->acknowledge(&device);
    if (own_vectors || !virtio_net_pending()) {
        change();
    }
    if (!own_vectors) {
        hooks->arrived();
    }
}

static void pair_interrupt(void *arg)
{
    (void)arg;
    hooks->arrived();
}

static int negotiate(void)
{
    uint64_t wanted = BIT(MAC) | BIT(MTU) | BIT(STATUS) | BIT(CSUM) | BIT(GUEST_CSUM) |
                      BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(GUEST_TSO4) | BIT(GUEST_TSO6) |
                      BIT(MRG_RXBUF) | BIT(CTRL_VQ) | BIT(MQ) | 1UL << VIRTIO_RING_F_EVENT_IDX |
                      1UL << VIRTIO_RING_F_INDIRECT_DESC;
    int err = device.transport->begin(&device, wanted);
    if (err == 0 && !has(BIT(MRG_RXBUF)) && has(BIT(GUEST_TSO4) | BIT(GUEST_TSO6))) {
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
    uint32_t mtu = has(BIT(MTU)) ? CONFIG(mtu, 2) : MTU_DEFAULT;
    out->mtu = (uint16_t)max(mtu, (uint32_t)MTU_MIN);
    out->checksum = has(BIT(CSUM));
    out->segment4 = out->checksum && has(BIT(HOST_TSO4));
    out->segment6 = out->checksum && has(BIT(HOST_TSO6));
    out->pairs = (uint8_t)npairs;
    out->link = link = read_link();
}

/* Where the device has a vector for each pair, and one more. */
static int add_vectors(uint16_t vector[VIRTIO_NET_PAIRS], unsigned n)
{
    unsigned gsi[VIRTIO_NET_PAIRS];
    for (unsigned i = 0; i < n; i++) {
        int v = device.transport->add_vector(&device, i % cpu_count(), &gsi[i]);
        if (v < 0) {
            memset(vector, 0, VIRTIO_NET_PAIRS * sizeof(*vector));
            return 0;
        }
        vector[i] = (uint16_t)v;
    }
    own_vectors = true;
    for (unsigned i = 0; i < n; i++) {
        int err = irq_register(gsi[i], pair_interrupt, NULL);
        if (err != 0) {
            return err;
        }
    }
    return 0;
}

static int add_pairs(unsigned n)
{
    uint16_t vector[VIRTIO_NET_PAIRS] = {0};
    int err = add_vectors(vector, n);
    unsigned buffers = max(BUFFERS / n, (unsigned)BUFFERS_LEAST);
    for (unsigned i = 0; err == 0 && i < n; i++) {
        err = netpair_create(&device, i, vector[i], buffers, &pair[i]);
    }
    npairs = n;
    return err;
}

/* The commands of the control queue, of which there is one. */
struct control {
    struct virtio_net_ctrl_hdr head;
    struct virtio_net_ctrl_mq mq;
    virtio_net_ctrl_ack ack;
};

static bool control_wait(struct virtqueue *q)
{
    uint32_t cookie;
    uint32_t len;
    uint64_t end = clock_ns() + CONTROL_PATIENCE_NS;
    virtqueue_kick(q);
    while (!virtqueue_reap(q, &cookie, &len)) {
        if (clock_ns() > end) {
            return false;
        }
    }
    return true;
}

/* Tell the device to use all pairs. Its queue is used this once; the page stays the device's. */
static bool use_pairs(struct virtqueue *q, struct page *page)
{
    size_t at = align_up(virtqueue_bytes(q->size), 16);
    struct control *c = (struct control *)(void *)((char *)pages_va(page) + at);
    uint64_t pa = pages_pa(page).v + at;
    c->head = (struct virtio_net_ctrl_hdr){VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET};
    c->mq.virtqueue_pairs = (uint16_t)npairs;
    c->ack = VIRTIO_NET_ERR;
    const struct virtqueue_part command[] = {
        {{pa + offsetof(struct control, head)}, sizeof(c->head)},
        {{pa + offsetof(struct control, mq)}, sizeof(c->mq)},
        {{pa + offsetof(struct control, ack)}, sizeof(c->ack)},
    };
    if (virtqueue_add_both(q, command, 2, 1, 0) != 0 || !control_wait(q)) {
        return false;
    }
    return *(volatile virtio_net_ctrl_ack *)&c->ack == VIRTIO_NET_OK;
}

static int add_control(struct virtqueue *q, struct page **page, unsigned index)
{
    *page = pages_alloc(0, PAGES_ZERO | PAGES_RESERVE);
    if (*page == NULL) {
        return -ENOMEM;
    }
    virtqueue_init(q, CONTROL_RING, pages_va(*page), pages_pa(*page));
    q->event_index = has(1UL << VIRTIO_RING_F_EVENT_IDX);
    virtqueue_interrupts(q, false);
    return device.transport->add_queue(&device, q, index);
}

static int set_up(unsigned wanted)
{
    static struct virtqueue control;
    struct page *page = NULL;
    unsigned most = has(BIT(MQ)) && has(BIT(CTRL_VQ)) ? CONFIG(max_virtqueue_pairs, 2) : 1;
    unsigned n = max(min(min(wanted, most), (unsigned)VIRTIO_NET_PAIRS), 1U);
    int err = add_pairs(n);
    if (err == 0 && n > 1) {
        err = add_control(&control, &page, 2 * most);
    }
    err = err != 0 ? err : irq_register(device.gsi, interrupt, NULL);
    if (err != 0) {
        return err;
    }
    device.transport->ready(&device);
    if (n > 1 && !use_pairs(&control, page)) {
        log(DEV, WARN, "network device: it does not use more than one pair of queues");
        npairs = 1; /* nothing comes on the others, and nothing is sent there */
    }
    return 0;
}

int virtio_net_start(unsigned pairs, const struct virtio_net_hooks *the_hooks,
                     struct virtio_net_info *out)
{
    int err = virtio_find(VIRTIO_ID_NET, 0, &device);
    if (err != 0) {
        return -ENODEV;
    }
    hooks = the_hooks;
    err = negotiate();
    err = err != 0 ? err : set_up(pairs);
    if (err != 0) {
        return err;
    }
    read_config(out);
    virtio_net_refill();
    return 0;
}

static unsigned following(unsigned i)
{
    return i + 1 < npairs ? i + 1 : 0;
}

bool virtio_net_receive(struct virtio_net_frame *f)
{
    for (unsigned i = 0; i < npairs; i++) {
        if (netpair_receive(pair[next_receive], f)) {
            return true;
        }
        next_receive = following(next_receive);
    }
    return false;
}

void virtio_net_reuse(struct page *page)
{
    if (!netpair_reuse(pair[next_receive], page)) {
        pages_put(page);
    }
}

/* The next batch begins with another pair, so that none waits for the others to be empty. */
void virtio_net_refill(void)
{
    for (unsigned i = 0; i < npairs; i++) {
        netpair_refill(pair[i]);
    }
    next_receive = following(next_receive);
}

uint64_t virtio_net_bad(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < npairs; i++) {
        sum += pair[i]->bad;
    }
    return sum;
}

int virtio_net_send(const struct virtqueue_part *parts, unsigned n, uint32_t cookie, unsigned flow)
{
    return virtqueue_add_parts(&pair[flow % npairs]->send, parts, n, cookie);
}

bool virtio_net_sent(uint32_t *cookie)
{
    uint32_t len;
    for (unsigned i = 0; i < npairs; i++) {
        if (virtqueue_reap(&pair[next_sent]->send, cookie, &len)) {
            return true;
        }
        next_sent = following(next_sent);
    }
    return false;
}

static unsigned unflushed(const struct virtqueue *q)
{
    return (uint16_t)(q->avail_idx - q->kicked_idx);
}

unsigned virtio_net_unflushed(void)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < npairs; i++) {
        sum += unflushed(&pair[i]->send);
    }
    return sum;
}

bool virtio_net_flush(void)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < npairs; i++) {
        struct virtqueue *q = &pair[i]->send;
        if (unflushed(q) != 0 && virtqueue_wants_kick(q)) {
            mask |= 1U << i;
        }
    }
    if (mask != 0) {
        __atomic_fetch_or(&to_notify, mask, __ATOMIC_RELAXED);
    }
    return mask != 0;
}

/* Another CPU may do it for us, and we for it. */
void virtio_net_notify(void)
{
    uint32_t mask = __atomic_exchange_n(&to_notify, 0, __ATOMIC_RELAXED);
    for (; mask != 0; mask &= mask - 1) {
        device.transport->notify(&pair[__builtin_ctz(mask)]->send);
    }
}

bool virtio_net_pending(void)
{
    for (unsigned i = 0; i < npairs; i++) {
        if (virtqueue_pending(&pair[i]->receive)) {
            return true;
        }
    }
    return false;
}

void virtio_net_interrupts(bool on, bool send)
{
    for (unsigned i = 0; i < npairs; i++) {
        virtqueue_interrupts(&pair[i]->receive, on);
        virtqueue_interrupts(&pair[i]->send, on && send);
    }
}
