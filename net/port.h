/* SPDX-License-Identifier: MIT */
/* Port numbers that nobody asked for. Source: ip(7), RFC 6056. */
#ifndef NET_PORT_H
#define NET_PORT_H

#include <lwip/ip_addr.h>

#include "net/core.h"

enum port_space { PORT_TCP, PORT_UDP };

/* port_choose: a random free port of /proc/sys/net/ipv4/ip_local_port_range. peer: where a
 * connection shall go, with its port: ports of other connections are free then; NULL: only ports
 * that nobody has. 0: there is none. */
uint16_t port_choose_locked(enum port_space space, const ip_addr_t *peer, uint16_t peer_port)
    NEEDS(net_core);

/* port_allowed: may the process bind it? 0, -EACCES below 1024 without CAP_NET_BIND_SERVICE. */
int port_allowed(uint16_t port);

#define PORT_FIRST 32768
#define PORT_LAST 60999

#endif
