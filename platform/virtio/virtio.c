/* SPDX-License-Identifier: MIT */
/* Where devices are found. Source: mmio.h, pci.h. */
#include "platform/virtio/virtio.h"

#include "platform/virtio/mmio.h"
#include "platform/virtio/pci.h"

int virtio_find(uint32_t id, unsigned nth, struct virtio_device *out)
{
    unsigned n = 0;
    while (n <= nth && mmio_find(id, n, out) == 0) {
        n++;
    }
    return n > nth ? 0 : virtio_pci_find(id, nth - n, out);
}
