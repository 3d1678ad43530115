/* SPDX-License-Identifier: MIT */
/* The program's vector and x87 registers when the CPU goes from one thread to another. */
#ifndef PLATFORM_VECTORS_H
#define PLATFORM_VECTORS_H

#include "kernel/base/base.h"

#define VECTORS_ALIGN 64

/* vectors_init: choose the way; after cpu_init of the boot CPU. */
void vectors_init(void);

/* vectors_size: length of an area, which starts out zeroed at a multiple of VECTORS_ALIGN. Its
 * format is nobody else's business: signal frames have cpu_xsave's. */
size_t vectors_size(void);

/* vectors_save: all registers of the running CPU to area. vectors_load: from area; now is the area
 * that they have just been saved to, NULL when they may be anything. */
void vectors_save(void *area);
void vectors_load(const void *area, const void *now);

#endif
