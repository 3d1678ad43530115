/* SPDX-License-Identifier: MIT */
/* Network interfaces under the names that programs know: lo and eth0. Their indices are those of
 * lwIP. */
#ifndef NET_IFACE_H
#define NET_IFACE_H

#include <lwip/netif.h>

#include "net/alias.h"
#include "net/core.h"

#define IFACE_NAME_MAX 16 /* with the NUL: IFNAMSIZ */

/* iface_index: as programs know it; an alias has its interface's. */
static inline unsigned iface_index(struct netif *n)
{
    return netif_get_index(alias_main(n));
}

/* iface_name: into out[IFACE_NAME_MAX], zero-filled. */
void iface_name(struct netif *n, char *out);

/* iface_find: by the name in name[len], which may end with a NUL; iface_by_address: that has ip,
 * NULL when there is
 * none. iface_after: the next by index, NULL: the first. */
struct netif *iface_find_locked(const char *name, size_t len) NEEDS(net_core);
struct netif *iface_after_locked(const struct netif *n) NEEDS(net_core);
struct netif *iface_by_address_locked(const ip4_addr_t *ip) NEEDS(net_core);

/* iface_flags: IFF_*, as SIOCGIFFLAGS tells them. iface_mtu: as programs are told. */
unsigned iface_flags(const struct netif *n);
unsigned iface_mtu(const struct netif *n);

/* What has come in and gone out. */
struct iface_counts {
    uint64_t rx_packets, rx_bytes, rx_dropped, multicast;
    uint64_t tx_packets, tx_bytes, tx_dropped;
};
#define IFACE_MAX 4
extern struct iface_counts iface_counters[IFACE_MAX]; /* [net_core] by index */

static inline struct iface_counts *iface_counts(const struct netif *n)
{
    return &iface_counters[netif_get_index(n) % IFACE_MAX];
}

static inline void iface_count_in(const struct netif *n, size_t len)
{
    iface_counts(n)->rx_packets++;
    iface_counts(n)->rx_bytes += len;
}

static inline void iface_count_out(const struct netif *n, size_t len)
{
    iface_counts(n)->tx_packets++;
    iface_counts(n)->tx_bytes += len;
}

#endif
