/* SPDX-License-Identifier: MIT */
// sources: platform/virtio/pci.c platform/virtio/virtqueue.c platform/pci.c platform/device.c
// sources: platform/irq.c
// fakes: pci pages
/* virtio-pci on registers that are plain memory: what is found, refused and written. */
#include "platform/virtio/pci.h"

#include <asm/errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/moncall.h"
#include "platform/pages.h"
#include "platform/virtio/virtqueue.h"
#include "test/fake/log.h"
#include "test/fake/pci.h"
#include "test/unit/check.h"

#define VENDOR 0x1af4
#define NET 1
#define CONSOLE 3
#define MODERN 0x08
#define TRANSITIONAL 0x10
#define NO_MESSAGES 0x18
#define BAD_PLACES 0x20
#define SECOND 0x28
#define BAR_PA(place) (0xc1000000UL + (place)*0x10000UL)
#define NOTIFY_STEP 4
#define VECTORS 3
#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)

enum { COMMON_AT = 0x0, NOTIFY_AT = 0x1000, CONFIG_AT = 0x2000, TABLE_AT = 0x3000 };

static void add_registers(uint8_t place, uint8_t kind, uint32_t offset, uint32_t len)
{
    unsigned at = fake_pci_capability(place, PCI_CAP_ID_VNDR, 20);
    fake_pci_set(place, at, (fake_pci_get(place, at) & 0xffff) | 20 << 16 | (uint32_t)kind << 24);
    fake_pci_set(place, at + VIRTIO_PCI_CAP_BAR, 4);
    fake_pci_set(place, at + VIRTIO_PCI_CAP_OFFSET, offset);
    fake_pci_set(place, at + VIRTIO_PCI_CAP_LENGTH, len);
    fake_pci_set(place, at + VIRTIO_PCI_NOTIFY_CAP_MULT, NOTIFY_STEP);
}

static void add_messages(uint8_t place, unsigned vectors)
{
    unsigned at = fake_pci_capability(place, PCI_CAP_ID_MSIX, 12);
    uint32_t flags = PCI_MSIX_FLAGS_MASKALL | (vectors - 1);
    fake_pci_set(place, at, (fake_pci_get(place, at) & 0xffff) | flags << 16);
    fake_pci_set(place, at + PCI_MSIX_TABLE, TABLE_AT | 4);
}

static void add_device(uint8_t place, uint16_t device, uint32_t common_at)
{
    fake_pci_add(place, VENDOR, device);
    fake_pci_bar(place, 4, BAR_PA(place), 0x4000, true);
    add_registers(place, VIRTIO_PCI_CAP_COMMON_CFG, common_at, 56);
    add_registers(place, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_AT, 4 * NOTIFY_STEP);
    add_registers(place, VIRTIO_PCI_CAP_DEVICE_CFG, CONFIG_AT, 12);
}

__attribute__((constructor(1000))) static void plug(void)
{
    fake_pci_reset(64UL << 20);
    fake_pci_add(0, 0x8086, 0x29c0);
    add_device(MODERN, 0x1040 + NET, COMMON_AT);
    add_messages(MODERN, VECTORS);
    add_device(TRANSITIONAL, 0x1003, COMMON_AT);
    fake_pci_set(TRANSITIONAL, PCI_SUBSYSTEM_VENDOR_ID, CONSOLE << 16);
    add_messages(TRANSITIONAL, 1);
    add_device(NO_MESSAGES, 0x1040 + 2, COMMON_AT);
    add_device(BAD_PLACES, 0x1040 + 4, 0x3ff0); /* ends behind the BAR */
    add_messages(BAD_PLACES, VECTORS);
    add_device(SECOND, 0x1040 + NET, COMMON_AT);
    add_messages(SECOND, VECTORS);
    fake_pci_add(0x30, 0x8086, 0x1041); /* somebody else's */
}

static void set(const struct virtio_device *dev, unsigned reg, uint32_t value, size_t len)
{
    memcpy((char *)(uintptr_t)dev->regs + reg, &value, len);
}

static uint32_t get(volatile uint8_t *regs, unsigned reg, size_t len)
{
    uint32_t value = 0;
    memcpy(&value, (const char *)(uintptr_t)regs + reg, len);
    return value;
}

static struct virtio_device find(uint32_t id, unsigned nth)
{
    struct virtio_device dev;
    CHECK_EQ(virtio_pci_find(id, nth, &dev), 0);
    CHECK_EQ(dev.id, id);
    return dev;
}

static void finding(void)
{
    struct virtio_device dev = find(NET, 0);
    uint32_t *entry = (void *)((char *)(uintptr_t)dev.vector_table);
    CHECK(entry[0] == 0xfee00000 && entry[1] == 0 && entry[3] == 0);
    CHECK(entry[2] >= 40 && entry[2] < 64); /* a vector of an interrupt line */
    CHECK_EQ(fake_pci_get(MODERN, 0x7c) >> 16, PCI_MSIX_FLAGS_ENABLE | (VECTORS - 1));
    CHECK_EQ(fake_pci_get(MODERN, PCI_COMMAND), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |
                                                    PCI_COMMAND_INTX_DISABLE |
                                                    PCI_STATUS_CAP_LIST << 16);
    (void)find(NET, 1);
    (void)find(CONSOLE, 0);
    CHECK_EQ(virtio_pci_find(NET, 2, &dev), -ENOENT);
    CHECK_EQ(virtio_pci_find(0, 0, &dev), -ENOENT);
    CHECK_EQ(virtio_pci_find(9, 0, &dev), -ENOENT);
}

static void refusing(void)
{
    struct virtio_device dev;
    for (uint32_t id = 2; id <= 4; id += 2) {
        fake_log_clear();
        CHECK_EQ(virtio_pci_find(id, 0, &dev), -ENOENT);
        CHECK(strstr(fake_log, "no modern interface with MSI-X") != NULL);
    }
}

static void negotiation(void)
{
    struct virtio_device dev = find(NET, 0);
    set(&dev, COMMON(device_feature), 3, 4); /* both halves read the same */
    set(&dev, COMMON(msix_config), VIRTIO_MSI_NO_VECTOR, 2);
    CHECK_EQ(dev.transport->begin(&dev, 2), 0);
    CHECK_EQ(dev.features, 1UL << VIRTIO_F_VERSION_1 | 2);
    CHECK_EQ(get(dev.regs, COMMON(device_status), 1),
             VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
    CHECK_EQ(get(dev.regs, COMMON(guest_feature), 4), 1); /* the high half, written last */
    CHECK_EQ(get(dev.regs, COMMON(msix_config), 2), 0);
    dev.transport->ready(&dev);
    CHECK((get(dev.regs, COMMON(device_status), 1) & VIRTIO_CONFIG_S_DRIVER_OK) != 0);
    memcpy((char *)(uintptr_t)dev.config_regs, "abcdefghijkl", 12);
    CHECK_EQ(dev.transport->config(&dev, 0, 1), 'a');
    CHECK_EQ(dev.transport->config(&dev, 10, 2), 'k' | 'l' << 8);
    CHECK_EQ(dev.transport->config(&dev, 4, 4), 0x68676665);
    CHECK_EQ(dev.transport->config(&dev, 11, 2), 0); /* behind its end */
    set(&dev, COMMON(device_feature), 2, 4); /* without VIRTIO_F_VERSION_1 */
    CHECK_EQ(dev.transport->begin(&dev, 2), -ENODEV);
    CHECK_EQ(get(dev.regs, COMMON(device_status), 1), VIRTIO_CONFIG_S_FAILED);
}

static void queues(void)
{
    struct virtqueue q;
    struct virtio_device dev = find(NET, 1);
    struct page *p = pages_alloc(0, PAGES_ZERO);
    virtqueue_init(&q, 16, pages_va(p), pages_pa(p));
    q.vector = 2;
    set(&dev, COMMON(num_queues), 5, 2);
    set(&dev, COMMON(queue_size), 64, 2);
    set(&dev, COMMON(queue_notify_off), 3, 2);
    CHECK_EQ(dev.transport->queue_max(&dev, 4), 64);
    CHECK_EQ(dev.transport->queue_max(&dev, 5), 0);
    CHECK_EQ(dev.transport->add_queue(&dev, &q, 4), 0);
    CHECK_EQ(get(dev.regs, COMMON(queue_select), 2), 4);
    CHECK_EQ(get(dev.regs, COMMON(queue_size), 2), 16);
    CHECK_EQ(get(dev.regs, COMMON(queue_msix_vector), 2), 2);
    CHECK_EQ(get(dev.regs, COMMON(queue_desc_lo), 4), pages_pa(p).v);
    CHECK_EQ(get(dev.regs, COMMON(queue_avail_lo), 4), virtqueue_avail_pa(&q).v);
    CHECK_EQ(get(dev.regs, COMMON(queue_used_lo), 4), virtqueue_used_pa(&q).v);
    CHECK_EQ(get(dev.regs, COMMON(queue_enable), 2), 1);
    memset((char *)(uintptr_t)dev.notify_regs, 0, 16);
    dev.transport->notify(&q);
    CHECK_EQ(get(dev.notify_regs, 3 * NOTIFY_STEP, 2), 4);
    set(&dev, COMMON(queue_size), 8, 2);
    CHECK_EQ(dev.transport->add_queue(&dev, &q, 4), -ENXIO);
    set(&dev, COMMON(queue_size), 64, 2);
    set(&dev, COMMON(queue_notify_off), 4, 2); /* behind the registers' end */
    CHECK_EQ(dev.transport->add_queue(&dev, &q, 4), -ENXIO);
    CHECK_EQ(dev.transport->add_queue(&dev, &q, 5), -ENXIO);
    pages_put(p);
}

static unsigned calls[VECTORS];

static void handler(void *arg)
{
    ++*(unsigned *)arg;
}

static void vectors(void)
{
    struct virtio_device dev = find(NET, 0);
    const uint32_t *entry = (void *)((char *)(uintptr_t)dev.vector_table);
    unsigned gsi[VECTORS] = {dev.gsi};
    CHECK_EQ(dev.transport->add_vector(&dev, 0, &gsi[1]), 1);
    CHECK_EQ(dev.transport->add_vector(&dev, 5, &gsi[2]), 2);
    CHECK_EQ(dev.transport->add_vector(&dev, 0, &gsi[2]), -ENOSPC);
    CHECK_EQ(entry[8], 0xfee05000); /* to CPU 5 */
    for (unsigned i = 0; i < VECTORS; i++) {
        CHECK_EQ(irq_register(gsi[i], handler, &calls[i]), 0);
        for (unsigned k = 0; k < i; k++) {
            CHECK(gsi[i] != gsi[k]);
        }
    }
    for (unsigned i = 0; i < VECTORS; i++) {
        cpu_this()->trap.pending |= 1UL << (entry[4 * i + 2] - 32);
        CHECK(irq_poll() && calls[i] == 1);
    }
    dev = find(CONSOLE, 0);
    CHECK_EQ(dev.transport->add_vector(&dev, 0, &gsi[1]), -ENOSPC);
}

TESTS(finding, refusing, negotiation, queues, vectors)
