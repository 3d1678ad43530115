/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets. */
#ifndef NET_UNIX_H
#define NET_UNIX_H

#include "net/socket.h"

/* unix_pair: two sockets of type SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET, connected with each
 * other. flags: O_NONBLOCK or 0. Returns 0 or -ENOMEM. Source: socketpair(2), unix(7). */
MUST_CHECK int unix_pair(int type, unsigned flags, struct file *out[2]);

#endif
