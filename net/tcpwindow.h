/* SPDX-License-Identifier: MIT */
/* What options of a socket limit of its connection: the window of the receiver (SO_RCVBUF,
 * TCP_WINDOW_CLAMP) and the segments (TCP_MAXSEG). lwIP has one window and one length for all. */
#ifndef NET_TCPWINDOW_H
#define NET_TCPWINDOW_H

#include "net/tcp.h"

/* tcpwindow_tell_locked: a segment with SYN leaves for t (or for t's listener: t): its header says
 * the limits. */
void tcpwindow_tell_locked(const struct tcp_socket *t, struct tcp_hdr *header) NEEDS(net_core);

/* tcpwindow_open_locked: the connection has come about; once. */
void tcpwindow_open_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcpwindow_read_locked: the program has taken len bytes. */
void tcpwindow_read_locked(struct tcp_socket *t, size_t len) NEEDS(net_core);

#endif
