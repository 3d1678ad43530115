/* SPDX-License-Identifier: MIT */
/* SYN segments: what they offer, how often they are repeated. */
#ifndef NET_TCPSYN_H
#define NET_TCPSYN_H

#include "net/tcp.h"

#define TCPSYN_PATIENCE (LWIP_TCP_RTO_TIME / TCP_SLOW_INTERVAL) /* slow ticks until the second */

/* tcpsyn_goes: pcb sends a SYN, header: the socket's options go into it. */
void tcpsyn_goes_locked(struct tcp_pcb *pcb, struct tcp_hdr *header) NEEDS(net_core);

/* tcpsyn_give_up: asked every TCP_POLL_TICKS while t connects. Returns 0: go on; the error with
 * which it fails, positive. */
int tcpsyn_give_up_locked(const struct tcp_socket *t, const struct tcp_pcb *pcb) NEEDS(net_core);

#endif
