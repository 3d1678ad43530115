/* SPDX-License-Identifier: MIT */
/* What the processor says of itself, for people to read: /proc/cpuinfo. */
#ifndef PLATFORM_CPUMODEL_H
#define PLATFORM_CPUMODEL_H

#include "kernel/base/base.h"

struct cpu_model {
    char vendor[13], name[49]; /* NUL-ended */
    unsigned family, model, stepping, levels; /* levels: highest basic leaf */
    unsigned physical_bits, virtual_bits, clflush_size, cache_kib;
};

/* cpu_model_read: of the running CPU. Costs dozens of CPUID, each of which may exit to the host. */
void cpu_model_read(struct cpu_model *out);

/* cpu_model_flags: call emit(ctx, name) for each feature, by the names that Linux gives them. */
void cpu_model_flags(void (*emit)(void *ctx, const char *name), void *ctx);

#endif
