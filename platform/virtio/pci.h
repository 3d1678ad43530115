/* SPDX-License-Identifier: MIT */
/* virtio-pci transport, the modern interface with MSI-X. */
#ifndef PLATFORM_VIRTIO_PCI_H
#define PLATFORM_VIRTIO_PCI_H

#include "platform/virtio/virtio.h"

/* virtio_pci_find: the nth device (from 0) of type id on PCI's bus 0; maps its registers. Returns
 * 0, -ENOENT when there is no such device. Context: boot. */
MUST_CHECK int virtio_pci_find(uint32_t id, unsigned nth, struct virtio_device *out);

#endif
