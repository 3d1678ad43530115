/* SPDX-License-Identifier: MIT */
/* Options of levels IPPROTO_IP and IPPROTO_IPV6 that are numbers, of all sockets of the two
 * families. What else these levels have: net/multicast.h, net/dgram.h. */
#ifndef NET_INETOPT_H
#define NET_INETOPT_H

#include "net/core.h"
#include "net/inetaddr.h"
#include "net/socket.h"

/* Their values, under one index each. */
enum inet_value {
    INET_TTL, /* -1: the default */
    INET_TOS,
    INET_MTU_DISCOVER,
    INET_RECVERR,
    INET_PKTINFO,
    INET_RECVTTL,
    INET_RECVTOS,
    INET_RECVORIGDST,
    INET_RECVOPTS,
    INET_RETOPTS,
    INET_PASSSEC,
    INET_CHECKSUM,
    INET_RECVFRAGSIZE,
    INET_HDRINCL,
    INET_NODEFRAG,
    INET_NO_PORT,
    INET_RECVERR_EXT,
    INET_MULTICAST_TTL,
    INET_MULTICAST_LOOP,
    INET_MULTICAST_ALL,
    INET_UNICAST_IF,
    INET_FREEBIND,
    INET_TRANSPARENT,
    INET_MINTTL,
    INET6_V6ONLY,
    INET6_HOPS,
    INET6_TCLASS,
    INET6_MTU_DISCOVER,
    INET6_RECVERR,
    INET6_RECVPKTINFO,
    INET6_OLDPKTINFO,
    INET6_RECVHOPLIMIT,
    INET6_OLDHOPLIMIT,
    INET6_RECVTCLASS,
    INET6_RECVORIGDST,
    INET6_RECVRTHDR,
    INET6_RECVHOPOPTS,
    INET6_RECVDSTOPTS,
    INET6_FLOWINFO,
    INET6_FLOWINFO_SEND,
    INET6_RECVPATHMTU,
    INET6_MULTICAST_HOPS,
    INET6_MULTICAST_LOOP,
    INET6_MULTICAST_ALL,
    INET6_MULTICAST_IF, /* index of an interface; 0: none */
    INET6_UNICAST_IF,
    INET6_DONTFRAG,
    INET6_AUTOFLOWLABEL,
    INET6_MINHOPS,
    INET6_RECVERR_EXT,
    INET6_RECVFRAGSIZE,
    INET6_MTU,
    INET_VALUES
};

struct inet_options {
    int32_t value[INET_VALUES]; /* [A] */
    uint32_t device; /* [A] SO_BINDTODEVICE: index of the interface, 0: none */
    uint32_t multicast_address; /* [A] what IP_MULTICAST_IF tells, network order */
    uint32_t multicast_device; /* [A] its interface; 0: none */
};

static inline int inet_value(const struct inet_options *o, enum inet_value at)
{
    return __atomic_load_n(&o->value[at], __ATOMIC_RELAXED);
}

/* inetopt_init: the values of a new socket. */
void inetopt_init(struct inet_options *o);

/* inetopt_get, inetopt_set: s, which has o, is asked for an option. Return 0; -ENOPROTOOPT also for
 * what the socket has to deal with itself; -EINVAL, -EPERM, -ENODEV ... */
MUST_CHECK int inetopt_get(struct socket *s, const struct inet_options *o, int level, int option,
                           void *value, size_t *len);
MUST_CHECK int inetopt_set(struct socket *s, struct inet_options *o, int level, int option,
                           const void *value, size_t len);

/* inetopt_ttl: of packets to an address of IPv4 or IPv6, to one host or to many. */
unsigned inetopt_ttl(const struct inet_options *o, bool v6, bool multicast);

/* inetopt_check_address_locked: may s, which has o, be bound to a? 0, -EINVAL, -EADDRNOTAVAIL. */
MUST_CHECK int inetopt_check_address_locked(const struct socket *s, const struct inet_options *o,
                                            const struct inet_address *a) NEEDS(net_core);

#endif
