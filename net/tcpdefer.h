/* SPDX-License-Identifier: MIT */
/* TCP_DEFER_ACCEPT: connections that a listener's program does not hear of before they have brought
 * data. */
#ifndef NET_TCPDEFER_H
#define NET_TCPDEFER_H

#include "net/tcp.h"

/* tcpdefer_offer: t, a connection that l has got, shall be accepted, now or later. Takes over the
 * caller's reference. */
void tcpdefer_offer_locked(struct tcp_socket *l, struct tcp_socket *t) NEEDS(net_core);

/* tcpdefer_end: t, if it waits, may be accepted. tcpdefer_end_all: all that wait for l.
 * tcpdefer_tick: t is if it has waited long enough. */
void tcpdefer_end_locked(struct tcp_socket *t) NEEDS(net_core);
void tcpdefer_end_all_locked(struct tcp_socket *l) NEEDS(net_core);
void tcpdefer_tick_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcpdefer_drop: t's connection is over; if it waits nobody hears of it, and the listener's
 * reference is dropped. */
void tcpdefer_drop_locked(struct tcp_socket *t) NEEDS(net_core);

#endif
