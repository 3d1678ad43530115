/* SPDX-License-Identifier: MIT */
/* TCP_DEFER_ACCEPT: connections that accept gives when something has come on them. All under
 * net_core. */
#ifndef NET_TCPDEFER_H
#define NET_TCPDEFER_H

#include "net/tcp.h"

/* tcpdefer_add_locked: t, with a reference that becomes the queue's, waits for data or the time of
 * l's option. tcpdefer_end_locked: it is to be accepted now, if it waits. tcpdefer_tick_locked:
 * once a second: the time may be over. tcpdefer_drop_locked: t's connection is gone before; drops
 * the queue's reference. */
void tcpdefer_add_locked(struct tcp_socket *l, struct tcp_socket *t) NEEDS(net_core);
void tcpdefer_end_locked(struct tcp_socket *t) NEEDS(net_core);
void tcpdefer_tick_locked(struct tcp_socket *t) NEEDS(net_core);
void tcpdefer_drop_locked(struct tcp_socket *t) NEEDS(net_core);

#endif
