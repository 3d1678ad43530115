/* SPDX-License-Identifier: MIT */
/* Addresses of AF_INET and AF_INET6 sockets, as Linux has them and as lwIP has them. */
#ifndef NET_INETADDR_H
#define NET_INETADDR_H

#include <lwip/err.h>
#include <lwip/ip_addr.h>

#include "net/abi.h"

struct inet_address {
    ip_addr_t ip; /* of AF_INET6 sockets: V4 for mapped addresses, ANY_TYPE for :: */
    uint16_t port; /* host order */
    uint32_t scope; /* sin6_scope_id: interface, 0 */
};

/* inetaddr_parse: addr[len], a sockaddr for a socket of family (AF_INET, AF_INET6). Returns 0,
 * -EINVAL (too short), -EAFNOSUPPORT. Source: ip(7), ipv6(7). */
MUST_CHECK int inetaddr_parse(int family, const void *addr, size_t len, struct inet_address *out);

/* inetaddr_store: the sockaddr of ip and port for a socket of family; *len its length. */
void inetaddr_store(int family, const ip_addr_t *ip, uint16_t port, void *out, size_t *len);

/* inetaddr_is_local: some interface has ip. Context: net_core. */
bool inetaddr_is_local(const ip_addr_t *ip);

/* inetaddr_covers: a socket bound to the address bound gets packets for ip. inetaddr_overlap: there
 * are packets that both would get. */
bool inetaddr_covers(const ip_addr_t *bound, const ip_addr_t *ip);
bool inetaddr_overlap(const ip_addr_t *a, const ip_addr_t *b);

/* inetaddr_errno: a negative errno for lwIP's err_t, which is not ERR_OK. */
int inetaddr_errno(err_t err);

#endif
