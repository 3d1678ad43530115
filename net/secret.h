/* SPDX-License-Identifier: MIT */
/* Numbers that a stranger must not guess. */
#ifndef NET_SECRET_H
#define NET_SECRET_H

#include "net/core.h"

/* secret_start: new keys. */
void secret_start(void);

/* secret_hash: a keyed hash of data[len]: the same for the same data until the next boot. Source:
 * SipHash-2-4 (Aumasson, Bernstein, 2012). */
uint64_t secret_hash(const void *data, size_t len);

/* secret_packet_id: another IP identification for id: different ones for different ids, in an
 * order that does not tell how many packets were sent. Source: RFC 7739. */
uint16_t secret_packet_id(uint16_t id);

#endif
