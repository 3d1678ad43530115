/* SPDX-License-Identifier: MIT */
/* Names of network interfaces. Owns nothing; under net_core. Source: netdevice(7). */
#include "net/iface.h"

#include <linux/if.h>

#include "kernel/base/string.h"
#include "net/loopback.h"

#define LOOPBACK_MTU 65536 /* lwIP's is one less */

struct iface_counts iface_counters[IFACE_MAX];

unsigned iface_flags(const struct netif *n)
{
    unsigned flags = (netif_is_up(n) ? IFF_UP : 0) | (netif_is_link_up(n) ? IFF_RUNNING : 0);
    return flags | (n == loopback_netif() ? IFF_LOOPBACK : IFF_BROADCAST | IFF_MULTICAST);
}

unsigned iface_mtu(const struct netif *n)
{
    return n == loopback_netif() ? LOOPBACK_MTU : n->mtu;
}

void iface_name(struct netif *n, char *out)
{
    memset(out, 0, IFACE_NAME_MAX);
    (void)string_copy(out, IFACE_NAME_MAX, n == loopback_netif() ? "lo" : "eth0");
    if (n != loopback_netif()) {
        out[3] = (char)('0' + iface_index(n) - 2); /* lo is the first */
    }
}

struct netif *iface_find_locked(const char *name, size_t len)
{
    char own[IFACE_NAME_MAX];
    struct netif *n;
    lock_assert_held(&net_core);
    len = strnlen(name, len);
    NETIF_FOREACH(n)
    {
        iface_name(n, own);
        if (!alias_is(n) && strnlen(own, sizeof(own)) == len && memcmp(own, name, len) == 0) {
            return n;
        }
    }
    return NULL;
}

struct netif *iface_after_locked(const struct netif *n)
{
    lock_assert_held(&net_core);
    struct netif *next = NULL;
    for (unsigned i = n != NULL ? netif_get_index(n) + 1U : 1; next == NULL && i < IFACE_MAX; i++) {
        next = netif_get_by_index((u8_t)i);
        next = next != NULL && alias_is(next) ? NULL : next;
    }
    return next;
}

struct netif *iface_by_address_locked(const ip4_addr_t *ip)
{
    struct netif *n;
    lock_assert_held(&net_core);
    NETIF_FOREACH(n)
    {
        if (ip4_addr_cmp(ip, netif_ip4_addr(n))) {
            return alias_main(n);
        }
    }
    return ip4_addr_isloopback(ip) ? loopback_netif() : NULL;
}
