/* SPDX-License-Identifier: MIT */
/* Answers of NETLINK_ROUTE: what C libraries, Go and iproute2 ask for. Nothing can be changed by
 * it. The state asked for is lwIP's, under net_core. Source: rtnetlink(7), netlink(7). */
#include "net/rtnetlink.h"

#include <asm/errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <lwip/etharp.h>
#include <lwip/nd6.h>
#include <netif/ethernet.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "net/abi.h"
#include "net/iface.h"
#include "net/inetroute.h"
#include "net/loopback.h"

#define FOREVER UINT32_MAX
#define QUEUE_LEN 1000
#define PREFIX6 64 /* lwIP's, of every network */
#define METRIC6 256

/* What a request wants. */
struct request {
    const struct nlmsghdr *h;
    const void *header; /* behind h: array[len], zero-filled */
    bool dump;
    unsigned flags; /* of each answer */
    struct nl_text *out;
};

/* An attribute of the request of at least *len bytes, and its length; NULL: it has none. */
static const void *attribute(const struct request *r, size_t header_len, unsigned type, size_t *len)
{
    const char *at = (const char *)r->h + NLMSG_HDRLEN + NLMSG_ALIGN(header_len);
    const char *end = (const char *)r->h + r->h->nlmsg_len;
    while (at < end && (size_t)(end - at) >= NLA_HDRLEN) {
        struct nlattr a;
        memcpy(&a, at, sizeof(a));
        if (a.nla_len < NLA_HDRLEN || a.nla_len > (size_t)(end - at)) {
            return NULL;
        }
        size_t has = a.nla_len - (size_t)NLA_HDRLEN;
        if ((a.nla_type & NLA_TYPE_MASK) == type && has >= *len) {
            *len = has;
            return at + NLA_HDRLEN;
        }
        at += min((size_t)NLA_ALIGN(a.nla_len), (size_t)(end - at));
    }
    return NULL;
}

static void put_link(struct request *r, struct netif *n) NEEDS(net_core)
{
    static const uint8_t nobody[ETH_HWADDR_LEN];
    char name[IFACE_NAME_MAX];
    bool lo = n == loopback_netif();
    struct iface_counts c = *iface_counts(n);
    struct rtnl_link_stats64 stats64 = {.rx_packets = c.rx_packets,
                                        .tx_packets = c.tx_packets,
                                        .rx_bytes = c.rx_bytes,
                                        .tx_bytes = c.tx_bytes};
    struct rtnl_link_stats stats = {.rx_packets = (uint32_t)c.rx_packets,
                                    .tx_packets = (uint32_t)c.tx_packets,
                                    .rx_bytes = (uint32_t)c.rx_bytes,
                                    .tx_bytes = (uint32_t)c.tx_bytes};
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
                             .ifi_type = lo ? ARPHRD_LOOPBACK : ARPHRD_ETHER,
                             .ifi_index = netif_get_index(n),
                             .ifi_flags =
                                 iface_flags(n) | (netif_is_link_up(n) ? IFF_LOWER_UP : 0)};
    iface_name(n, name);
    nl_begin(r->out, RTM_NEWLINK, r->flags, &info, sizeof(info));
    nl_put_string(r->out, IFLA_IFNAME, name);
    nl_put_u32(r->out, IFLA_TXQLEN, QUEUE_LEN);
    nl_put_u8(r->out, IFLA_OPERSTATE, lo ? 0 : netif_is_link_up(n) ? 6 : 2);
    nl_put_u8(r->out, IFLA_LINKMODE, 0);
    nl_put_u32(r->out, IFLA_MTU, iface_mtu(n));
    nl_put_u32(r->out, IFLA_GROUP, 0);
    nl_put_u32(r->out, IFLA_PROMISCUITY, 0);
    nl_put_u32(r->out, IFLA_NUM_TX_QUEUES, 1);
    nl_put_u32(r->out, IFLA_NUM_RX_QUEUES, 1);
    nl_put_u8(r->out, IFLA_CARRIER, netif_is_link_up(n) != 0);
    nl_put_string(r->out, IFLA_QDISC, "noqueue");
    nl_put(r->out, IFLA_ADDRESS, lo ? nobody : n->hwaddr, ETH_HWADDR_LEN);
    nl_put(r->out, IFLA_BROADCAST, lo ? nobody : ethbroadcast.addr, ETH_HWADDR_LEN);
    nl_put(r->out, IFLA_STATS64, &stats64, sizeof(stats64));
    nl_put(r->out, IFLA_STATS, &stats, sizeof(stats));
    nl_end(r->out);
}

static int answer_link(struct request *r) NEEDS(net_core)
{
    const struct ifinfomsg *asked = r->header;
    struct netif *n;
    if (r->dump) {
        for (n = iface_after_locked(NULL); n != NULL; n = iface_after_locked(n)) {
            put_link(r, n);
        }
        return 0;
    }
    size_t len = 1;
    const char *name = attribute(r, sizeof(*asked), IFLA_IFNAME, &len);
    if (asked->ifi_index > 0) {
        n = netif_get_by_index((u8_t)min(asked->ifi_index, 255));
        n = n != NULL && alias_is(n) ? NULL : n;
    } else if (name != NULL) {
        n = iface_find_locked(name, min(len, (size_t)IFACE_NAME_MAX));
    } else {
        return -EINVAL;
    }
    if (n == NULL) {
        return -ENODEV;
    }
    put_link(r, n);
    return 0;
}

/* mask: in network order, ones first. */
static uint8_t prefix_len(uint32_t mask)
{
    return mask == 0 ? 0 : (uint8_t)(32 - __builtin_ctz(__builtin_bswap32(mask)));
}

static void put_address4(struct request *r, struct netif *n) NEEDS(net_core)
{
    char name[IFACE_NAME_MAX];
    bool lo = n == loopback_netif();
    uint32_t ip = ip4_addr_get_u32(netif_ip4_addr(n));
    uint32_t mask = ip4_addr_get_u32(netif_ip4_netmask(n));
    uint32_t all = ip | ~mask;
    uint32_t flags = IFA_F_PERMANENT | (alias_is_secondary(n) ? IFA_F_SECONDARY : 0);
    struct ifa_cacheinfo cache = {.ifa_prefered = FOREVER, .ifa_valid = FOREVER};
    struct ifaddrmsg info = {.ifa_family = AF_INET,
                             .ifa_prefixlen = prefix_len(mask),
                             .ifa_flags = (uint8_t)flags,
                             .ifa_scope = lo ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE,
                             .ifa_index = iface_index(n)};
    if (ip == 0) {
        return;
    }
    iface_name(n, name);
    nl_begin(r->out, RTM_NEWADDR, r->flags, &info, sizeof(info));
    nl_put_u32(r->out, IFA_ADDRESS, ip);
    nl_put_u32(r->out, IFA_LOCAL, ip);
    if (!lo) {
        nl_put_u32(r->out, IFA_BROADCAST, all);
    }
    nl_put_string(r->out, IFA_LABEL, name);
    nl_put_u32(r->out, IFA_FLAGS, flags);
    nl_put(r->out, IFA_CACHEINFO, &cache, sizeof(cache));
    nl_end(r->out);
}

static void put_addresses4(struct request *r, struct netif *n) NEEDS(net_core)
{
    for (unsigned second = 0; second < 2; second++) { /* Linux lists those at the end */
        unsigned i = 0;
        for (struct netif *a = n; a != NULL; a = alias_nth_locked(n, i++)) {
            if (alias_is_secondary(a) == (second != 0)) {
                put_address4(r, a);
            }
        }
    }
}

static uint8_t scope6(const ip6_addr_t *ip)
{
    return ip6_addr_isloopback(ip)    ? RT_SCOPE_HOST
           : ip6_addr_islinklocal(ip) ? RT_SCOPE_LINK
                                      : RT_SCOPE_UNIVERSE;
}

static void put_address6(struct request *r, struct netif *n, unsigned i) NEEDS(net_core)
{
    const ip6_addr_t *ip = netif_ip6_addr(n, i);
    unsigned state = netif_ip6_addr_state(n, i);
    bool is_static = netif_ip6_addr_isstatic(n, i);
    uint32_t flags =
        (is_static ? IFA_F_PERMANENT : 0) | (ip6_addr_istentative(state) ? IFA_F_TENTATIVE : 0);
    struct ifa_cacheinfo cache = {
        .ifa_prefered = is_static ? FOREVER : netif_ip6_addr_pref_life(n, i),
        .ifa_valid = is_static ? FOREVER : netif_ip6_addr_valid_life(n, i)};
    struct ifaddrmsg info = {.ifa_family = AF_INET6,
                             .ifa_prefixlen = ip6_addr_isloopback(ip) ? 128 : PREFIX6,
                             .ifa_flags = (uint8_t)flags,
                             .ifa_scope = scope6(ip),
                             .ifa_index = netif_get_index(n)};
    if (ip6_addr_isinvalid(state)) {
        return;
    }
    nl_begin(r->out, RTM_NEWADDR, r->flags, &info, sizeof(info));
    nl_put(r->out, IFA_ADDRESS, ip->addr, sizeof(ip->addr));
    nl_put(r->out, IFA_CACHEINFO, &cache, sizeof(cache));
    nl_put_u32(r->out, IFA_FLAGS, flags);
    nl_end(r->out);
}

static int answer_address(struct request *r) NEEDS(net_core)
{
    const struct ifaddrmsg *asked = r->header;
    struct netif *n;
    if (!r->dump) {
        return -EOPNOTSUPP;
    }
    for (n = iface_after_locked(NULL); n != NULL; n = iface_after_locked(n)) {
        if (asked->ifa_family != AF_INET6 &&
            (asked->ifa_index == 0 || asked->ifa_index == netif_get_index(n))) {
            put_addresses4(r, n);
        }
    }
    for (n = iface_after_locked(NULL); n != NULL; n = iface_after_locked(n)) {
        bool wanted = asked->ifa_family != AF_INET &&
                      (asked->ifa_index == 0 || asked->ifa_index == netif_get_index(n));
        for (unsigned i = 0; wanted && i < LWIP_IPV6_NUM_ADDRESSES; i++) {
            put_address6(r, n, i);
        }
    }
    return 0;
}

/* One route. to, by, from: addresses of len bytes in network order; NULL: not told. */
struct route {
    uint8_t family, bits, table, scope, type;
    const void *to, *by, *from;
    struct netif *out;
    unsigned metric; /* 0: none */
};

static void put_route(struct request *r, const struct route *w) NEEDS(net_core)
{
    size_t len = w->family == AF_INET ? 4 : 16;
    struct rtmsg info = {.rtm_family = w->family,
                         .rtm_dst_len = w->bits,
                         .rtm_table = w->table,
                         .rtm_protocol = RTPROT_KERNEL,
                         .rtm_scope = w->scope,
                         .rtm_type = w->type};
    if (w->by != NULL) {
        info.rtm_protocol = RTPROT_BOOT;
    }
    nl_begin(r->out, RTM_NEWROUTE, r->flags, &info, sizeof(info));
    nl_put_u32(r->out, RTA_TABLE, w->table);
    if (w->to != NULL) {
        nl_put(r->out, RTA_DST, w->to, len);
    }
    if (w->metric != 0) {
        nl_put_u32(r->out, RTA_PRIORITY, w->metric);
    }
    if (w->from != NULL) {
        nl_put(r->out, RTA_PREFSRC, w->from, len);
    }
    if (w->by != NULL) {
        nl_put(r->out, RTA_GATEWAY, w->by, len);
    }
    nl_put_u32(r->out, RTA_OIF, iface_index(w->out));
    nl_end(r->out);
}

static void put_routes4(struct request *r, struct netif *n) NEEDS(net_core)
{
    uint32_t ip = ip4_addr_get_u32(netif_ip4_addr(n));
    uint32_t mask = ip4_addr_get_u32(netif_ip4_netmask(n));
    uint32_t gateway = ip4_addr_get_u32(netif_ip4_gw(n));
    uint32_t net = ip & mask;
    uint8_t bits = prefix_len(mask);
    bool lo = n == loopback_netif();
    if (ip == 0) {
        return;
    }
    if (gateway != 0) {
        put_route(r, &(struct route){AF_INET, 0, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE, RTN_UNICAST,
                                     NULL, &gateway, NULL, n, 0});
    }
    if (lo) {
        put_route(r, &(struct route){AF_INET, bits, RT_TABLE_LOCAL, RT_SCOPE_HOST, RTN_LOCAL, &net,
                                     NULL, &ip, n, 0});
    } else if (!alias_is_secondary(n)) {
        put_route(r, &(struct route){AF_INET, bits, RT_TABLE_MAIN, RT_SCOPE_LINK, RTN_UNICAST, &net,
                                     NULL, &ip, n, 0});
    }
    put_route(r, &(struct route){AF_INET, 32, RT_TABLE_LOCAL, RT_SCOPE_HOST, RTN_LOCAL, &ip, NULL,
                                 &ip, n, 0});
    uint32_t all = ip | ~mask;
    put_route(r, &(struct route){AF_INET, 32, RT_TABLE_LOCAL, RT_SCOPE_LINK, RTN_BROADCAST, &all,
                                 NULL, &ip, n, 0});
}

static void put_all_routes4(struct request *r, struct netif *n) NEEDS(net_core)
{
    unsigned i = 0;
    for (struct netif *a = n; a != NULL; a = alias_nth_locked(n, i++)) {
        put_routes4(r, a);
    }
}

static void put_routes6(struct request *r, struct netif *n) NEEDS(net_core)
{
    for (unsigned i = 0; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        const ip6_addr_t *ip = netif_ip6_addr(n, i);
        if (!ip6_addr_isvalid(netif_ip6_addr_state(n, i))) {
            continue;
        }
        uint32_t net[4] = {ip->addr[0], ip->addr[1], 0, 0};
        if (!ip6_addr_isloopback(ip)) {
            put_route(r, &(struct route){AF_INET6, PREFIX6, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE,
                                         RTN_UNICAST, net, NULL, NULL, n, METRIC6});
        }
        put_route(r, &(struct route){AF_INET6, 128, RT_TABLE_LOCAL, RT_SCOPE_UNIVERSE, RTN_LOCAL,
                                     ip->addr, NULL, NULL, n, 0});
    }
}

/* The way to one address. */
static int answer_way(struct request *r) NEEDS(net_core)
{
    const struct rtmsg *asked = r->header;
    bool v6 = asked->rtm_family == AF_INET6;
    size_t len = v6 ? 16 : 4;
    size_t has = len;
    const void *to = attribute(r, sizeof(*asked), RTA_DST, &has);
    struct inet_route way;
    ip_addr_t ip;
    uint32_t gateway;
    if (to == NULL || (!v6 && asked->rtm_family != AF_INET)) {
        return -EINVAL;
    }
    memset(&ip, 0, sizeof(ip));
    memcpy(&ip, to, len); /* the address is its first member */
    IP_SET_TYPE_VAL(ip, v6 ? IPADDR_TYPE_V6 : IPADDR_TYPE_V4);
    int err = inetroute_find_locked(&ip, NULL, 0, &way);
    if (err != 0) {
        return err;
    }
    gateway = ip4_addr_get_u32(netif_ip4_gw(way.out));
    bool far = !v6 && !way.local && gateway != 0 &&
               !ip4_addr_netcmp(ip_2_ip4(&ip), netif_ip4_addr(way.out), netif_ip4_netmask(way.out));
    put_route(r, &(struct route){(uint8_t)(v6 ? AF_INET6 : AF_INET), v6 ? 128 : 32,
                                 way.local ? RT_TABLE_LOCAL : RT_TABLE_MAIN, RT_SCOPE_UNIVERSE,
                                 way.local ? RTN_LOCAL : RTN_UNICAST, to, far ? &gateway : NULL,
                                 &way.from, way.out, 0});
    return 0;
}

static int answer_route(struct request *r) NEEDS(net_core)
{
    const struct rtmsg *asked = r->header;
    struct netif *n;
    if (!r->dump) {
        return answer_way(r);
    }
    for (n = iface_after_locked(NULL); n != NULL; n = iface_after_locked(n)) {
        if (asked->rtm_family != AF_INET6) {
            put_all_routes4(r, n);
        }
    }
    for (n = iface_after_locked(NULL); n != NULL; n = iface_after_locked(n)) {
        if (asked->rtm_family != AF_INET) {
            put_routes6(r, n);
        }
    }
    return 0;
}

static int answer_neighbour(struct request *r) NEEDS(net_core)
{
    const struct ndmsg *asked = r->header;
    if (!r->dump) {
        return -EOPNOTSUPP;
    }
    for (size_t i = 0; i < ARP_TABLE_SIZE && asked->ndm_family != AF_INET6; i++) {
        ip4_addr_t *ip;
        struct netif *n;
        struct eth_addr *mac;
        if (!etharp_get_entry(i, &ip, &n, &mac)) {
            continue;
        }
        struct ndmsg info = {.ndm_family = AF_INET,
                             .ndm_ifindex = (int)iface_index(n),
                             .ndm_state = NUD_REACHABLE,
                             .ndm_type = RTN_UNICAST};
        nl_begin(r->out, RTM_NEWNEIGH, r->flags, &info, sizeof(info));
        nl_put_u32(r->out, NDA_DST, ip->addr);
        nl_put(r->out, NDA_LLADDR, mac->addr, sizeof(mac->addr));
        nl_end(r->out);
    }
    return 0;
}

static const struct {
    uint16_t type;
    size_t len; /* of the header that belongs to it */
    int (*answer)(struct request *r);
} answers[] = {
    {RTM_GETLINK, sizeof(struct ifinfomsg), answer_link},
    {RTM_GETADDR, sizeof(struct ifaddrmsg), answer_address},
    {RTM_GETROUTE, sizeof(struct rtmsg), answer_route},
    {RTM_GETNEIGH, sizeof(struct ndmsg), answer_neighbour},
};

int rtnetlink_answer(const struct nlmsghdr *message, struct nl_text *out, bool *dump)
{
    uint64_t header[8] = {0}; /* struct rtgenmsg, which many send, is shorter than it should be */
    for (unsigned i = 0; i < ARRAY_LEN(answers); i++) {
        if (answers[i].type != message->nlmsg_type) {
            continue;
        }
        size_t given = message->nlmsg_len - NLMSG_HDRLEN;
        memcpy(header, (const char *)message + NLMSG_HDRLEN, min(given, answers[i].len));
        struct request r = {.h = message, .header = header, .out = out};
        r.dump = *dump = (message->nlmsg_flags & NLM_F_DUMP) != 0; /* either bit, as Linux */
        r.flags = r.dump ? NLM_F_MULTI : 0;
        net_lock();
        int err = answers[i].answer(&r);
        net_unlock();
        return err == 0 && out->failed ? -ENOBUFS : err;
    }
    log(SYSCALL, INFO, "netlink: request %u is not supported (EOPNOTSUPP)", message->nlmsg_type);
    return -EOPNOTSUPP;
}
