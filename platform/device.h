/* SPDX-License-Identifier: MIT */
/* Physical addresses that are not the allocator's: registers, and tables of the firmware. */
#ifndef PLATFORM_DEVICE_H
#define PLATFORM_DEVICE_H

#include "kernel/base/base.h"

/* device_map: address of [pa, pa + len) in the device window of the kernel area. flags: MAP_R, or
 * MAP_R | MAP_W | MAP_DEVICE. Stays mapped; asked again, the same pages are found. NULL: no room,
 * or not ours to map. Context: boot. */
volatile uint8_t *device_map(struct pa pa, size_t len, uint32_t flags);

#endif
