/* SPDX-License-Identifier: MIT */
/* What the machine told us at boot: PVH start info, memory map, command line, initrd. */
#ifndef PLATFORM_BOOT_H
#define PLATFORM_BOOT_H

#include "kernel/base/base.h"
#include "platform/monitor/abi.h"

/* boot_init: remember info, whose memory stays mapped; parse the PVH start info. */
void boot_init(const struct boot_info *info);
const struct boot_info *boot_info(void);

/* boot_option: value of "name=value" on the command line, copied to out[cap] and NUL-ended.
 * A bare "name" gives "". Returns its length, -ENOENT, or -ENAMETOOLONG. */
long boot_option(const char *name, char *out, size_t cap);

/* boot_option_next: as boot_option, for options that repeat; *pos (0 at first) is where to go
 * on. */
long boot_option_next(const char *name, size_t *pos, char *out, size_t cap);

/* boot_initrd: the initial RAM disk. Returns 0 or -ENOENT. */
int boot_initrd(struct pa *first, size_t *len);

/* boot_ram: RAM range n of the memory map. Returns 0 or -ENOENT past the last. */
int boot_ram(unsigned n, struct pa *first, struct pa *end);

/* boot_rsdp: physical address of ACPI's root pointer, 0 when the machine has none. */
uint64_t boot_rsdp(void);

#endif
