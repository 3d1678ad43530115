/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets. */
#ifndef NET_UNIX_H
#define NET_UNIX_H

#include "net/socket.h"

struct text;

extern const struct socket_family unix_family;

/* unixproc_show: the text of /proc/net/unix. */
void unixproc_show(struct text *t, uint64_t key);

#endif
