/* SPDX-License-Identifier: MIT */
// sources: platform/virtio/mmio.c platform/device.c platform/virtio/virtqueue.c
// fakes: moncall pages log
/* virtio-mmio on registers that are plain memory: what is found, refused and written. */
#include "platform/virtio/mmio.h"

#include <asm/errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>
#include <string.h>

#include "platform/boot.h"
#include "platform/pages.h"
#include "platform/virtio/virtqueue.h"
#include "test/fake/log.h"
#include "test/fake/moncall.h"
#include "test/fake/pages.h"
#include "test/unit/check.h"

#define MAGIC 0x74726976
#define CONSOLE 3
#define PAGE0 0xfeb00000UL
#define WINDOW_PAGES 64

static char window[WINDOW_PAGES * PAGE_SIZE] __attribute__((aligned(4096)));
static struct boot_info info;
static const char *const *devices;

const struct boot_info *boot_info(void)
{
    info.libos_base = (uint64_t)(uintptr_t)window - DEVICE_OFFSET;
    return &info;
}

long boot_option_next(const char *name, size_t *pos, char *out, size_t cap)
{
    CHECK_STR(name, "virtio_mmio.device");
    return devices[*pos] != NULL ? snprintf(out, cap, "%s", devices[(*pos)++]) : -ENOENT;
}

static void set(unsigned at, unsigned reg, uint32_t value)
{
    memcpy(window + at + reg, &value, sizeof(value));
}

static uint32_t get(const struct virtio_device *dev, unsigned reg)
{
    uint32_t value;
    memcpy(&value, (const char *)(uintptr_t)dev->regs + reg, sizeof(value));
    return value;
}

static void plug(unsigned at, uint32_t id, uint32_t version)
{
    set(at, VIRTIO_MMIO_MAGIC_VALUE, MAGIC);
    set(at, VIRTIO_MMIO_VERSION, version);
    set(at, VIRTIO_MMIO_DEVICE_ID, id);
    set(at, VIRTIO_MMIO_QUEUE_NUM_MAX, 16);
}

/* Pages of the window are handed out in the order of their first use. */
static void finding(void)
{
    static const char *const list[] = {
        "512@0xfeb00000:5", "512@0xfeb00200:6:1", "nonsense",
        "512@0xfeb00400",   "512@0xfeb00401:7",   "512@0xfeb00600:99",
        "512@0xfeb01000:7", "512@0xfeb00a00:8",   NULL};
    struct virtio_device dev;
    devices = list;
    plug(0x000, CONSOLE, 2);
    plug(0x200, 1, 2);
    plug(PAGE_SIZE, CONSOLE, 1); /* the legacy interface */
    plug(0xa00, CONSOLE, 2);
    CHECK_EQ(mmio_find(CONSOLE, 0, &dev), 0);
    CHECK(dev.regs == (uint8_t *)window && dev.gsi == 5 && dev.id == CONSOLE);
    CHECK_EQ(fake_hw_get((uint64_t)(uintptr_t)window).pa, PAGE0);
    CHECK_EQ(mmio_find(1, 0, &dev), 0);
    CHECK(dev.regs == (uint8_t *)window + 0x200 && dev.gsi == 6);
    fake_log_clear();
    CHECK_EQ(mmio_find(CONSOLE, 1, &dev), 0);
    CHECK(dev.regs == (uint8_t *)window + 0xa00 && dev.gsi == 8);
    CHECK(strstr(fake_log, "nonsense") != NULL && strstr(fake_log, "legacy") != NULL);
    CHECK_EQ(mmio_find(CONSOLE, 2, &dev), -ENOENT);
    CHECK_EQ(mmio_find(2, 0, &dev), -ENOENT);
    CHECK_EQ(fake_hw_present(), 2); /* one mapping a page */
}

static struct virtio_device begin(uint64_t offered)
{
    static const char *const list[] = {"512@0xfeb00000:5", NULL};
    struct virtio_device dev;
    devices = list;
    plug(0, CONSOLE, 2);
    CHECK_EQ(mmio_find(CONSOLE, 0, &dev), 0);
    set(0, VIRTIO_MMIO_DEVICE_FEATURES, (uint32_t)offered); /* both halves read the same */
    return dev;
}

static void negotiation(void)
{
    struct virtio_device dev = begin(3); /* VIRTIO_F_VERSION_1 is bit 32 */
    CHECK_EQ(dev.transport->begin(&dev, 2), 0);
    CHECK_EQ(dev.features, 1UL << VIRTIO_F_VERSION_1 | 2);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_STATUS),
             VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_DRIVER_FEATURES), 1); /* the high half, written last */
    dev.transport->ready(&dev);
    CHECK((get(&dev, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_DRIVER_OK) != 0);
    dev.transport->acknowledge(&dev);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_INTERRUPT_ACK), 3);
    struct virtqueue q = {.dev = &dev, .index = 7};
    dev.transport->notify(&q);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_QUEUE_NOTIFY), 7);
    set(0, VIRTIO_MMIO_CONFIG + 8, 77);
    CHECK_EQ(dev.transport->config(&dev, 8, 4), 77);
    CHECK_EQ(dev.transport->config(&dev, 8, 2), 77);
    CHECK_EQ(dev.transport->config(&dev, 9, 1), 0);
    dev = begin(2); /* without VIRTIO_F_VERSION_1 */
    CHECK_EQ(dev.transport->begin(&dev, 2), -ENODEV);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_STATUS), VIRTIO_CONFIG_S_FAILED);
}

static void queues(void)
{
    struct virtqueue q;
    struct virtio_device dev = begin(1);
    struct page *p = pages_alloc(0, PAGES_ZERO);
    virtqueue_init(&q, 16, pages_va(p), pages_pa(p));
    CHECK_EQ(dev.transport->add_queue(&dev, &q, 4), 0);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_QUEUE_SEL), 4);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_QUEUE_NUM), 16);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_QUEUE_DESC_LOW), pages_pa(p).v);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_QUEUE_AVAIL_LOW), virtqueue_avail_pa(&q).v);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_QUEUE_USED_LOW), virtqueue_used_pa(&q).v);
    CHECK_EQ(get(&dev, VIRTIO_MMIO_QUEUE_READY), 1);
    CHECK(q.dev == &dev && q.index == 4);
    set(0, VIRTIO_MMIO_QUEUE_NUM_MAX, 8);
    CHECK_EQ(dev.transport->add_queue(&dev, &q, 5), -ENXIO);
    set(0, VIRTIO_MMIO_QUEUE_NUM_MAX, 0);
    CHECK_EQ(dev.transport->add_queue(&dev, &q, 5), -ENXIO);
    pages_put(p);
}

TESTS(finding, negotiation, queues)
