/* SPDX-License-Identifier: MIT */
/* What options limit of a TCP connection: its segments (TCP_MAXSEG) and the window that the peer is
 * told (SO_RCVBUF, TCP_WINDOW_CLAMP). */
#ifndef NET_TCPWINDOW_H
#define NET_TCPWINDOW_H

#include "net/tcp.h"

/* tcpwindow_offer: t's options go into header, a SYN that pcb sends. pcb may not be t's yet. */
void tcpwindow_offer_locked(const struct tcp_socket *t, struct tcp_pcb *pcb, struct tcp_hdr *header)
    NEEDS(net_core);

/* tcpwindow_start: t's connection is open. */
void tcpwindow_start_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcpwindow_read: the program has read len bytes, which received_bytes has no more. */
void tcpwindow_read_locked(struct tcp_socket *t, size_t len) NEEDS(net_core);

#endif
