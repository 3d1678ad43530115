/* SPDX-License-Identifier: MIT */
/* What ICMP says of TCP's segments. */
#ifndef NET_TCPERROR_H
#define NET_TCPERROR_H

#include "net/core.h"
#include "net/inetaddr.h"

struct tcp_pcb;
struct tcp_socket;

/* The segment that a message quotes. */
struct tcp_quote {
    const struct inet_address *local, *peer;
    uint32_t sequence;
};

/* tcperror_unreachable_locked: it met with error (positive). A connection that is being made fails
 * with it; an open one goes on trying, and tells it when the program asked for that, or at its
 * end. */
void tcperror_unreachable_locked(const struct tcp_quote *q, int error) NEEDS(net_core);

/* tcperror_too_long_locked: packets of its way may have mtu bytes: from now on the connection's
 * have, and what was lost is sent again. Returns whether there is such a connection. */
bool tcperror_too_long_locked(const struct tcp_quote *q, unsigned mtu) NEEDS(net_core);

/* tcperror_way_locked: t is open now: the segments on the wire are no longer than its way is known
 * to take. */
void tcperror_way_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcperror_whole_locked: routers may not cut t's packets; t NULL: of no socket. */
bool tcperror_whole_locked(const struct tcp_socket *t) NEEDS(net_core);

#endif
