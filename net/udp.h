/* SPDX-License-Identifier: MIT */
/* UDP sockets. */
#ifndef NET_UDP_H
#define NET_UDP_H

#include "net/dgram.h"
#include "net/inetroute.h"
#include "net/udptable.h"

/* udp_create: the create of socket_family, for SOCK_DGRAM. */
int udp_create(int family, int protocol, struct socket **out);

/* udp_op_send: the op. udp_uncork: send what waits for more. */
long udp_op_send(struct socket *s, struct message *m);
int udp_uncork(struct dgram_socket *t);

/* udp_autobind: t gets a port if it has none. Returns 0 or -EAGAIN. */
MUST_CHECK int udp_autobind_locked(struct dgram_socket *t) NEEDS(net_core);

/* udp_refused: nobody has the port that data[len] went to; it came from k->from. */
void udp_refused_locked(const struct udp_key *k, const void *data, size_t len) NEEDS(net_core);

#endif
