/* SPDX-License-Identifier: MIT */
/* virtio-mmio transport, version 2; devices are named on the kernel command line. */
#ifndef PLATFORM_VIRTIO_MMIO_H
#define PLATFORM_VIRTIO_MMIO_H

#include "platform/virtio/virtio.h"

/* mmio_find: the nth device (from 0) of type id among the options virtio_mmio.device=SIZE@BASE:IRQ;
 * maps its registers. Returns 0, -ENOENT when there is no such device. Context: boot. */
MUST_CHECK int mmio_find(uint32_t id, unsigned nth, struct virtio_device *out);

#endif
