/* SPDX-License-Identifier: MIT */
/* Sockets of the Internet families that take whole packets: UDP, raw, and ICMP echoes.
 *
 * Packets to this machine go from one socket to the other without lwIP; others are lwIP's pbufs
 * when they leave, and are copied when they come in. The program's data are copied without
 * net_core. Locks: net_core over names and tables, socket.lock over queues. */
#ifndef NET_DGRAM_H
#define NET_DGRAM_H

/* clang-format off: errqueue.h needs the other */
#include <linux/time.h>
#include <linux/errqueue.h>
/* clang-format on */
#include <lwip/netif.h>
#include <lwip/pbuf.h>

#include "kernel/base/list.h"
#include "kernel/mutex.h"
#include "net/core.h"
#include "net/inetaddr.h"
#include "net/inetopt.h"
#include "net/socket.h"

struct dgram_socket;

/* A packet: being sent, or in the queue of whoever gets it. */
struct datagram {
    struct pbuf_custom custom; /* for lwIP, with room for headers in front of data */
    struct list link; /* in a queue */
    uint32_t refs; /* [A] */
    uint32_t len; /* [I] */
    char *data; /* [I] array[len] */
    struct inet_address from, to;
    uint8_t device; /* index of the interface that it came by */
    uint8_t ttl, tos;
    uint64_t wall_ns; /* when it came */
    struct dgram_socket *owner; /* charged for it while it is sent, with a reference; NULL */
};

/* A queued error: IP_RECVERR. */
struct dgram_error {
    struct list link;
    struct sock_extended_err what;
    ip_addr_t offender; /* who said so; any: nobody */
    struct inet_address to; /* where the packet went */
    size_t len;
    char data[]; /* what it had */
};

/* What one call sends, and how. */
struct dgram_plan {
    struct inet_address to;
    bool named; /* by the call; else it is the peer */
    ip_addr_t from; /* any: not said */
    unsigned device; /* 0: not said */
    unsigned segment; /* bytes of one packet; 0: all in one */
    int ttl, tos; /* -1: as the socket's options say */
    bool whole; /* not to be cut into fragments */
};

struct dgram_socket {
    struct socket s;
    uint32_t refs; /* [A] */
    void (*leave)(struct dgram_socket *t); /* [I] its table, under net_core: it is closed */
    struct inet_options inet;

    struct list hashed; /* [net_core, as all below] in a table of those that get packets */
    struct list groups; /* struct membership: net/multicast.c */
    struct inet_address local, peer;
    bool keeps_address, keeps_port; /* what bind gave stays when a connection ends */
    bool connected;
    bool sharing; /* bound with SO_REUSEPORT */
    uint32_t filter[8]; /* ICMP types that are not wanted: bit by type */
    int checksum_at; /* IPV6_CHECKSUM; -1: none */

    struct list queue, errors; /* [s.lock] datagrams, dgram_errors */
    size_t queued, error_bytes; /* [s.lock] charged for them */
    uint32_t drops; /* [A] */
    uint32_t shut; /* [A] bits 1 << SHUT_RD, 1 << SHUT_WR */
    size_t sent; /* [A] charged for what is being sent */
    uint64_t stamp_ns; /* [A] wall time of the last packet that was read */

    struct mutex corking;
    struct datagram *corked; /* [corking] data that waits for more, with room for the longest */
    size_t corked_bytes; /* [corking] in it */
    struct dgram_plan corked_plan; /* [corking] where it goes */
    bool cork; /* [A] UDP_CORK */
    uint16_t segment; /* [A] UDP_SEGMENT */
};

#define DGRAM_CHARGE 768 /* bytes that a packet counts beside its data: as Linux, about */

static inline struct dgram_socket *dgram_socket(struct socket *s)
{
    return container_of(s, struct dgram_socket, s);
}

/* datagram_create: with one reference and len bytes of data; NULL: out of memory. datagram_copy:
 * the same packet again, for another queue. */
struct datagram *datagram_create(size_t len);
struct datagram *datagram_copy(const struct datagram *d);
void datagram_put(struct datagram *d);

/* datagram_pbuf: d as lwIP's, which has a reference of it. */
struct pbuf *datagram_pbuf(struct datagram *d);

/* dgram_create: with one reference. NULL: out of memory. dgram_put: drop one; the last frees what
 * is left. */
struct dgram_socket *dgram_create(const struct socket_ops *ops, int family, int type, int protocol);
void dgram_get(struct dgram_socket *t);
void dgram_put(struct dgram_socket *t);

/* dgram_receive_locked: d goes into t's queue, or is lost if that is full; takes over its
 * reference. */
void dgram_receive_locked(struct dgram_socket *t, struct datagram *d) NEEDS(net_core);

/* dgram_fail_locked: a packet to to with data[len] met what; fatal: told also when nobody asked for
 * IP_RECVERR. */
void dgram_fail_locked(struct dgram_socket *t, const struct dgram_error *e, const void *data,
                       bool fatal) NEEDS(net_core);

/* dgram_check_whole: d, which may not be cut, has len bytes with its headers: is that too long for
 * the way by out? Returns 0, or -EMSGSIZE, told as IP_RECVERR has it. */
MUST_CHECK int dgram_check_whole_locked(struct dgram_socket *t, const struct datagram *d,
                                        size_t len, const struct netif *out) NEEDS(net_core);

/* dgram_drop_errors: those that wait to be read. */
void dgram_drop_errors(struct dgram_socket *t);

/* dgram_writable, dgram_sent: there is room for packets to send; one has gone. */
bool dgram_writable(const struct dgram_socket *t);
void dgram_sent(struct dgram_socket *t);

static inline bool dgram_shut(const struct dgram_socket *t, int how)
{
    return (__atomic_load_n(&t->shut, __ATOMIC_ACQUIRE) >> how & 1) != 0;
}

/* dgram_plan: from m's address and control messages, and what t is. Returns 0, -EDESTADDRREQ,
 * -EINVAL, -EAFNOSUPPORT, -ENETUNREACH. */
MUST_CHECK int dgram_plan(struct dgram_socket *t, const struct message *m, struct dgram_plan *p);

/* dgram_await_room: until t may send, or an error that waits to be told. */
long dgram_await_room(struct dgram_socket *t, unsigned flags);

/* dgram_connect_locked: a, which may be changed, is t's peer. Returns 0, -ENETUNREACH, -EACCES ...
 * dgram_forget_peer_locked: it has none any more. */
MUST_CHECK int dgram_connect_locked(struct dgram_socket *t, struct inet_address *a) NEEDS(net_core);
void dgram_forget_peer_locked(struct dgram_socket *t) NEEDS(net_core);

/* Ops that all have. */
long dgram_op_recv(struct socket *s, struct message *m);
unsigned dgram_op_poll(struct socket *s);
long dgram_op_queued(struct socket *s, bool out);
int dgram_op_name(struct socket *s, enum socket_name which, void *out, size_t *len);
int dgram_op_shutdown(struct socket *s, int how);
int dgram_op_get_option(struct socket *s, int level, int option, void *value, size_t *len);
int dgram_op_set_option(struct socket *s, int level, int option, const void *value, size_t len);
long dgram_op_ioctl(struct socket *s, unsigned cmd, uint64_t arg);
void dgram_op_release(struct socket *s);
#define DGRAM_OPS                                                                        \
    .recv = dgram_op_recv, .shutdown = dgram_op_shutdown, .poll = dgram_op_poll,         \
    .queued = dgram_op_queued, .name = dgram_op_name, .get_option = dgram_op_get_option, \
    .set_option = dgram_op_set_option, .ioctl = dgram_op_ioctl, .release = dgram_op_release

#endif
