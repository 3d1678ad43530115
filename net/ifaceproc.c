/* SPDX-License-Identifier: MIT */
/* /proc/net: interfaces, routes, IPv6 addresses, neighbours. All under net_core. Source: proc(5),
 * route(8). */
#include <lwip/etharp.h>

#include "net/iface.h"
#include "net/inetproc.h"
#include "net/loopback.h"
#include "net/net.h"

#define INDEX_MAX 8
#define ROUTE_WIDTH 127
#define RTF_UP 1U
#define RTF_GATEWAY 2U
#define SCOPE_GLOBAL 0U
#define SCOPE_HOST 0x10U
#define SCOPE_LINK 0x20U

void ifaceproc_dev(struct text *t, uint64_t key)
{
    char name[IFACE_NAME_MAX];
    (void)key;
    text_print(t, "Inter-|   Receive                                                |  Transmit\n"
                  " face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
                  "packets errs drop fifo colls carrier compressed\n");
    net_need_device();
    net_lock();
    for (unsigned i = 1; i <= INDEX_MAX; i++) {
        struct netif *n = netif_get_by_index((u8_t)i);
        if (n == NULL || alias_is(n)) {
            continue;
        }
        const struct iface_counts *c = iface_counts(n);
        iface_name(n, name);
        text_print(t, "%6s: %7lu %7lu %4u %4lu %4u %5u %10u %9lu", name, c->rx_bytes, c->rx_packets,
                   0U, c->rx_dropped, 0U, 0U, 0U, c->multicast);
        text_print(t, " %8lu %7lu %4u %4lu %4u %5u %7u %10u\n", c->tx_bytes, c->tx_packets, 0U,
                   c->tx_dropped, 0U, 0U, 0U, 0U);
    }
    net_unlock();
}

static void put_route(struct text *t, struct netif *n, uint32_t to, uint32_t by, uint32_t mask)
{
    char name[IFACE_NAME_MAX];
    size_t start = t->len;
    iface_name(n, name);
    text_print(t, "%s\t%08X\t%08X\t%04X\t%d\t%u\t%d\t%08X\t%d\t%u\t%u", name, to, by,
               RTF_UP | (by != 0 ? RTF_GATEWAY : 0), 0, 0U, 0, mask, 0, 0U, 0U);
    size_t len = t->len - start;
    if (!t->failed && len < ROUTE_WIDTH) {
        text_print(t, "%*s", (int)(ROUTE_WIDTH - len), "");
    }
    text_print(t, "\n");
}

void ifaceproc_route(struct text *t, uint64_t key)
{
    (void)key;
    text_print(
        t, "%-127s\n",
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT");
    net_need_device();
    net_lock();
    struct netif *n;
    NETIF_FOREACH(n)
    {
        uint32_t ip = ip4_addr_get_u32(netif_ip4_addr(n));
        uint32_t mask = ip4_addr_get_u32(netif_ip4_netmask(n));
        uint32_t gateway = ip4_addr_get_u32(netif_ip4_gw(n));
        if (ip == 0 || n == loopback_netif()) {
            continue;
        }
        if (gateway != 0) {
            put_route(t, n, 0, gateway, 0);
        }
        if (!alias_is_secondary(n)) {
            put_route(t, n, ip & mask, 0, mask);
        }
    }
    net_unlock();
}

static unsigned scope_number(const ip6_addr_t *ip)
{
    if (ip6_addr_isloopback(ip)) {
        return SCOPE_HOST;
    }
    return ip6_addr_islinklocal(ip) ? SCOPE_LINK : SCOPE_GLOBAL;
}

static void put_address6(struct text *t, struct netif *n, unsigned i)
{
    char name[IFACE_NAME_MAX];
    const ip6_addr_t *ip = netif_ip6_addr(n, i);
    unsigned state = netif_ip6_addr_state(n, i);
    unsigned flags =
        (netif_ip6_addr_isstatic(n, i) ? 0x80U : 0) | (ip6_addr_istentative(state) ? 0x40U : 0);
    if (ip6_addr_isinvalid(state)) {
        return;
    }
    iface_name(n, name);
    for (unsigned w = 0; w < 4; w++) {
        text_print(t, "%08x", lwip_ntohl(ip->addr[w]));
    }
    text_print(t, " %02x %02x %02x %02x %8s\n", netif_get_index(n),
               ip6_addr_isloopback(ip) ? 128U : 64U, scope_number(ip), flags, name);
}

void ifaceproc_addresses6(struct text *t, uint64_t key)
{
    (void)key;
    net_need_device();
    net_lock();
    for (unsigned index = 1; index <= INDEX_MAX; index++) {
        struct netif *n = netif_get_by_index((u8_t)index);
        for (unsigned i = 0; n != NULL && i < LWIP_IPV6_NUM_ADDRESSES; i++) {
            put_address6(t, n, i);
        }
    }
    net_unlock();
}

void ifaceproc_arp(struct text *t, uint64_t key)
{
    char name[IFACE_NAME_MAX];
    char text[IP4ADDR_STRLEN_MAX];
    (void)key;
    text_print(t,
               "IP address       HW type     Flags       HW address            Mask     Device\n");
    net_lock();
    for (size_t i = 0; i < ARP_TABLE_SIZE; i++) {
        ip4_addr_t *ip;
        struct netif *n;
        struct eth_addr *mac;
        if (!etharp_get_entry(i, &ip, &n, &mac)) {
            continue;
        }
        iface_name(n, name);
        const uint8_t *m = mac->addr;
        text_print(t, "%-16s 0x%-10x0x%-10x%02x:%02x:%02x:%02x:%02x:%02x     *        %s\n",
                   ip4addr_ntoa_r(ip, text, sizeof(text)), 1U, 2U, m[0], m[1], m[2], m[3], m[4],
                   m[5], name);
    }
    net_unlock();
}
