/* SPDX-License-Identifier: MIT */
/* Raw sockets, and those for ICMP echoes. */
#ifndef NET_RAW_H
#define NET_RAW_H

#include "net/socket.h"

/* raw_create, ping_create: the create of socket_family, for SOCK_RAW, and for SOCK_DGRAM with
 * IPPROTO_ICMP or IPPROTO_ICMPV6. */
int raw_create(int family, int protocol, struct socket **out);
int ping_create(int family, int protocol, struct socket **out);

#endif
