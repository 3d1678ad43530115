/* SPDX-License-Identifier: MIT */
/* lwIP's route hooks: packets to an address of this machine go over lo, whatever interface has it.
 * NULL leaves the choice to lwIP: the interface whose network it is, or the default gateway's. */
#include <lwip/netif.h>

#include "net/loopback.h"

struct netif *net_route4(const ip4_addr_t *src, const ip4_addr_t *dest)
{
    struct netif *n;
    (void)src;
    NETIF_FOREACH(n)
    {
        if (netif_is_up(n) && ip4_addr_cmp(dest, netif_ip4_addr(n))) {
            return loopback_netif();
        }
    }
    return ip4_addr_isloopback(dest) ? loopback_netif() : NULL;
}

struct netif *net_route6(const ip6_addr_t *src, const ip6_addr_t *dest)
{
    struct netif *n;
    (void)src;
    NETIF_FOREACH(n)
    {
        if (netif_is_up(n) && netif_get_ip6_addr_match(n, dest) >= 0) {
            return loopback_netif();
        }
    }
    return ip6_addr_isloopback(dest) ? loopback_netif() : NULL;
}
