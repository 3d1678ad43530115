/* SPDX-License-Identifier: MIT */
// sources: platform/virtio/virtqueue.c
// fakes: virtio
/* The ring against a device that completes buffers in any order and, in the end, lies. */
#include "platform/virtio/virtqueue.h"

#include <asm/errno.h>
#include <string.h>

#include "platform/cpu.h"
#include "test/fake/pages.h"
#include "test/fake/virtio.h"
#include "test/unit/check.h"

#define SIZE 16
#define QUEUE 3

static struct virtqueue q;
static struct page *ring_page;
static uint32_t model_cookie[SIZE]; /* by descriptor */
static bool with_device[SIZE];
static struct fake_buffer held[SIZE];
static unsigned nheld, outstanding;

static void start(void)
{
    fake_virtio_reset(0, FAKE_QUEUES);
    fake_virtio.begun = true;
    memset(with_device, 0, sizeof(with_device));
    nheld = outstanding = 0;
    ring_page = pages_alloc(0, PAGES_ZERO);
    CHECK(virtqueue_bytes(SIZE) <= PAGE_SIZE && virtqueue_bytes(VIRTQUEUE_MAX) < 2 * PAGE_SIZE);
    virtqueue_init(&q, SIZE, pages_va(ring_page), pages_pa(ring_page));
    CHECK_EQ(fake_virtio.dev.transport->add_queue(&fake_virtio.dev, &q, QUEUE), 0);
    fake_virtio.ready = true;
}

static void stop(void)
{
    pages_put(ring_page);
}

static void add(void)
{
    struct pa pa = fake_pages_foreign((unsigned)check_below(1000));
    uint32_t len = 1 + (uint32_t)check_below(5000);
    uint32_t cookie = (uint32_t)check_random();
    bool writable = check_below(2) == 0;
    int err = virtqueue_add(&q, pa, len, writable, cookie);
    CHECK_EQ(err, outstanding == SIZE ? -ENOSPC : 0);
    if (err != 0) {
        return;
    }
    struct fake_buffer b;
    outstanding++;
    CHECK(fake_virtio_take(QUEUE, &b));
    CHECK(b.data == pages_map(pa) && b.len == len && b.writable == writable);
    CHECK(!with_device[b.id]);
    with_device[b.id] = true;
    model_cookie[b.id] = cookie;
    held[nheld++] = b;
}

static unsigned completed[SIZE], ncompleted, len_of[SIZE];

static void complete(void)
{
    if (nheld == 0) {
        return;
    }
    unsigned i = (unsigned)check_below(nheld);
    uint32_t id = held[i].id;
    len_of[id] = (unsigned)check_random();
    fake_virtio_give(QUEUE, id, len_of[id]);
    held[i] = held[--nheld];
    completed[ncompleted++] = id;
}

static void reap(void)
{
    uint32_t cookie;
    uint32_t len;
    bool any = virtqueue_reap(&q, &cookie, &len);
    CHECK_EQ(any, ncompleted != 0);
    if (any) {
        unsigned id = completed[0];
        memmove(completed, completed + 1, --ncompleted * sizeof(completed[0]));
        CHECK_EQ(cookie, model_cookie[id]);
        CHECK_EQ(len, len_of[id]);
        with_device[id] = false;
        outstanding--;
    }
    CHECK_EQ(q.nfree, SIZE - outstanding);
}

static void random_traffic(void)
{
    start();
    for (unsigned i = 0; i < 300000; i++) { /* indices wrap at 65536 */
        switch (check_below(3)) {
        case 0: add(); break;
        case 1: complete(); break;
        default: reap(); break;
        }
    }
    stop();
}

static void kicks(void)
{
    start();
    virtqueue_kick(&q);
    CHECK_EQ(fake_virtio.notified[QUEUE], 1);
    q.used->flags = VRING_USED_F_NO_NOTIFY;
    virtqueue_kick(&q);
    CHECK_EQ(fake_virtio.notified[QUEUE], 1);
    virtqueue_interrupts(&q, false);
    CHECK_EQ(q.avail->flags, VRING_AVAIL_F_NO_INTERRUPT);
    virtqueue_interrupts(&q, true);
    CHECK_EQ(q.avail->flags, 0);
    stop();
}

static uint16_t *avail_event(void)
{
    return (uint16_t *)(void *)&q.used->ring[SIZE];
}

/* With the event index, all around the 16 bits: each side hears of what it has asked for, once. */
static void events(void)
{
    uint32_t cookie;
    uint32_t len;
    start();
    q.event_index = true;
    cpu_this()->trap.pending = 0; /* of earlier parts */
    for (unsigned i = 0; i < 70000; i++) {
        unsigned before = fake_virtio.notified[QUEUE];
        unsigned n = 1 + (unsigned)check_below(SIZE);
        unsigned wanted = (unsigned)check_below(2 * SIZE); /* the device's: after so many more */
        *avail_event() = (uint16_t)(q.avail_idx + wanted);
        bool on = check_below(2) == 0;
        virtqueue_interrupts(&q, on);
        for (unsigned k = 0; k < n; k++) {
            CHECK_EQ(virtqueue_add(&q, fake_pages_foreign(k), 1, true, k), 0);
        }
        virtqueue_kick(&q);
        virtqueue_kick(&q);
        CHECK_EQ(fake_virtio.notified[QUEUE], before + (wanted < n));
        unsigned interrupts = 0;
        for (unsigned k = 0; k < n; k++) {
            struct fake_buffer b;
            CHECK(fake_virtio_take(QUEUE, &b));
            fake_virtio_give(QUEUE, b.id, 1);
            interrupts += cpu_this()->trap.pending != 0;
            cpu_this()->trap.pending = 0;
        }
        CHECK_EQ(interrupts, on);
        CHECK(virtqueue_pending(&q));
        while (virtqueue_reap(&q, &cookie, &len)) {
            n--;
        }
        CHECK(n == 0 && !virtqueue_pending(&q));
    }
    stop();
}

/* Ids that are out of range or not in flight are dropped, the index may jump. */
static void lies(void)
{
    uint32_t cookie;
    uint32_t len;
    start();
    CHECK_EQ(virtqueue_add(&q, fake_pages_foreign(0), 100, true, 7), 0);
    fake_virtio_give(QUEUE, 99, 1);
    fake_virtio_give(QUEUE, UINT32_MAX, 1);
    fake_virtio_give(QUEUE, SIZE - 1, 1);
    fake_virtio_give(QUEUE, 0, 5);
    fake_virtio_give(QUEUE, 0, 6);
    CHECK(virtqueue_reap(&q, &cookie, &len));
    CHECK(cookie == 7 && len == 5);
    CHECK(!virtqueue_reap(&q, &cookie, &len)); /* the second completion is made up */
    CHECK_EQ(q.nfree, SIZE);
    q.used->idx += 60000;
    CHECK(!virtqueue_reap(&q, &cookie, &len));
    CHECK_EQ(q.nfree, SIZE);
    for (unsigned i = 0; i < SIZE; i++) {
        CHECK_EQ(virtqueue_add(&q, fake_pages_foreign(0), 1, false, i), 0);
    }
    CHECK_EQ(virtqueue_add(&q, fake_pages_foreign(0), 1, false, 0), -ENOSPC);
    stop();
}

TESTS(random_traffic, kicks, events, lies)
