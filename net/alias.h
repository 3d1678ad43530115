/* SPDX-License-Identifier: MIT */
/* Further IPv4 addresses of an interface. lwIP's interfaces have one each: others are interfaces of
 * lwIP's that send by the same device. The program sees one interface. All under net_core. */
#ifndef NET_ALIAS_H
#define NET_ALIAS_H

#include <lwip/netif.h>

#include "net/core.h"

#define ALIAS_MAX 7

/* alias_add_locked: n, which is up, has this address, too. Returns 0, -ENOSPC, -ENOBUFS. */
MUST_CHECK int alias_add_locked(struct netif *n, const ip4_addr_t *ip, const ip4_addr_t *mask)
    NEEDS(net_core);

/* alias_nth_locked: the ith of n's, NULL past the last. alias_main: the interface whose n is, n
 * itself when it is none. */
struct netif *alias_nth_locked(const struct netif *n, unsigned i) NEEDS(net_core);
struct netif *alias_main(struct netif *n);

static inline bool alias_is(const struct netif *n)
{
    return n->state != NULL;
}

/* alias_is_secondary: n is an alias in the network of its interface's own address. */
bool alias_is_secondary(const struct netif *n);

/* alias_asked_locked: the interface that an ARP packet is for: that has the address asked for, else
 * n. */
struct netif *alias_asked_locked(struct netif *n, const void *arp, size_t len) NEEDS(net_core);

/* alias_set_mtu_locked: of n and its aliases. */
void alias_set_mtu_locked(struct netif *n, uint16_t mtu) NEEDS(net_core);

#endif
