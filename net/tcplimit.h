/* SPDX-License-Identifier: MIT */
/* Bounds of what strangers can make TCP keep. */
#ifndef NET_TCPLIMIT_H
#define NET_TCPLIMIT_H

#include "net/core.h"

struct tcp_pcb;
struct tcp_socket;

/* tcp_limit_start_locked: once, behind lwip_init. tcp_limit_listen_locked: listener is a new one:
 * its half-open connections are counted. tcp_limit_opened_locked: one of them is open now.
 * tcp_limit_closed_locked: the listener that is l's goes; the half-open ones are lwIP's. */
void tcp_limit_start_locked(void) NEEDS(net_core);
void tcp_limit_listen_locked(struct tcp_pcb *listener) NEEDS(net_core);
void tcp_limit_opened_locked(struct tcp_pcb *pcb) NEEDS(net_core);
void tcp_limit_closed_locked(struct tcp_socket *l) NEEDS(net_core);

/* tcp_limit_time_wait_locked: forget the oldest connections in TIME_WAIT when there are many. */
void tcp_limit_time_wait_locked(void) NEEDS(net_core);

#endif
