/* SPDX-License-Identifier: MIT */
/* The Internet checksum. Source: RFC 1071. */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include "kernel/base/base.h"

/* checksum_add: the ones' complement sum of data[len] in memory order, added to sum; an odd last
 * byte counts as if a zero followed. checksum_fold: to 16 bits, not complemented. */
uint64_t checksum_add(uint64_t sum, const void *data, size_t len);
uint16_t checksum_fold(uint64_t sum);

#endif
