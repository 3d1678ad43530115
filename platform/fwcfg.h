/* SPDX-License-Identifier: MIT */
/* QEMU's firmware configuration device, from which the machine's loader takes kernel and initial
 * RAM disk, and which gives them again. */
#ifndef PLATFORM_FWCFG_H
#define PLATFORM_FWCFG_H

#include "kernel/base/base.h"

/* fwcfg_init: what the other calls need. Does not look at the device. Once at boot. Returns 0,
 * -ENOMEM. */
MUST_CHECK int fwcfg_init(void);

/* fwcfg_has_initrd: there is the device, with an initial RAM disk of len bytes. */
bool fwcfg_has_initrd(size_t len);

/* fwcfg_read_initrd: len bytes from offset into the frames at to, below 4 GiB. The callers see
 * to it that there is one call at a time. Returns 0, -EIO. */
MUST_CHECK int fwcfg_read_initrd(uint64_t offset, struct pa to, size_t len);

#endif
