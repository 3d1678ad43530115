/* SPDX-License-Identifier: MIT */
/* virtio-mmio. Every register access leaves the machine (30 us on a paravirtual host), so only what
 * differs from the state after reset is written. Source: VIRTIO 1.2, 4.2; Linux admin-guide
 * virtio_mmio.device=. */
#include "platform/virtio/mmio.h"

#include <asm/errno.h>
#include <linux/virtio_config.h>
#include <linux/virtio_mmio.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "platform/boot.h"
#include "platform/device.h"
#include "platform/virtio/virtqueue.h"

#define MAGIC 0x74726976 /* "virt" */
#define MODERN_VERSION 2
#define OPTION_MAX 64
#define REGISTERS_LEN 0x200
static uint32_t reg_read(const struct virtio_device *dev, unsigned reg)
{
    return *(volatile uint32_t *)(volatile void *)(dev->regs + reg);
}

static void reg_write(struct virtio_device *dev, unsigned reg, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(dev->regs + reg) = value;
}

/* Two registers; the high one is 0 after reset. */
static void reg_write64(struct virtio_device *dev, unsigned low, unsigned high, struct pa pa)
{
    reg_write(dev, low, (uint32_t)pa.v);
    if (pa.v >> 32 != 0) {
        reg_write(dev, high, (uint32_t)(pa.v >> 32));
    }
}

static int mmio_begin(struct virtio_device *dev, uint64_t wanted)
{
    wanted |= 1UL << VIRTIO_F_VERSION_1;
    reg_write(dev, VIRTIO_MMIO_STATUS, 0);
    reg_write(dev, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    reg_write(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 0);
    uint64_t offered = reg_read(dev, VIRTIO_MMIO_DEVICE_FEATURES);
    reg_write(dev, VIRTIO_MMIO_DEVICE_FEATURES_SEL, 1);
    offered |= (uint64_t)reg_read(dev, VIRTIO_MMIO_DEVICE_FEATURES) << 32;
    dev->features = offered & wanted;
    for (unsigned half = 0; half < 2; half++) {
        reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES_SEL, half);
        reg_write(dev, VIRTIO_MMIO_DRIVER_FEATURES, (uint32_t)(dev->features >> (32 * half)));
    }
    uint32_t status =
        VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK;
    reg_write(dev, VIRTIO_MMIO_STATUS, status);
    bool agreed = (reg_read(dev, VIRTIO_MMIO_STATUS) & VIRTIO_CONFIG_S_FEATURES_OK) != 0;
    if (!agreed || (dev->features >> VIRTIO_F_VERSION_1 & 1) == 0) {
        reg_write(dev, VIRTIO_MMIO_STATUS, VIRTIO_CONFIG_S_FAILED);
        return -ENODEV;
    }
    return 0;
}

static int mmio_add_vector(struct virtio_device *dev, unsigned cpu, unsigned *gsi)
{
    (void)dev, (void)cpu, (void)gsi;
    return -ENOSPC;
}

static unsigned mmio_queue_max(struct virtio_device *dev, unsigned index)
{
    reg_write(dev, VIRTIO_MMIO_QUEUE_SEL, index);
    return reg_read(dev, VIRTIO_MMIO_QUEUE_NUM_MAX);
}

static int mmio_add_queue(struct virtio_device *dev, struct virtqueue *q, unsigned index)
{
    if (mmio_queue_max(dev, index) < q->size) { /* ours are small */
        return -ENXIO;
    }
    q->dev = dev;
    q->index = index;
    reg_write(dev, VIRTIO_MMIO_QUEUE_NUM, q->size);
    reg_write64(dev, VIRTIO_MMIO_QUEUE_DESC_LOW, VIRTIO_MMIO_QUEUE_DESC_HIGH, q->pa);
    reg_write64(dev, VIRTIO_MMIO_QUEUE_AVAIL_LOW, VIRTIO_MMIO_QUEUE_AVAIL_HIGH,
                virtqueue_avail_pa(q));
    reg_write64(dev, VIRTIO_MMIO_QUEUE_USED_LOW, VIRTIO_MMIO_QUEUE_USED_HIGH, virtqueue_used_pa(q));
    reg_write(dev, VIRTIO_MMIO_QUEUE_READY, 1);
    return 0;
}

static void mmio_ready(struct virtio_device *dev)
{
    reg_write(dev, VIRTIO_MMIO_STATUS,
              VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
                  VIRTIO_CONFIG_S_DRIVER_OK);
}

static void mmio_notify(struct virtqueue *q)
{
    reg_write(q->dev, VIRTIO_MMIO_QUEUE_NOTIFY, q->index);
}

/* All causes at once: to read them would cost as much again. */
static void mmio_acknowledge(struct virtio_device *dev)
{
    reg_write(dev, VIRTIO_MMIO_INTERRUPT_ACK, VIRTIO_MMIO_INT_VRING | VIRTIO_MMIO_INT_CONFIG);
}

static uint32_t mmio_config(struct virtio_device *dev, unsigned offset, unsigned len)
{
    volatile void *at = dev->regs + VIRTIO_MMIO_CONFIG + offset;
    if (len == sizeof(uint8_t)) {
        return *(volatile uint8_t *)at;
    }
    return len == sizeof(uint16_t) ? *(volatile uint16_t *)at : *(volatile uint32_t *)at;
}

static const struct virtio_transport mmio_transport = {
    .begin = mmio_begin,
    .add_vector = mmio_add_vector,
    .queue_max = mmio_queue_max,
    .add_queue = mmio_add_queue,
    .ready = mmio_ready,
    .notify = mmio_notify,
    .acknowledge = mmio_acknowledge,
    .config = mmio_config,
};

/* "SIZE@BASE:IRQ[:ID]" */
static bool parse_device(char *text, uint64_t *base, uint64_t *gsi)
{
    char *at = strchr(text, '@');
    char *colon = at != NULL ? strchr(at, ':') : NULL;
    if (colon == NULL) {
        return false;
    }
    *colon = 0;
    char *more = strchr(colon + 1, ':');
    if (more != NULL) {
        *more = 0;
    }
    return string_to_u64(at + 1, base) == 0 && string_to_u64(colon + 1, gsi) == 0 &&
           *gsi < MAX_GSI && is_aligned(*base, 4);
}

int mmio_find(uint32_t id, unsigned nth, struct virtio_device *out)
{
    char text[OPTION_MAX];
    size_t pos = 0;
    while (boot_option_next("virtio_mmio.device", &pos, text, sizeof(text)) > 0) {
        uint64_t base;
        uint64_t gsi;
        if (!parse_device(text, &base, &gsi)) {
            log(DEV, WARN, "virtio_mmio.device=%s is not SIZE@BASE:IRQ", text);
            continue;
        }
        struct virtio_device dev = {.transport = &mmio_transport, .gsi = (unsigned)gsi, .id = id};
        dev.regs = device_map((struct pa){base}, REGISTERS_LEN, MAP_R | MAP_W | MAP_DEVICE);
        if (dev.regs == NULL || reg_read(&dev, VIRTIO_MMIO_MAGIC_VALUE) != MAGIC ||
            reg_read(&dev, VIRTIO_MMIO_DEVICE_ID) != id) {
            continue;
        }
        if (reg_read(&dev, VIRTIO_MMIO_VERSION) != MODERN_VERSION) {
            log(DEV, WARN, "virtio device at %lx has the legacy interface: ignored", base);
            continue;
        }
        if (nth-- == 0) {
            *out = dev;
            return 0;
        }
    }
    return -ENOENT;
}
