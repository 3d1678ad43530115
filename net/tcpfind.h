/* SPDX-License-Identifier: MIT */
/* Which connection a packet belongs to, without looking through all of them. */
#ifndef NET_TCPFIND_H
#define NET_TCPFIND_H

#include <lwip/pbuf.h>

#include "net/core.h"

struct inet_address;
struct tcp_socket;

/* tcpfind_add_locked, tcpfind_remove_locked: t's connection, whose addresses are set, is to be
 * found; not any more. Removing one that is not there is harmless. */
void tcpfind_add_locked(struct tcp_socket *t) NEEDS(net_core);
void tcpfind_remove_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcpfind_get_locked: whose connection it is between these; NULL: there is none that is open. */
struct tcp_socket *tcpfind_get_locked(const struct inet_address *local,
                                      const struct inet_address *peer) NEEDS(net_core);

/* tcpfind_begin_locked: lwIP is about to get an IP packet, of which ip[len] is the beginning: its
 * list of connections starts with the one that the packet belongs to. tcpfind_end_locked: it has
 * had it: the list is whole again. */
void tcpfind_begin_locked(const void *ip, size_t len) NEEDS(net_core);
void tcpfind_end_locked(void) NEEDS(net_core);

#endif
