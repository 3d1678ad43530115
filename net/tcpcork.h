/* SPDX-License-Identifier: MIT */
/* Bytes that wait for more, because of TCP_CORK or MSG_MORE: not for ever. */
#ifndef NET_TCPCORK_H
#define NET_TCPCORK_H

#include "net/tcp.h"

/* tcpcork_hold: t's bytes have begun to wait; soon tcp_push_locked is called with t->pour set.
 * tcpcork_release: they wait no more; harmless otherwise. */
void tcpcork_hold_locked(struct tcp_socket *t) NEEDS(net_core);
void tcpcork_release_locked(struct tcp_socket *t) NEEDS(net_core);

#endif
