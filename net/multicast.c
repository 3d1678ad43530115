/* SPDX-License-Identifier: MIT */
/* Multicast groups: each socket's memberships, and for eth0 also lwIP's, which asks routers for the
 * packets. All under net_core. Source: ip(7), ipv6(7), RFC 3493. */
#include "net/multicast.h"

#include <asm/errno.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <lwip/igmp.h>
#include <lwip/mld6.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "net/iface.h"
#include "net/inetroute.h"
#include "net/loopback.h"

#define GROUPS_MAX 20 /* of one socket: /proc/sys/net/ipv4/igmp_max_memberships */
#define BYTE_MAX 255U

struct membership {
    struct list link; /* in the socket's groups */
    struct list all; /* in memberships */
    ip_addr_t group;
    unsigned device;
};

static struct list memberships = LIST_INIT(memberships); /* [net_core] */

/* What an option names. */
struct wish {
    ip_addr_t group;
    unsigned device; /* 0: the route's */
    bool join;
};

static bool is_lo(unsigned device)
{
    return device == netif_get_index(loopback_netif());
}

static bool tell_lwip(const struct wish *w) NEEDS(net_core)
{
    struct netif *n = netif_get_by_index((u8_t)w->device);
    if (n == NULL || is_lo(w->device)) {
        return true;
    }
    if (IP_IS_V6_VAL(w->group)) {
        const ip6_addr_t *group = ip_2_ip6(&w->group);
        return (w->join ? mld6_joingroup_netif(n, group) : mld6_leavegroup_netif(n, group)) == 0;
    }
    const ip4_addr_t *group = ip_2_ip4(&w->group);
    return (w->join ? igmp_joingroup_netif(n, group) : igmp_leavegroup_netif(n, group)) == 0;
}

static struct membership *find(const struct dgram_socket *t, const struct wish *w)
{
    struct list *node;
    list_for_each (node, &t->groups) {
        struct membership *m = list_entry(node, struct membership, link);
        if (m->device == w->device && ip_addr_cmp_zoneless(&m->group, &w->group)) {
            return m;
        }
    }
    return NULL;
}

static int join(struct dgram_socket *t, const struct wish *w) NEEDS(net_core)
{
    unsigned n = 0;
    struct list *node;
    if (find(t, w) != NULL) {
        return -EADDRINUSE;
    }
    list_for_each (node, &t->groups) {
        n++;
    }
    if (n >= GROUPS_MAX && IP_IS_V4_VAL(w->group)) {
        return -ENOBUFS;
    }
    struct membership *m = heap_alloc(sizeof(*m));
    if (m == NULL || !tell_lwip(w)) {
        heap_free(m);
        return -ENOBUFS;
    }
    m->group = w->group;
    m->device = w->device;
    list_append(&t->groups, &m->link);
    list_append(&memberships, &m->all);
    return 0;
}

static void drop(struct membership *m) NEEDS(net_core)
{
    struct wish w = {.group = m->group, .device = m->device, .join = false};
    (void)tell_lwip(&w);
    list_remove(&m->link);
    list_remove(&m->all);
    heap_free(m);
}

/* With no interface named, any membership in the group. */
static int leave(struct dgram_socket *t, const struct wish *w, bool any) NEEDS(net_core)
{
    struct list *node;
    list_for_each (node, &t->groups) {
        struct membership *m = list_entry(node, struct membership, link);
        if ((any || m->device == w->device) && ip_addr_cmp_zoneless(&m->group, &w->group)) {
            drop(m);
            return 0;
        }
    }
    return -EADDRNOTAVAIL;
}

static int change(struct dgram_socket *t, struct wish *w)
{
    struct inet_route route;
    if (!ip_addr_ismulticast(&w->group)) {
        return -EINVAL;
    }
    net_lock();
    bool any = w->device == 0;
    int err = 0;
    if (any) {
        err = inetroute_find_locked(&w->group, NULL, 0, &route);
        w->device = err == 0 ? netif_get_index(route.out) : 0;
    } else if (netif_get_by_index((u8_t)min(w->device, BYTE_MAX)) == NULL) {
        err = -ENODEV;
    }
    if (IP_IS_V6_VAL(w->group) && ip6_addr_has_scope(ip_2_ip6(&w->group), IP6_MULTICAST)) {
        ip6_addr_set_zone(ip_2_ip6(&w->group), (u8_t)w->device);
    }
    if (!w->join) {
        err = leave(t, w, any);
    } else if (err == 0) {
        err = join(t, w);
    } else {
        err = -ENODEV;
    }
    net_unlock();
    return err;
}

void multicast_leave_all_locked(struct dgram_socket *t)
{
    lock_assert_held(&net_core);
    while (!list_empty(&t->groups)) {
        drop(list_entry(t->groups.next, struct membership, link));
    }
}

bool multicast_wanted_locked(const struct dgram_socket *t, const ip_addr_t *group, unsigned device)
{
    lock_assert_held(&net_core);
    struct wish w = {.group = *group, .device = device};
    bool all =
        inet_value(&t->inet, IP_IS_V6_VAL(*group) ? INET6_MULTICAST_ALL : INET_MULTICAST_ALL) != 0;
    return all || find(t, &w) != NULL;
}

bool multicast_joined_locked(const ip_addr_t *group, unsigned device)
{
    struct list *node;
    lock_assert_held(&net_core);
    list_for_each (node, &memberships) {
        const struct membership *m = list_entry(node, struct membership, all);
        if (m->device == device && ip_addr_cmp_zoneless(&m->group, group)) {
            return true;
        }
    }
    return false;
}

unsigned multicast_device(const struct inet_options *o, const ip_addr_t *group)
{
    if (IP_IS_V6_VAL(*group)) {
        return (unsigned)inet_value(o, INET6_MULTICAST_IF);
    }
    return __atomic_load_n(&o->multicast_device, __ATOMIC_RELAXED);
}

/* struct ip_mreqn, or the shorter struct ip_mreq. */
static int take_mreq(const void *value, size_t len, struct ip_mreqn *mreq)
{
    if (len < sizeof(struct ip_mreq)) {
        return -EINVAL;
    }
    memset(mreq, 0, sizeof(*mreq));
    memcpy(mreq, value, len >= sizeof(*mreq) ? sizeof(*mreq) : sizeof(struct ip_mreq));
    return 0;
}

/* The interface that mreq names: by index, by its address, or none. */
static int named_device(const struct ip_mreqn *mreq, unsigned *device)
{
    ip4_addr_t address = {mreq->imr_address.s_addr};
    if (mreq->imr_ifindex != 0) {
        *device = (unsigned)mreq->imr_ifindex;
        return 0;
    }
    *device = 0;
    if (address.addr == 0) {
        return 0;
    }
    net_lock();
    struct netif *n = iface_by_address_locked(&address);
    *device = n != NULL ? netif_get_index(n) : 0;
    net_unlock();
    return n != NULL ? 0 : -ENODEV;
}

static int set_sending(struct inet_options *o, const void *value, size_t len)
{
    struct ip_mreqn mreq = {.imr_ifindex = 0};
    unsigned device;
    if (len < sizeof(struct in_addr)) {
        return -EINVAL;
    }
    if (len >= sizeof(struct ip_mreq)) {
        memcpy(&mreq, value, min(len, sizeof(mreq)));
    } else {
        memcpy(&mreq.imr_address, value, sizeof(mreq.imr_address));
    }
    int err = named_device(&mreq, &device);
    if (err != 0) {
        return -EADDRNOTAVAIL;
    }
    net_lock();
    bool known = device == 0 || netif_get_by_index((u8_t)min(device, BYTE_MAX)) != NULL;
    net_unlock();
    if (!known) {
        return -EADDRNOTAVAIL;
    }
    __atomic_store_n(&o->multicast_address, mreq.imr_address.s_addr, __ATOMIC_RELAXED);
    __atomic_store_n(&o->multicast_device, device, __ATOMIC_RELAXED);
    return 0;
}

static int change4(struct dgram_socket *t, bool is_join, const void *value, size_t len)
{
    struct ip_mreqn mreq;
    struct wish w = {.join = is_join};
    int err = take_mreq(value, len, &mreq);
    err = err != 0 ? err : named_device(&mreq, &w.device);
    if (err != 0) {
        return err;
    }
    ip_addr_set_ip4_u32(&w.group, mreq.imr_multiaddr.s_addr);
    return change(t, &w);
}

static int change6(struct dgram_socket *t, bool is_join, const void *value, size_t len)
{
    struct ipv6_mreq mreq;
    struct wish w = {.join = is_join};
    if (len < sizeof(mreq)) {
        return -EINVAL;
    }
    memcpy(&mreq, value, sizeof(mreq));
    w.device = (unsigned)mreq.ipv6mr_ifindex;
    IP_SET_TYPE_VAL(w.group, IPADDR_TYPE_V6);
    memcpy(ip_2_ip6(&w.group)->addr, &mreq.ipv6mr_multiaddr, sizeof(mreq.ipv6mr_multiaddr));
    return change(t, &w);
}

/* struct group_req: an interface and a sockaddr, for both families. */
static int change_any(struct dgram_socket *t, int level, bool is_join, const void *value,
                      size_t len)
{
    struct group_req req;
    struct inet_address a;
    if (len < sizeof(req)) {
        return -EINVAL;
    }
    memcpy(&req, value, sizeof(req));
    int family = level == IPPROTO_IP ? AF_INET : AF_INET6;
    if (req.gr_group.ss_family != family ||
        inetaddr_parse(family, &req.gr_group, sizeof(req.gr_group), &a) != 0) {
        return -EADDRNOTAVAIL;
    }
    struct wish w = {.group = a.ip, .device = req.gr_interface, .join = is_join};
    return change(t, &w);
}

int multicast_get(const struct inet_options *o, int level, int option, void *value, size_t *len)
{
    if (level == IPPROTO_IP && option == IP_MULTICAST_IF) {
        return socket_put_value(value, len, &o->multicast_address, sizeof(o->multicast_address));
    }
    return -ENOPROTOOPT;
}

int multicast_set(struct dgram_socket *t, int level, int option, const void *value, size_t len)
{
    if (level == IPPROTO_IP && option == IP_MULTICAST_IF) {
        return set_sending(&t->inet, value, len);
    }
    if (level == IPPROTO_IP && (option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP)) {
        return change4(t, option == IP_ADD_MEMBERSHIP, value, len);
    }
    if (t->s.family == AF_INET6 && level == IPPROTO_IPV6 &&
        (option == IPV6_ADD_MEMBERSHIP || option == IPV6_DROP_MEMBERSHIP)) {
        return change6(t, option == IPV6_ADD_MEMBERSHIP, value, len);
    }
    if ((level == IPPROTO_IP || (level == IPPROTO_IPV6 && t->s.family == AF_INET6)) &&
        (option == MCAST_JOIN_GROUP || option == MCAST_LEAVE_GROUP)) {
        return change_any(t, level, option == MCAST_JOIN_GROUP, value, len);
    }
    return -ENOPROTOOPT;
}
