/* SPDX-License-Identifier: MIT */
/* Random numbers: ChaCha20, seeded at boot (RDRAND, the host's seed, the TSC), reseeded as it
 * goes. */
#ifndef KERNEL_RANDOM_H
#define KERNEL_RANDOM_H

#include "kernel/base/base.h"

void random_seed(const void *data, size_t len); /* mix in; first call from boot_info.entropy */
void random_bytes(void *out, size_t len);
uint64_t random_u64(void);

/* random_block: the ChaCha20 block function. Pure. Source: RFC 8439 2.3. */
void random_block(const uint32_t k[8], const uint32_t counter_nonce[4], uint32_t out[16]);

#endif
