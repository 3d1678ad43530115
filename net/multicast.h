/* SPDX-License-Identifier: MIT */
/* Groups that datagram sockets have joined, and by which interface they send to groups. */
#ifndef NET_MULTICAST_H
#define NET_MULTICAST_H

#include "net/dgram.h"

/* multicast_get, multicast_set: options of this kind; -ENOPROTOOPT: it is none. */
MUST_CHECK int multicast_get(const struct inet_options *o, int level, int option, void *value,
                             size_t *len);
MUST_CHECK int multicast_set(struct dgram_socket *t, int level, int option, const void *value,
                             size_t len);

/* multicast_leave: all groups of t, at its end. */
void multicast_leave_all_locked(struct dgram_socket *t) NEEDS(net_core);

/* multicast_wanted: t takes packets to group that come by device; it is bound to their port.
 * multicast_joined: some socket takes them. */
bool multicast_wanted_locked(const struct dgram_socket *t, const ip_addr_t *group, unsigned device)
    NEEDS(net_core);
bool multicast_joined_locked(const ip_addr_t *group, unsigned device) NEEDS(net_core);

/* multicast_device: by which interface t sends to group; 0: the route's. */
unsigned multicast_device(const struct inet_options *o, const ip_addr_t *group);

#endif
