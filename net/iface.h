/* SPDX-License-Identifier: MIT */
/* Network interfaces under the names that programs know: lo and eth0. Their indices are those of
 * lwIP. */
#ifndef NET_IFACE_H
#define NET_IFACE_H

#include <lwip/netif.h>

#include "net/core.h"

#define IFACE_NAME_MAX 16 /* with the NUL: IFNAMSIZ */

/* iface_name: into out[IFACE_NAME_MAX], zero-filled. */
void iface_name(const struct netif *n, char *out);

/* iface_find: by the name in name[len], which may end with a NUL; iface_by_address: that has ip,
 * NULL when there is none. */
struct netif *iface_find_locked(const char *name, size_t len) NEEDS(net_core);
struct netif *iface_by_address_locked(const ip4_addr_t *ip) NEEDS(net_core);

#endif
