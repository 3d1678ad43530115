/* SPDX-License-Identifier: MIT */
/* virtio-pci. Registers lie where capabilities say, in BARs. Interrupts are messages: nothing has
 * to be read or acknowledged for them. Vector 0 is the device's own, with configuration changes,
 * and of all queues that want no other. A device without MSI-X is not used.
 * Source: VIRTIO 1.2, 4.1; PCI Local Bus Specification 3.0, 6.8.2. */
#include "platform/virtio/pci.h"

#include <asm/errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>

#include "kernel/base/print.h"
#include "platform/irq.h"
#include "platform/pci.h"
#include "platform/virtio/virtqueue.h"

#define VENDOR_VIRTIO 0x1af4
#define DEVICE_MODERN 0x1040 /* plus the device's type */
#define DEVICE_TRANSITIONAL 0x1000 /* up to 0x103f: the type is the subsystem's number */
#define COMMON(field) offsetof(struct virtio_pci_common_cfg, field)
#define RESET_TRIES 1000000

static uint8_t get8(const struct virtio_device *dev, unsigned reg)
{
    return dev->regs[reg];
}

static void put8(struct virtio_device *dev, unsigned reg, uint8_t value)
{
    dev->regs[reg] = value;
}

static uint16_t get16(const struct virtio_device *dev, unsigned reg)
{
    return *(volatile uint16_t *)(volatile void *)(dev->regs + reg);
}

static void put16(struct virtio_device *dev, unsigned reg, uint16_t value)
{
    *(volatile uint16_t *)(volatile void *)(dev->regs + reg) = value;
}

static uint32_t get32(const struct virtio_device *dev, unsigned reg)
{
    return *(volatile uint32_t *)(volatile void *)(dev->regs + reg);
}

static void put32(struct virtio_device *dev, unsigned reg, uint32_t value)
{
    *(volatile uint32_t *)(volatile void *)(dev->regs + reg) = value;
}

/* Two registers; the high one is 0 after reset. */
static void put64(struct virtio_device *dev, unsigned low, struct pa pa)
{
    put32(dev, low, (uint32_t)pa.v);
    if (pa.v >> 32 != 0) {
        put32(dev, low + 4, (uint32_t)(pa.v >> 32));
    }
}

static bool reset(struct virtio_device *dev)
{
    put8(dev, COMMON(device_status), 0);
    for (unsigned i = 0; i < RESET_TRIES; i++) {
        if (get8(dev, COMMON(device_status)) == 0) {
            return true;
        }
    }
    return false;
}

static uint64_t features_agree(struct virtio_device *dev, uint64_t wanted)
{
    uint64_t offered = 0;
    for (unsigned half = 0; half < 2; half++) {
        put32(dev, COMMON(device_feature_select), half);
        offered |= (uint64_t)get32(dev, COMMON(device_feature)) << (32 * half);
    }
    for (unsigned half = 0; half < 2; half++) {
        put32(dev, COMMON(guest_feature_select), half);
        put32(dev, COMMON(guest_feature), (uint32_t)((offered & wanted) >> (32 * half)));
    }
    return offered & wanted;
}

/* After a reset the device has forgotten its vectors. */
static int pci_begin(struct virtio_device *dev, uint64_t wanted)
{
    if (!reset(dev)) {
        return -ENODEV;
    }
    uint8_t status = VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER;
    put8(dev, COMMON(device_status), status);
    dev->features = features_agree(dev, wanted | 1UL << VIRTIO_F_VERSION_1);
    put8(dev, COMMON(device_status), status | VIRTIO_CONFIG_S_FEATURES_OK);
    bool agreed = (get8(dev, COMMON(device_status)) & VIRTIO_CONFIG_S_FEATURES_OK) != 0;
    if (!agreed || (dev->features >> VIRTIO_F_VERSION_1 & 1) == 0) {
        put8(dev, COMMON(device_status), VIRTIO_CONFIG_S_FAILED);
        return -ENODEV;
    }
    put16(dev, COMMON(msix_config), 0);
    return get16(dev, COMMON(msix_config)) == 0 ? 0 : -ENODEV;
}

/* The table's entries are masked at first, and while they are written. */
static unsigned vector_set(struct virtio_device *dev, unsigned vector, unsigned cpu)
{
    struct irq_message m;
    unsigned line = irq_message_line(cpu, &m);
    volatile uint32_t *entry =
        (volatile uint32_t *)(volatile void *)(dev->vector_table + vector * PCI_MSIX_ENTRY_SIZE);
    entry[PCI_MSIX_ENTRY_LOWER_ADDR / 4] = (uint32_t)m.address;
    entry[PCI_MSIX_ENTRY_UPPER_ADDR / 4] = (uint32_t)(m.address >> 32);
    entry[PCI_MSIX_ENTRY_DATA / 4] = m.data;
    entry[PCI_MSIX_ENTRY_VECTOR_CTRL / 4] = 0;
    return line;
}

static int pci_add_vector(struct virtio_device *dev, unsigned cpu, unsigned *gsi)
{
    if (dev->vectors_used == dev->vectors) {
        return -ENOSPC;
    }
    *gsi = vector_set(dev, dev->vectors_used, cpu);
    return dev->vectors_used++;
}

static unsigned pci_queue_max(struct virtio_device *dev, unsigned index)
{
    if (index >= get16(dev, COMMON(num_queues))) {
        return 0;
    }
    put16(dev, COMMON(queue_select), (uint16_t)index);
    return get16(dev, COMMON(queue_size));
}

static int pci_add_queue(struct virtio_device *dev, struct virtqueue *q, unsigned index)
{
    if (pci_queue_max(dev, index) < q->size) {
        return -ENXIO;
    }
    uint64_t place = (uint64_t)get16(dev, COMMON(queue_notify_off)) * dev->notify_step;
    if (place + sizeof(uint16_t) > dev->notify_len) {
        return -ENXIO;
    }
    q->dev = dev;
    q->index = index;
    q->notify_register = dev->notify_regs + place;
    put16(dev, COMMON(queue_size), q->size);
    put16(dev, COMMON(queue_msix_vector), q->vector);
    if (get16(dev, COMMON(queue_msix_vector)) != q->vector) {
        return -ENXIO;
    }
    put64(dev, COMMON(queue_desc_lo), q->pa);
    put64(dev, COMMON(queue_avail_lo), virtqueue_avail_pa(q));
    put64(dev, COMMON(queue_used_lo), virtqueue_used_pa(q));
    put16(dev, COMMON(queue_enable), 1);
    return 0;
}

static void pci_ready(struct virtio_device *dev)
{
    put8(dev, COMMON(device_status),
         VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK |
             VIRTIO_CONFIG_S_DRIVER_OK);
}

static void pci_notify(struct virtqueue *q)
{
    *(volatile uint16_t *)(volatile void *)q->notify_register = (uint16_t)q->index;
}

static void pci_acknowledge(struct virtio_device *dev)
{
    (void)dev;
}

static uint32_t pci_config(struct virtio_device *dev, unsigned offset, unsigned len)
{
    if (offset + len > dev->config_len) {
        return 0;
    }
    volatile void *at = dev->config_regs + offset;
    if (len == sizeof(uint8_t)) {
        return *(volatile uint8_t *)at;
    }
    return len == sizeof(uint16_t) ? *(volatile uint16_t *)at : *(volatile uint32_t *)at;
}

static const struct virtio_transport pci_transport = {
    .begin = pci_begin,
    .add_vector = pci_add_vector,
    .queue_max = pci_queue_max,
    .add_queue = pci_add_queue,
    .ready = pci_ready,
    .notify = pci_notify,
    .acknowledge = pci_acknowledge,
    .config = pci_config,
};

/* The registers of one kind; NULL when the device names none that are as long as least. */
static volatile uint8_t *find_registers(uint8_t place, uint8_t kind, uint32_t least, uint32_t *len,
                                        unsigned *at)
{
    *at = 0;
    while (pci_capability(place, PCI_CAP_ID_VNDR, at) == 0) {
        if (pci_read(place, *at) >> 24 != kind) { /* cfg_type */
            continue;
        }
        uint8_t bar = (uint8_t)pci_read(place, *at + VIRTIO_PCI_CAP_BAR);
        uint32_t offset = pci_read(place, *at + VIRTIO_PCI_CAP_OFFSET);
        *len = pci_read(place, *at + VIRTIO_PCI_CAP_LENGTH);
        if (*len < least) {
            continue;
        }
        volatile uint8_t *regs = pci_map(place, bar, offset, *len);
        if (regs != NULL) {
            return regs;
        }
    }
    return NULL;
}

static bool start_messages(uint8_t place, struct virtio_device *dev)
{
    unsigned at = 0;
    if (pci_capability(place, PCI_CAP_ID_MSIX, &at) != 0) {
        return false;
    }
    uint32_t head = pci_read(place, at); /* the flags are its upper half */
    uint32_t table = pci_read(place, at + PCI_MSIX_TABLE);
    dev->vectors = (head >> 16 & PCI_MSIX_FLAGS_QSIZE) + 1;
    dev->vector_table = pci_map(place, table & PCI_MSIX_TABLE_BIR, table & PCI_MSIX_TABLE_OFFSET,
                                dev->vectors * (size_t)PCI_MSIX_ENTRY_SIZE);
    if (dev->vector_table == NULL) {
        return false;
    }
    pci_write(place, at,
              (head & ~((uint32_t)PCI_MSIX_FLAGS_MASKALL << 16)) | (uint32_t)PCI_MSIX_FLAGS_ENABLE
                                                                       << 16);
    return true;
}

static bool open_device(uint8_t place, struct virtio_device *dev)
{
    uint32_t len;
    unsigned at;
    dev->transport = &pci_transport;
    dev->regs = find_registers(place, VIRTIO_PCI_CAP_COMMON_CFG,
                               sizeof(struct virtio_pci_common_cfg), &len, &at);
    dev->config_regs = find_registers(place, VIRTIO_PCI_CAP_DEVICE_CFG, 1, &dev->config_len, &at);
    if (dev->config_regs == NULL) {
        dev->config_len = 0;
    }
    dev->notify_regs =
        find_registers(place, VIRTIO_PCI_CAP_NOTIFY_CFG, sizeof(uint16_t), &dev->notify_len, &at);
    if (dev->regs == NULL || dev->notify_regs == NULL || !start_messages(place, dev)) {
        return false;
    }
    dev->notify_step = pci_read(place, at + VIRTIO_PCI_NOTIFY_CAP_MULT);
    pci_enable(place);
    return true;
}

/* Device type of a function; 0: not virtio's. */
static uint32_t type_of(const struct pci_function *f)
{
    if (f->vendor != VENDOR_VIRTIO || f->device < DEVICE_TRANSITIONAL) {
        return 0;
    }
    if (f->device >= DEVICE_MODERN) {
        return f->device - DEVICE_MODERN;
    }
    return pci_read(f->place, PCI_SUBSYSTEM_VENDOR_ID) >> 16;
}

int virtio_pci_find(uint32_t id, unsigned nth, struct virtio_device *out)
{
    struct pci_function f;
    for (unsigned i = 0; pci_nth(i, &f) == 0; i++) {
        if (type_of(&f) != id || nth-- != 0) {
            continue;
        }
        *out = (struct virtio_device){.id = id};
        if (!open_device(f.place, out)) {
            log(DEV, WARN, "virtio device %u on PCI has no modern interface with MSI-X: ignored",
                f.place >> 3U);
            return -ENOENT;
        }
        out->gsi = vector_set(out, 0, 0);
        out->vectors_used = 1;
        return 0;
    }
    return -ENOENT;
}
