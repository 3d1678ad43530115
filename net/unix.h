/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets. */
#ifndef NET_UNIX_H
#define NET_UNIX_H

#include "net/socket.h"

extern const struct socket_family unix_family;

#endif
