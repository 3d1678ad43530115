/* SPDX-License-Identifier: MIT */
/* Addresses of AF_INET and AF_INET6 sockets. Source: ip(7), ipv6(7), RFC 4291 (mapped ones). */
#include "net/inetaddr.h"

#include <asm/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <lwip/netif.h>

#include "kernel/base/string.h"

#define AF_UNSPEC 0
#define SOCKADDR_IN6_MIN 24 /* RFC 2133's has no scope */

static inline uint16_t swap16(uint16_t v)
{
    return __builtin_bswap16(v);
}

static int parse4(const struct sockaddr_in *sin, size_t len, struct inet_address *out)
{
    if (len < sizeof(*sin)) {
        return -EINVAL;
    }
    if (sin->sin_family != AF_INET &&
        !(sin->sin_family == AF_UNSPEC && sin->sin_addr.s_addr == INADDR_ANY)) {
        return -EAFNOSUPPORT;
    }
    ip_addr_set_ip4_u32(&out->ip, sin->sin_addr.s_addr);
    out->port = swap16(sin->sin_port);
    return 0;
}

static int parse6(const struct sockaddr_in6 *sin6, size_t len, struct inet_address *out)
{
    if (len < SOCKADDR_IN6_MIN) {
        return -EINVAL;
    }
    if (sin6->sin6_family != AF_INET6) {
        return -EAFNOSUPPORT;
    }
    ip6_addr_t ip;
    memset(&ip, 0, sizeof(ip));
    memcpy(ip.addr, &sin6->sin6_addr, sizeof(ip.addr));
    if (ip6_addr_isipv4mappedipv6(&ip)) {
        ip_addr_set_ip4_u32(&out->ip, ip.addr[3]);
    } else {
        ip_addr_copy_from_ip6(out->ip, ip);
        if (ip6_addr_isany(&ip)) {
            IP_SET_TYPE_VAL(out->ip, IPADDR_TYPE_ANY);
        }
        if (ip6_addr_has_scope(&ip, IP6_UNKNOWN)) {
            out->scope = len >= sizeof(*sin6) ? sin6->sin6_scope_id : 0;
            ip6_addr_set_zone(ip_2_ip6(&out->ip), (u8_t)out->scope);
        }
    }
    out->port = swap16(sin6->sin6_port);
    return 0;
}

int inetaddr_parse(int family, const void *addr, size_t len, struct inet_address *out)
{
    memset(out, 0, sizeof(*out));
    return family == AF_INET ? parse4(addr, len, out) : parse6(addr, len, out);
}

void inetaddr_store(int family, const ip_addr_t *ip, uint16_t port, void *out, size_t *len)
{
    if (family == AF_INET) {
        struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = swap16(port)};
        sin.sin_addr.s_addr = IP_IS_V4(ip) ? ip4_addr_get_u32(ip_2_ip4(ip)) : 0;
        memcpy(out, &sin, *len = sizeof(sin));
        return;
    }
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = swap16(port)};
    if (IP_IS_V4_VAL(*ip)) {
        uint32_t mapped[4] = {0, 0, __builtin_bswap32(0xffff), ip4_addr_get_u32(ip_2_ip4(ip))};
        memcpy(&sin6.sin6_addr, mapped, sizeof(mapped));
    } else {
        memcpy(&sin6.sin6_addr, ip_2_ip6(ip)->addr, sizeof(sin6.sin6_addr));
        sin6.sin6_scope_id = ip6_addr_zone(ip_2_ip6(ip));
    }
    memcpy(out, &sin6, *len = sizeof(sin6));
}

bool inetaddr_is_local(const ip_addr_t *ip)
{
    struct netif *n;
    if (IP_IS_V4(ip) && ip4_addr_isloopback(ip_2_ip4(ip))) {
        return true;
    }
    NETIF_FOREACH(n)
    {
        if (IP_IS_V4(ip) ? ip4_addr_cmp(ip_2_ip4(ip), netif_ip4_addr(n))
                         : netif_get_ip6_addr_match(n, ip_2_ip6(ip)) >= 0) {
            return true;
        }
    }
    return false;
}

bool inetaddr_covers(const ip_addr_t *bound, const ip_addr_t *ip)
{
    if (IP_IS_ANY_TYPE_VAL(*bound)) {
        return true;
    }
    return IP_IS_V4_VAL(*bound) == IP_IS_V4_VAL(*ip) &&
           (ip_addr_isany(bound) || ip_addr_cmp(bound, ip));
}

bool inetaddr_overlap(const ip_addr_t *a, const ip_addr_t *b)
{
    return IP_IS_ANY_TYPE_VAL(*b) || inetaddr_covers(a, b) || inetaddr_covers(b, a);
}

int inetaddr_errno(err_t err)
{
    static const uint8_t numbers[] = {
        [-ERR_MEM] = ENOBUFS,
        [-ERR_BUF] = ENOBUFS,
        [-ERR_TIMEOUT] = ETIMEDOUT,
        [-ERR_RTE] = ENETUNREACH,
        [-ERR_INPROGRESS] = EINPROGRESS,
        [-ERR_VAL] = EINVAL,
        [-ERR_WOULDBLOCK] = EAGAIN,
        [-ERR_USE] = EADDRINUSE,
        [-ERR_ALREADY] = EALREADY,
        [-ERR_ISCONN] = EISCONN,
        [-ERR_CONN] = ENOTCONN,
        [-ERR_IF] = ENETUNREACH,
        [-ERR_ABRT] = ETIMEDOUT,
        [-ERR_RST] = ECONNRESET,
        [-ERR_CLSD] = ENOTCONN,
        [-ERR_ARG] = EINVAL,
    };
    unsigned n = (unsigned)-err;
    return n < ARRAY_LEN(numbers) && numbers[n] != 0 ? -(int)numbers[n] : -EIO;
}
