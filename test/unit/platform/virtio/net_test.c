/* SPDX-License-Identifier: MIT */
// sources: platform/virtio/net.c platform/virtio/netpair.c platform/virtio/virtqueue.c
// sources: platform/irq.c
// fakes: virtio moncall pages cpu log clock
/* The network device with two pairs of queues: frames arrive whole in any number of buffers, what
 * is sent goes out by its flow, nothing that the device says is believed, and no page is lost. The
 * driver sets its device up once; the parts of the test follow each other on it. */
#include "platform/virtio/net.h"

#include <asm/errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <string.h>

#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/virtio/netpair.h"
#include "test/fake/clock.h"
#include "test/fake/pages.h"
#include "test/fake/virtio.h"
#include "test/unit/check.h"

#define HEADER_LEN sizeof(struct virtio_net_hdr_v1)
#define BIT(f) (1UL << VIRTIO_NET_F_##f)
#define CONTROL 4
#define FRAME_MAX 65549UL
#define RECEIVE(pair) (2U * (pair))
#define SEND(pair) (2U * (pair) + 1)

static struct virtio_net_info info;
static unsigned arrived, links, commands;
static bool link_up;
static uint8_t bytes[FRAME_MAX];

unsigned cpu_count(void)
{
    return 2;
}

int virtio_find(uint32_t id, unsigned nth, struct virtio_device *out)
{
    CHECK(id == VIRTIO_ID_NET && nth == 0);
    *out = fake_virtio.dev;
    return 0;
}

static void note_arrived(void)
{
    arrived++;
}

static void note_link(bool up)
{
    links++;
    link_up = up;
}

/* The control queue: a command, its argument, and where the answer goes. */
static void device_notified(unsigned queue)
{
    struct fake_buffer b[3];
    if (queue != CONTROL || fake_virtio_take_chain(CONTROL, b, 3) == 0) {
        return;
    }
    CHECK(b[0].len == 2 && b[0].data[0] == VIRTIO_NET_CTRL_MQ && !b[0].writable);
    CHECK(b[0].data[1] == VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET);
    CHECK(b[1].len == 2 && b[1].data[0] == 2 && b[1].data[1] == 0 && !b[1].writable);
    CHECK(b[2].len == 1 && b[2].writable);
    b[2].data[0] = VIRTIO_NET_OK;
    commands++;
    fake_virtio_give(CONTROL, b[0].id, 1);
}

static void set_status(uint8_t status)
{
    fake_virtio.config[offsetof(struct virtio_net_config, status)] = status;
}

__attribute__((constructor(1000))) static void start(void)
{
    static const struct virtio_net_hooks hooks = {note_arrived, note_link};
    struct virtio_net_config c = {.mac = {2, 3, 4, 5, 6, 7}, .max_virtqueue_pairs = 2, .mtu = 1400};
    uint64_t offered = BIT(MAC) | BIT(MTU) | BIT(STATUS) | BIT(CSUM) | BIT(GUEST_CSUM) |
                       BIT(HOST_TSO4) | BIT(GUEST_TSO4) | BIT(MRG_RXBUF) | BIT(CTRL_VQ) | BIT(MQ) |
                       1UL << VIRTIO_RING_F_EVENT_IDX | 1UL << VIRTIO_RING_F_INDIRECT_DESC;
    fake_virtio_reset(offered, CONTROL + 1);
    memcpy(fake_virtio.config, &c, 12);
    set_status(VIRTIO_NET_S_LINK_UP);
    fake_virtio.vectors = 2;
    fake_virtio.on_notify = device_notified;
    CHECK_EQ(virtio_net_start(4, &hooks, &info), 0);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)check_random();
    }
}

static void starts(void)
{
    CHECK(memcmp(info.mac, "\2\3\4\5\6\7", 6) == 0);
    CHECK(info.mtu == 1400 && info.pairs == 2 && info.link && info.checksum);
    CHECK(info.segment4 && !info.segment6);
    CHECK(fake_virtio.ready && commands == 1);
    CHECK(fake_virtio.queue[RECEIVE(0)]->vector == 1 && fake_virtio.queue[SEND(1)]->vector == 2);
    CHECK(cpu_this()->trap.pending == 0);
}

static uint16_t waiting(unsigned pair)
{
    return (uint16_t)(fake_virtio.queue[RECEIVE(pair)]->avail->idx -
                      fake_virtio.seen[RECEIVE(pair)]);
}

/* The device puts a frame into buffers of a pair, saying total and len of the last as it likes. */
static unsigned put_frame(unsigned pair, struct virtio_net_hdr_v1 h, size_t len)
{
    unsigned n = (unsigned)((len + HEADER_LEN + PAGE_SIZE - 1) / PAGE_SIZE);
    struct fake_buffer b[VIRTIO_NET_PARTS + 10];
    size_t done = 0;
    CHECK(waiting(pair) >= n && n < ARRAY_LEN(b));
    h.num_buffers = h.num_buffers != 0 ? h.num_buffers : (uint16_t)n;
    for (unsigned i = 0; i < n; i++) {
        size_t skip = i == 0 ? HEADER_LEN : 0;
        CHECK(fake_virtio_take(RECEIVE(pair), &b[i]) && b[i].writable && b[i].len == PAGE_SIZE);
        if (i == 0) {
            memcpy(b[i].data, &h, sizeof(h));
        }
        size_t part = min(len - done, PAGE_SIZE - skip);
        memcpy(b[i].data + skip, bytes + done, part);
        fake_virtio_give(RECEIVE(pair), b[i].id, (uint32_t)(part + skip));
        done += part;
    }
    return n;
}

static void check_frame(const struct virtio_net_frame *f, size_t len)
{
    size_t at = 0;
    CHECK_EQ(f->len, len);
    for (unsigned i = 0; i < f->n; i++) {
        const struct virtio_net_part *p = &f->part[i];
        CHECK(p->start + p->len <= (int)PAGE_SIZE);
        CHECK(memcmp((char *)pages_va(p->page) + p->start, bytes + at, p->len) == 0);
        at += p->len;
    }
    CHECK_EQ(at, len);
}

/* Some pages are kept, which the driver must do without, others are given back at once. */
static void done_with(struct virtio_net_frame *f)
{
    for (unsigned i = 0; i < f->n; i++) {
        if (check_below(2) == 0) {
            virtio_net_reuse(f->part[i].page);
        } else {
            pages_put(f->part[i].page);
        }
    }
}

static void frames(void)
{
    struct virtio_net_frame f;
    struct virtio_net_hdr_v1 h = {0};
    for (unsigned i = 0; i < 70000; i++) { /* indices wrap */
        size_t len = 14 + check_below(i % 50 == 0 ? FRAME_MAX - 14 : 1500);
        CHECK(!virtio_net_pending());
        put_frame((unsigned)check_below(2), h, len);
        CHECK(virtio_net_pending() && virtio_net_receive(&f));
        check_frame(&f, len);
        done_with(&f);
        CHECK(!virtio_net_receive(&f));
        virtio_net_refill();
    }
    CHECK_EQ(virtio_net_bad(), 0);
}

/* Frames that tell their pair and are a byte longer each. */
static void put_batch(unsigned pair, unsigned n)
{
    struct virtio_net_hdr_v1 h = {.gso_type = 1, .gso_size = (uint16_t)(1 + pair)};
    for (unsigned i = 0; i < n; i++) {
        put_frame(pair, h, 100 + i);
    }
}

/* Several frames before anybody looks, on both pairs: none is lost, each pair's in order. */
static void batches(void)
{
    struct virtio_net_frame f;
    for (unsigned i = 0; i < 2000; i++) {
        unsigned want[2] = {(unsigned)check_below(20), (unsigned)check_below(20)};
        unsigned next[2] = {0};
        put_batch(0, want[0]);
        put_batch(1, want[1]);
        while (virtio_net_receive(&f)) {
            unsigned pair = f.header.gso_size - 1;
            CHECK(pair < 2);
            check_frame(&f, 100 + next[pair]++);
            done_with(&f);
        }
        virtio_net_refill();
        CHECK(next[0] == want[0] && next[1] == want[1]);
    }
}

/* One lie a frame; a good frame behind it comes through. */
static void tell_lie(unsigned kind)
{
    struct fake_buffer b;
    struct virtio_net_hdr_v1 h = {0};
    switch (kind) {
    case 0: h.num_buffers = 2; break; /* of which one is there */
    case 1: h.num_buffers = VIRTIO_NET_PARTS + 1; break;
    case 2: h = (struct virtio_net_hdr_v1){.flags = 1, .csum_start = 99, .csum_offset = 0}; break;
    case 3:
        h = (struct virtio_net_hdr_v1){.flags = 1, .csum_start = 65535, .csum_offset = 65535};
        break;
    case 4: h.gso_type = VIRTIO_NET_HDR_GSO_TCPV4; break; /* without a size */
    default: break;
    }
    if (kind <= 4) {
        put_frame(0, h, 100);
        return;
    }
    CHECK(fake_virtio_take(RECEIVE(0), &b));
    memset(b.data, kind == 9 ? 0xff : 0, PAGE_SIZE); /* 5: no buffers; 9: 65,535 */
    b.data[10] = (char)(kind == 5 ? 0 : kind == 9 ? -1 : 1);
    static const uint32_t len[] = {100, 0, HEADER_LEN, HEADER_LEN + 13, UINT32_MAX};
    fake_virtio_give(RECEIVE(0), b.id, len[kind - 5]);
}

static void lies(void)
{
    struct virtio_net_frame f;
    uint64_t before = virtio_net_bad();
    for (unsigned kind = 0; kind < 10; kind++) {
        tell_lie(kind);
        CHECK(!virtio_net_receive(&f));
        CHECK_EQ(virtio_net_bad(), ++before);
        virtio_net_refill();
        put_frame(0, (struct virtio_net_hdr_v1){.flags = 1, .csum_start = 34, .csum_offset = 16},
                  100);
        CHECK(virtio_net_receive(&f));
        check_frame(&f, 100);
        done_with(&f);
        virtio_net_refill();
    }
    /* more buffers than a frame can have, all of which are there: each is a frame of its own */
    put_frame(0, (struct virtio_net_hdr_v1){.num_buffers = 30}, 100);
    for (unsigned i = 0; i < 29; i++) {
        put_frame(0, (struct virtio_net_hdr_v1){0}, 100);
    }
    unsigned good = 0;
    while (virtio_net_receive(&f)) {
        check_frame(&f, 100);
        done_with(&f);
        good++;
    }
    CHECK_EQ(good, 29);
    CHECK_EQ(virtio_net_bad(), ++before);
    virtio_net_refill();
    for (unsigned i = 0; i < 1000; i++) { /* elements that nobody gave */
        fake_virtio_give(RECEIVE(1), (uint32_t)check_random() | 0x8000, 100);
    }
    CHECK(virtio_net_pending() && !virtio_net_receive(&f) && !virtio_net_pending());
}

/* A length beyond the buffer is the buffer's. */
static void long_lie(void)
{
    struct virtio_net_frame f;
    struct fake_buffer b;
    CHECK(fake_virtio_take(RECEIVE(0), &b));
    memset(b.data, 0, PAGE_SIZE);
    b.data[10] = 1;
    fake_virtio_give(RECEIVE(0), b.id, 1000000);
    CHECK(virtio_net_receive(&f));
    CHECK(f.n == 1 && f.part[0].start == HEADER_LEN);
    CHECK_EQ(f.part[0].len, PAGE_SIZE - HEADER_LEN);
    done_with(&f);
    virtio_net_refill();
}

/* Without memory the device runs dry, and has as many as before, or more, when there is some again.
 * Returns how many. */
static unsigned run_dry(void)
{
    struct virtio_net_frame f;
    unsigned held = 0;
    struct page *hold[NETPAIR_RING];
    fake_pages_limit((unsigned long)fake_pages_in_use());
    while (waiting(0) != 0) {
        put_frame(0, (struct virtio_net_hdr_v1){0}, 60);
        CHECK(virtio_net_receive(&f) && f.n == 1);
        hold[held++] = f.part[0].page;
        virtio_net_refill();
    }
    fake_pages_limit(FAKE_RAM_FRAMES);
    virtio_net_refill();
    while (held != 0) {
        pages_put(hold[--held]);
    }
    return waiting(0);
}

/* What the device has beyond what it had at first stays its own: not within a test. */
__attribute__((constructor(1001))) static void grow(void)
{
    unsigned least = waiting(0);
    for (unsigned i = 0; i < 10; i++) {
        unsigned now = run_dry();
        CHECK(now >= least && now <= NETPAIR_RING);
        least = now;
    }
    CHECK_EQ(least, NETPAIR_RING);
}

static void dry(void)
{
    CHECK_EQ(run_dry(), NETPAIR_RING);
}

static unsigned char sending[256];

/* n pieces of one byte each; the first is the header. */
static int send(unsigned n, uint32_t cookie, unsigned flow, struct page *page)
{
    struct virtqueue_part parts[sizeof(sending)];
    for (unsigned i = 0; i < n; i++) {
        parts[i] = (struct virtqueue_part){{pages_pa(page).v + (i + cookie) % PAGE_SIZE}, 1};
    }
    return virtio_net_send(parts, n, cookie, flow);
}

static void sends(void)
{
    struct page *page = pages_alloc(0, PAGES_ZERO);
    struct fake_buffer b[sizeof(sending)];
    uint32_t cookie;
    for (uint32_t i = 0; i < 70000; i++) {
        unsigned flow = (unsigned)check_random();
        unsigned n = 1 + (unsigned)check_below(i % 10 == 0 ? 200 : 8);
        CHECK_EQ(send(n, i % 256, flow, page), 0);
        CHECK_EQ(fake_virtio_take_chain(SEND(1 - flow % 2), b, ARRAY_LEN(b)), 0);
        CHECK_EQ(fake_virtio_take_chain(SEND(flow % 2), b, ARRAY_LEN(b)), n);
        for (unsigned k = 0; k < n; k++) {
            CHECK(b[k].len == 1 && !b[k].writable);
            CHECK(b[k].data == (char *)pages_va(page) + k + i % 256);
        }
        CHECK(!virtio_net_sent(&cookie));
        fake_virtio_give(SEND(flow % 2), b[0].id, 0);
        CHECK(virtio_net_sent(&cookie) && cookie == i % 256);
    }
    pages_put(page);
}

/* The ring fills, by entries or by tables, and is whole again when all has been sent. */
static void fills(void)
{
    struct page *page = pages_alloc(0, PAGES_ZERO);
    struct fake_buffer b[sizeof(sending)];
    uint32_t cookie;
    for (unsigned n = 1; n < 200; n += n < 8 ? 1 : 37) {
        unsigned count = 0;
        while (send(n, count, 1, page) == 0) {
            count++;
        }
        CHECK(count >= NETPAIR_RING / n && count <= NETPAIR_RING);
        CHECK_EQ(send(NETPAIR_RING, 0, 1, page), -ENOSPC);
        CHECK_EQ(send(1, 0, 0, page), 0); /* the other pair has room */
        CHECK_EQ(fake_virtio_take_chain(SEND(0), b, 1), 1);
        fake_virtio_give(SEND(0), b[0].id, 0);
        CHECK(virtio_net_sent(&cookie) && cookie == 0);
        for (unsigned i = 0; i < count; i++) {
            CHECK_EQ(fake_virtio_take_chain(SEND(1), b, ARRAY_LEN(b)), n);
            fake_virtio_give(SEND(1), b[0].id, 0);
            CHECK(virtio_net_sent(&cookie) && cookie == i);
        }
        CHECK(fake_virtio.queue[SEND(1)]->nfree == NETPAIR_RING);
    }
    pages_put(page);
}

static void set_avail_event(unsigned queue, uint16_t event)
{
    const struct virtqueue *q = fake_virtio.queue[queue];
    *(uint16_t *)(void *)&q->used->ring[q->size] = event;
}

/* The device hears of a batch once, and not at all while it looks anyway. */
static void notifications(void)
{
    struct page *page = pages_alloc(0, PAGES_ZERO);
    struct fake_buffer b[2];
    uint32_t cookie;
    for (unsigned i = 0; i < 1000; i++) {
        bool looking = check_below(2) == 0;
        (void)virtio_net_flush(); /* of earlier parts */
        virtio_net_notify();
        unsigned before = fake_virtio.notified[SEND(0)];
        uint16_t seen = fake_virtio.seen[SEND(0)];
        unsigned n = 1 + (unsigned)check_below(5);
        set_avail_event(SEND(0), (uint16_t)(seen + (looking ? UINT16_MAX : check_below(n))));
        for (unsigned k = 0; k < n; k++) {
            CHECK_EQ(send(2, k, 2, page), 0);
        }
        CHECK_EQ(virtio_net_unflushed(), n);
        CHECK_EQ(virtio_net_flush(), !looking);
        CHECK_EQ(virtio_net_unflushed(), 0);
        virtio_net_notify();
        CHECK_EQ(fake_virtio.notified[SEND(0)], before + !looking);
        CHECK(!virtio_net_flush());
        for (unsigned k = 0; k < n; k++) {
            CHECK_EQ(fake_virtio_take_chain(SEND(0), b, 2), 2);
            fake_virtio_give(SEND(0), b[0].id, 0);
            CHECK(virtio_net_sent(&cookie));
        }
    }
    pages_put(page);
}

/* An interrupt for the next frame only; none while they are off; the link has its own. */
static void interrupts(void)
{
    struct virtio_net_frame f;
    (void)irq_poll();
    arrived = 0;
    for (unsigned i = 0; i < 200; i++) {
        unsigned pair = i / 2 % 2;
        bool on = i % 2 != 0;
        virtio_net_interrupts(on, false);
        CHECK(!virtio_net_pending());
        unsigned before = arrived;
        for (unsigned k = 0; k < 3; k++) {
            put_frame(pair, (struct virtio_net_hdr_v1){0}, 60);
            CHECK_EQ(irq_poll(), on && k == 0);
        }
        CHECK_EQ(arrived, before + on);
        while (virtio_net_receive(&f)) {
            done_with(&f);
        }
        virtio_net_refill();
    }
    CHECK_EQ(links, 0);
    set_status(0);
    fake_virtio_interrupt(0);
    CHECK(irq_poll() && links == 1 && !link_up);
    fake_virtio_interrupt(0);
    CHECK(irq_poll() && links == 1);
    set_status(VIRTIO_NET_S_LINK_UP);
    fake_virtio_interrupt(0);
    CHECK(irq_poll() && links == 2 && link_up);
    CHECK_EQ(arrived, 100);
}

TESTS(starts, frames, batches, lies, long_lie, sends, fills, notifications, interrupts, dry)
