/* SPDX-License-Identifier: MIT */
/* See alias.h. An alias points to its interface by netif.state. It stands behind it in lwIP's list,
 * so that what leaves without an address of its own leaves with the interface's. */
#include "net/alias.h"

#include <asm/errno.h>
#include <lwip/etharp.h>
#include <lwip/prot/etharp.h>

#include "kernel/base/string.h"

static struct netif aliases[ALIAS_MAX]; /* [net_core] */
static unsigned naliases; /* [net_core] */

static err_t init(struct netif *a)
{
    const struct netif *n = a->state;
    memcpy(a->name, n->name, sizeof(a->name));
    memcpy(a->hwaddr, n->hwaddr, sizeof(a->hwaddr));
    a->hwaddr_len = n->hwaddr_len;
    a->mtu = n->mtu;
    a->output = n->output;
    a->linkoutput = n->linkoutput;
    a->flags = (uint8_t)(n->flags & ~(NETIF_FLAG_UP | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6));
    a->chksum_flags = n->chksum_flags;
    return ERR_OK;
}

/* lwIP puts a new one first. */
static void move_to_end(struct netif *a) NEEDS(net_core)
{
    struct netif **at = &netif_list;
    while (*at != a) {
        at = &(*at)->next;
    }
    *at = a->next;
    while (*at != NULL) {
        at = &(*at)->next;
    }
    *at = a;
    a->next = NULL;
}

int alias_add_locked(struct netif *n, const ip4_addr_t *ip, const ip4_addr_t *mask)
{
    static const ip4_addr_t none;
    lock_assert_held(&net_core);
    if (naliases == ALIAS_MAX) {
        return -ENOSPC;
    }
    struct netif *a = &aliases[naliases];
    if (netif_add(a, ip, mask, &none, n, init, n->input) == NULL) {
        return -ENOBUFS;
    }
    naliases++;
    move_to_end(a);
    netif_set_up(a);
    return 0;
}

struct netif *alias_nth_locked(const struct netif *n, unsigned i)
{
    lock_assert_held(&net_core);
    for (unsigned k = 0; k < naliases; k++) {
        if (aliases[k].state == n && i-- == 0) {
            return &aliases[k];
        }
    }
    return NULL;
}

struct netif *alias_main(struct netif *n)
{
    return alias_is(n) ? n->state : n;
}

bool alias_is_secondary(const struct netif *n)
{
    const struct netif *own = n->state;
    return own != NULL && ip4_addr_cmp(netif_ip4_netmask(n), netif_ip4_netmask(own)) &&
           ip4_addr_netcmp(netif_ip4_addr(n), netif_ip4_addr(own), netif_ip4_netmask(n));
}

struct netif *alias_asked_locked(struct netif *n, const void *arp, size_t len)
{
    const struct etharp_hdr *h = arp;
    lock_assert_held(&net_core);
    for (unsigned k = 0; len >= sizeof(*h) && k < naliases; k++) {
        if (aliases[k].state == n &&
            memcmp(&h->dipaddr, netif_ip4_addr(&aliases[k]), sizeof(h->dipaddr)) == 0) {
            return &aliases[k];
        }
    }
    return n;
}

void alias_set_mtu_locked(struct netif *n, uint16_t mtu)
{
    lock_assert_held(&net_core);
    n->mtu = mtu;
    for (unsigned k = 0; k < naliases; k++) {
        if (aliases[k].state == n) {
            aliases[k].mtu = mtu;
        }
    }
}
