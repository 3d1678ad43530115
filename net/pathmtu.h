/* SPDX-License-Identifier: MIT */
/* What the ways to other machines take, as their routers have told: IPv4. lwIP knows it of IPv6. */
#ifndef NET_PATHMTU_H
#define NET_PATHMTU_H

#include <lwip/netif.h>

#include "net/core.h"

/* No way is shorter, whatever a router says; IPv4: Linux's min_pmtu. */
#define PATHMTU_LEAST4 552U
#define PATHMTU_LEAST6 1280U /* every link of IPv6 takes them */

/* pathmtu_note: a router says that packets to to may have mtu bytes. */
void pathmtu_note_locked(const ip4_addr_t *to, unsigned mtu) NEEDS(net_core);

/* pathmtu_to: bytes of the longest packet to to, which leaves by out. */
unsigned pathmtu_to_locked(const ip_addr_t *to, const struct netif *out) NEEDS(net_core);

#endif
