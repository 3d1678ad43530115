/* SPDX-License-Identifier: MIT */
/* Routes: addresses of this machine are reached over lo, others by the interface in whose network
 * they are, or its gateway. lwIP decides but for what it would not refuse. Source: ip(7), RFC 6724.
 */
#include "net/inetroute.h"

#include <asm/errno.h>
#include <lwip/etharp.h>
#include <lwip/ip.h>

#include "net/alias.h"
#include "net/inetaddr.h"
#include "net/loopback.h"
#include "net/pathmtu.h"

#define LOOPBACK_MTU4 65535 /* as Linux has them */
#define LOOPBACK_MTU6 65536
#define LOOPBACK_BROADCAST PP_HTONL(0x7fffffffUL) /* 127.255.255.255 */

void inetroute_home(ip_addr_t *to, bool v6)
{
    if (!ip_addr_isany(to)) {
        return;
    }
    if (v6 && !IP_IS_V4_VAL(*to)) {
        ip_addr_set_loopback(true, to);
    } else {
        ip_addr_set_loopback(false, to);
    }
}

bool inetroute_is_broadcast_locked(const ip_addr_t *ip)
{
    struct netif *n;
    if (!IP_IS_V4_VAL(*ip) || ip4_addr_isany(ip_2_ip4(ip))) {
        return false;
    }
    NETIF_FOREACH(n)
    {
        if (ip4_addr_isbroadcast(ip_2_ip4(ip), n)) {
            return true;
        }
    }
    return ip4_addr_get_u32(ip_2_ip4(ip)) == LOOPBACK_BROADCAST;
}

/* NULL: there is none. lwIP's indices are shorter than what programs may name. */
static struct netif *device_of(unsigned index)
{
    struct netif *n = index <= UINT8_MAX ? netif_get_by_index((u8_t)index) : NULL;
    return n != NULL && !alias_is(n) ? n : NULL;
}

static bool has_address(const struct netif *n, bool v6)
{
    if (!netif_is_up(n)) {
        return false;
    }
    return v6 ? ip6_addr_isvalid(netif_ip6_addr_state(n, 0))
              : !ip4_addr_isany_val(*netif_ip4_addr(n));
}

/* The interface for what goes to many. */
static struct netif *find_for_many(const ip_addr_t *to, const ip_addr_t *from, unsigned device)
    NEEDS(net_core)
{
    struct netif *n;
    bool v6 = IP_IS_V6_VAL(*to);
    if (device != 0) {
        n = device_of(device);
        return n != NULL && has_address(n, v6) ? n : NULL;
    }
    NETIF_FOREACH(n)
    {
        bool mine =
            !v6 &&
            (ip4_addr_cmp(ip_2_ip4(from), netif_ip4_addr(n)) ||
             (ip4_addr_isbroadcast(ip_2_ip4(to), n) && ~ip4_addr_get_u32(ip_2_ip4(to)) != 0));
        if (mine && netif_is_up(n)) {
            return n;
        }
    }
    if (!v6 && (ip4_addr_isloopback(ip_2_ip4(to)) || ip4_addr_isloopback(ip_2_ip4(from)))) {
        return loopback_netif();
    }
    return netif_default != NULL && has_address(netif_default, v6) ? netif_default : NULL;
}

static int route_many(const ip_addr_t *to, const ip_addr_t *from, unsigned device,
                      struct inet_route *out) NEEDS(net_core)
{
    if (IP_IS_V6_VAL(*to) && device == 0 && ip6_addr_has_zone(ip_2_ip6(to))) {
        device = ip6_addr_zone(ip_2_ip6(to));
    }
    out->out = find_for_many(to, from, device);
    if (out->out == NULL) {
        return device != 0 ? -ENODEV : -ENETUNREACH;
    }
    out->local = out->out == loopback_netif();
    if (out->local && IP_IS_V6_VAL(*to)) {
        return -ENETUNREACH; /* as Linux, which has no such route */
    }
    out->multicast = ip_addr_ismulticast(to);
    out->broadcast = !out->multicast;
    if (!ip_addr_isany(from)) {
        out->from = *from;
        return 0;
    }
    if (IP_IS_V4_VAL(*to)) {
        ip_addr_copy_from_ip4(out->from, *netif_ip4_addr(out->out));
        return 0;
    }
    const ip_addr_t *own = ip6_select_source_address(out->out, ip_2_ip6(to));
    if (own == NULL) {
        return -EADDRNOTAVAIL;
    }
    out->from = *own;
    return 0;
}

static int route_local(const ip_addr_t *to, const ip_addr_t *from, unsigned device,
                       struct inet_route *out) NEEDS(net_core)
{
    out->out = loopback_netif();
    out->local = true;
    if (device != 0 && device != netif_get_index(out->out) && ip_addr_isloopback(to)) {
        return -ENETUNREACH;
    }
    if (!ip_addr_isany(from)) {
        out->from = *from;
    } else if (IP_IS_V4_VAL(*to) && ip4_addr_isloopback(ip_2_ip4(to))) {
        ip_addr_set_loopback(false, &out->from);
    } else {
        out->from = *to;
    }
    return 0;
}

static int route_v4(const ip_addr_t *to, const ip_addr_t *from, struct inet_route *out)
    NEEDS(net_core)
{
    struct netif *n = out->out != NULL ? out->out : ip4_route(ip_2_ip4(to));
    if (n == NULL || !has_address(n, false) || n == loopback_netif()) {
        return -ENETUNREACH;
    }
    bool near = ip4_addr_netcmp(ip_2_ip4(to), netif_ip4_addr(n), netif_ip4_netmask(n));
    if (!near && ip4_addr_isany_val(*netif_ip4_gw(n)) && !ip4_addr_islinklocal(ip_2_ip4(to))) {
        return -ENETUNREACH;
    }
    if (!ip_addr_isany(from) && ip4_addr_isloopback(ip_2_ip4(from))) {
        return -EINVAL;
    }
    out->out = n;
    if (ip_addr_isany(from)) {
        ip_addr_copy_from_ip4(out->from, *netif_ip4_addr(n));
    } else {
        out->from = *from;
    }
    return 0;
}

static int route_v6(const ip_addr_t *to, const ip_addr_t *from, struct inet_route *out)
    NEEDS(net_core)
{
    struct netif *n = out->out != NULL ? out->out : ip6_route(ip_2_ip6(from), ip_2_ip6(to));
    if (n == NULL || n == loopback_netif()) {
        return -ENETUNREACH;
    }
    const ip_addr_t *own = ip_addr_isany(from) ? ip6_select_source_address(n, ip_2_ip6(to)) : from;
    if (own == NULL) {
        return -EADDRNOTAVAIL;
    }
    out->out = n;
    out->from = *own;
    return 0;
}

bool inetroute_is_silent_locked(const ip_addr_t *from, const ip_addr_t *to)
{
    struct inet_route r;
    struct eth_addr *mac;
    const ip4_addr_t *found;
    if (!IP_IS_V4_VAL(*to) || inetroute_find_locked(to, from, 0, &r) != 0 || r.local ||
        r.multicast || r.broadcast) {
        return false;
    }
    bool near = ip4_addr_netcmp(ip_2_ip4(to), netif_ip4_addr(r.out), netif_ip4_netmask(r.out)) ||
                ip4_addr_islinklocal(ip_2_ip4(to));
    const ip4_addr_t *hop = near ? ip_2_ip4(to) : netif_ip4_gw(r.out);
    return etharp_find_addr(r.out, hop, &mac, &found) < 0;
}

int inetroute_find_locked(const ip_addr_t *to, const ip_addr_t *from, unsigned device,
                          struct inet_route *out)
{
    lock_assert_held(&net_core);
    *out = (struct inet_route){.out = device != 0 ? device_of(device) : NULL};
    if (device != 0 && out->out == NULL) {
        return -ENODEV;
    }
    ip_addr_t any = *to;
    ip_addr_set_any(IP_IS_V6_VAL(*to), &any);
    if (from == NULL || ip_addr_isany(from)) {
        from = &any;
    } else if (IP_IS_V4_VAL(*from) != IP_IS_V4_VAL(*to)) {
        return IP_IS_V4_VAL(*to) ? -ENETUNREACH : -EINVAL;
    }
    if (ip_addr_ismulticast(to) || inetroute_is_broadcast_locked(to)) {
        return route_many(to, from, device, out);
    }
    if (inetaddr_is_local(to)) {
        return route_local(to, from, device, out);
    }
    if (out->out != NULL && !netif_is_up(out->out)) {
        return -ENETUNREACH;
    }
    return IP_IS_V4_VAL(*to) ? route_v4(to, from, out) : route_v6(to, from, out);
}

int inetroute_mtu_locked(const ip_addr_t *to, const ip_addr_t *from, unsigned device)
{
    struct inet_route r;
    if (inetroute_find_locked(to, from, device, &r) != 0) {
        return -ENOTCONN;
    }
    int home = IP_IS_V4_VAL(*to) ? LOOPBACK_MTU4 : LOOPBACK_MTU6;
    return r.local ? home : (int)pathmtu_to_locked(to, r.out);
}
