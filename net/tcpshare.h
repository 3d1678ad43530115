/* SPDX-License-Identifier: MIT */
/* Listeners that share an address and port. */
#ifndef NET_TCPSHARE_H
#define NET_TCPSHARE_H

#include <lwip/ip_addr.h>

#include "net/core.h"

struct tcp_pcb_listen;
struct tcp_socket;

/* tcpshare_choose: of the listeners that share l's name, the one for a peer: always the same as
 * long as they are the same. NULL: it has been closed. */
struct tcp_socket *tcpshare_choose_locked(const struct tcp_pcb_listen *l, const ip_addr_t *peer,
                                          uint16_t port) NEEDS(net_core);

#endif
