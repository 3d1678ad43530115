/* SPDX-License-Identifier: MIT */
/* The page of data that the vDSO reads and the kernel writes: the only thing both know. */
#ifndef LOADER_VDSO_DATA_H
#define LOADER_VDSO_DATA_H

#include <stdint.h>

/* Where the image holds the address of the data page: written by the kernel after mapping both. */
#define VDSO_POINTER_OFFSET 0x200

/* ns = base_ns[...] + ((tsc - base_tsc) * mult) >> VDSO_SHIFT, with a 128-bit product. A fixed
 * shift makes the shift one cheap instruction; 58 leaves mult room for counters down to 16 MHz. */
#define VDSO_SHIFT 58
#define VDSO_MONOTONIC 0
#define VDSO_REALTIME 1

#define VDSO_CPU_OFFSET 0xd8 /* from GS base: the running CPU's number, 32 bits */

struct vdso_data {
    uint32_t seq; /* odd while the kernel changes the rest */
    uint32_t pad;
    uint64_t base_tsc;
    uint64_t mult;
    uint64_t base_ns[2]; /* time of each clock at base_tsc */
};

#endif
