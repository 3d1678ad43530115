/* SPDX-License-Identifier: MIT */
/* Which way packets leave this machine, and which of its addresses they come from. */
#ifndef NET_INETROUTE_H
#define NET_INETROUTE_H

#include <lwip/netif.h>

#include "net/core.h"

struct inet_route {
    ip_addr_t from; /* the source address */
    struct netif *out;
    bool local; /* to this machine itself; also multicast on lo */
    bool broadcast, multicast;
};

/* inetroute_find: from: the address to use, any: choose one; device: index of the interface to use,
 * 0: whichever leads there. Returns 0, -ENETUNREACH, -EINVAL (the address cannot be used that way),
 * -EADDRNOTAVAIL. */
MUST_CHECK int inetroute_find_locked(const ip_addr_t *to, const ip_addr_t *from, unsigned device,
                                     struct inet_route *out) NEEDS(net_core);

/* inetroute_is_broadcast: of some interface, or 255.255.255.255. */
bool inetroute_is_broadcast_locked(const ip_addr_t *ip) NEEDS(net_core);

/* inetroute_mtu: bytes of a packet on the way to to. Returns it, -ENOTCONN: there is no way. */
int inetroute_mtu_locked(const ip_addr_t *to, const ip_addr_t *from, unsigned device)
    NEEDS(net_core);

/* inetroute_is_silent: who would take packets to to on the local network has not told its hardware
 * address. Of IPv4 only. */
bool inetroute_is_silent_locked(const ip_addr_t *from, const ip_addr_t *to) NEEDS(net_core);

/* inetroute_home: *to, if it is the unspecified address, becomes the loopback's. v6: it is that of
 * an AF_INET6 socket. */
void inetroute_home(ip_addr_t *to, bool v6);

#endif
