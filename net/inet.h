/* SPDX-License-Identifier: MIT */
/* The families AF_INET and AF_INET6. */
#ifndef NET_INET_H
#define NET_INET_H

#include "net/socket.h"

extern const struct socket_family inet_family, inet6_family;

#endif
