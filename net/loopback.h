/* SPDX-License-Identifier: MIT */
/* The interface lo: packets of this machine to itself. */
#ifndef NET_LOOPBACK_H
#define NET_LOOPBACK_H

#include <lwip/netif.h>

#include "net/core.h"

/* loopback_start: lo with 127.0.0.1/8 and ::1/128, up. */
void loopback_start_locked(void) NEEDS(net_core);

/* loopback_send: queue a copy of the IP packet p for this machine, as if it came in by in. Returns
 * ERR_OK or ERR_MEM. */
err_t loopback_send(struct netif *in, struct pbuf *p);

/* loopback_deliver: hand queued packets to lwIP until none is left. */
void loopback_deliver_locked(void) NEEDS(net_core);

/* loopback_netif: lo itself. */
struct netif *loopback_netif(void);

#endif
