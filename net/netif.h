/* SPDX-License-Identifier: MIT */
/* The interface eth0: a virtio network device under lwIP. */
#ifndef NET_NETIF_H
#define NET_NETIF_H

#include <lwip/ip_addr.h>

#include "kernel/base/list.h"
#include "net/core.h"

struct netif;

/* netif_start: find the device and make eth0 of it, without an address. Returns it, NULL when there
 * is no device. Once at boot. */
struct netif *netif_start(void);

/* address_start: once at boot, before others of net/net.h. */
void address_start(void);

/* netif_receive: take in what has arrived. Returns the number of frames. Context: any thread or
 * interrupt handler, no lock held. netif_pending: there is something to take in; a hint. */
unsigned netif_receive(void);
bool netif_pending(void);

/* netif_interrupts: on: netpoll_arrived is called when the next frame comes. Returns true if one
 * has come before. */
bool netif_interrupts(bool on);

/* netif_flush_locked: what was sent is complete: the device may be told. Returns true if it must
 * be, by netif_notify, which takes no lock of ours. While the device is looked at (net/netpoll.h) a
 * few packets may wait for others. netif_flush: at once. */
bool netif_flush_locked(void) NEEDS(net_core);
void netif_notify(void);
void netif_flush(void);

/* netif_is_drained_locked: the device is done with all packets. */
bool netif_is_drained_locked(void) NEEDS(net_core);

/* netif_cuts_segments: TCP segments from local to remote may be longer than the network allows: the
 * device cuts them. */
bool netif_cuts_segments(const ip_addr_t *local, const ip_addr_t *remote);

/* netif_let_long_locked: the next packet of lwIP's is one that the device cuts: lwIP shall not. */
void netif_let_long_locked(void) NEEDS(net_core);

/* Memory that packets point into. */
struct netif_garbage {
    struct list link;
    void *memory; /* for heap_free; the structure may lie in it */
    uint64_t after; /* number of the last packet that may */
};

/* netif_free_later_locked: free g->memory once the device is done with all packets sent so far. */
void netif_free_later_locked(struct netif_garbage *g) NEEDS(net_core);

#endif
