/* SPDX-License-Identifier: MIT */
/* Connections of datagram sockets: a peer, and the address that they have for it. Source: udp(7),
 * ip(7), ipv6(7), connect(2). */
#include <asm/errno.h>
#include <asm/socket.h>

#include "net/dgram.h"
#include "net/inetroute.h"
#include "net/multicast.h"

static unsigned device_for(const struct dgram_socket *t, const struct inet_address *a)
{
    unsigned device = __atomic_load_n(&t->inet.device, __ATOMIC_RELAXED);
    if (device == 0 && ip_addr_ismulticast(&a->ip)) {
        device = multicast_device(&t->inet, &a->ip);
    }
    return device != 0 ? device : a->scope;
}

int dgram_connect_locked(struct dgram_socket *t, struct inet_address *a)
{
    struct inet_route route;
    bool v4 = IP_IS_V4_VAL(a->ip);
    lock_assert_held(&net_core);
    if (t->s.family == AF_INET6 && v4 && inet_value(&t->inet, INET6_V6ONLY) != 0) {
        return -ENETUNREACH;
    }
    unsigned device = device_for(t, a);
    if (!v4 && ip6_addr_has_scope(ip_2_ip6(&a->ip), IP6_UNKNOWN)) {
        if (device == 0) {
            return -EINVAL;
        }
        ip6_addr_set_zone(ip_2_ip6(&a->ip), (u8_t)device);
    }
    inetroute_home(&a->ip, t->s.family == AF_INET6);
    bool from_many =
        ip_addr_ismulticast(&t->local.ip) || inetroute_is_broadcast_locked(&t->local.ip);
    int err = inetroute_find_locked(&a->ip, from_many ? NULL : &t->local.ip, device, &route);
    if (err != 0) {
        return err;
    }
    if (route.broadcast && !socket_flag(&t->s, SO_BROADCAST)) {
        return -EACCES;
    }
    if (ip_addr_isany(&t->local.ip)) {
        t->local.ip = route.from;
    }
    t->peer = *a;
    t->connected = true;
    return 0;
}
