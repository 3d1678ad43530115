/* SPDX-License-Identifier: MIT */
/* AF_NETLINK sockets. */
#ifndef NET_NETLINK_H
#define NET_NETLINK_H

#include "net/socket.h"

extern const struct socket_family netlink_family;

#endif
