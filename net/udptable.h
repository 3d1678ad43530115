/* SPDX-License-Identifier: MIT */
/* Who has which UDP port, and who gets a packet. */
#ifndef NET_UDPTABLE_H
#define NET_UDPTABLE_H

#include "net/dgram.h"

/* Where a packet comes from and goes to. */
struct udp_key {
    const ip_addr_t *from, *to;
    uint16_t from_port, to_port;
    unsigned device; /* index of the interface that it came by */
};

/* udptable_bind: t, which has no port, gets a's address and port, or one that is free. Returns 0 or
 * -EADDRINUSE. udptable_remove: it has none any more. */
MUST_CHECK int udptable_bind_locked(struct dgram_socket *t, const struct inet_address *a)
    NEEDS(net_core);
void udptable_remove_locked(struct dgram_socket *t) NEEDS(net_core);

/* udptable_find: who gets a packet to one host; NULL: nobody. */
struct dgram_socket *udptable_find_locked(const struct udp_key *k) NEEDS(net_core);

/* udptable_deliver_many: to all who want it; d's reference stays the caller's. */
void udptable_deliver_many_locked(const struct udp_key *k, const struct datagram *d)
    NEEDS(net_core);

/* udptable_each: call visit for every socket that has a port. */
void udptable_each_locked(void (*visit)(const struct dgram_socket *t, void *arg), void *arg)
    NEEDS(net_core);

#endif
