/* SPDX-License-Identifier: MIT */
/* Addresses of eth0: given at boot, or got by DHCP and router advertisements. */
#include <asm/errno.h>
#include <lwip/dhcp.h>
#include <lwip/dns.h>
#include <lwip/ip_addr.h>
#include <lwip/nd6.h>
#include <lwip/netif.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/mutex.h"
#include "net/alias.h"
#include "net/core.h"
#include "net/net.h"
#include "net/netif.h"
#include "platform/clock.h"
#include "platform/irq.h"

#define TEXT_MAX 64
#define FIRST_ADDED6 1 /* 0 is the link-local one */

#define PLAN_MAX 8

/* What eth0 gets when it comes up. [boot], then [I] */
struct planned {
    ip_addr_t ip;
    unsigned prefix;
};
static struct planned plan[PLAN_MAX];
static unsigned nplan;
static ip4_addr_t gateway4;

static struct mutex opening;
static bool opened; /* [A] it has been looked for */
static struct netif *eth; /* [I] once opened; NULL: there is none */
static void (*names_hook)(void); /* [I] once set at boot; NULL: none */
static ip6_addr_t gateway6; /* [net_core] all zeroes: routers that advertise themselves */

/* "ADDRESS/PREFIX" into its parts. */
static int parse(const char *text, ip_addr_t *ip, unsigned *prefix)
{
    char buf[TEXT_MAX];
    uint64_t bits;
    if (string_copy(buf, sizeof(buf), text) < 0) {
        return -EINVAL;
    }
    char *slash = strchr(buf, '/');
    if (slash != NULL) {
        *slash = 0;
    }
    if (!ipaddr_aton(buf, ip)) {
        return -EINVAL;
    }
    unsigned most = IP_IS_V4(ip) ? 32 : 128;
    bits = most;
    if (slash != NULL && (string_to_u64(slash + 1, &bits) != 0 || bits > most)) {
        return -EINVAL;
    }
    *prefix = (unsigned)bits;
    return 0;
}

static int add4(const ip_addr_t *ip, unsigned prefix) NEEDS(net_core)
{
    ip4_addr_t mask;
    ip4_addr_set_u32(&mask, prefix == 0 ? 0 : lwip_htonl(~0U << (32 - prefix)));
    if (!ip4_addr_isany_val(*netif_ip4_addr(eth))) {
        return alias_add_locked(eth, ip_2_ip4(ip), &mask);
    }
    netif_set_addr(eth, ip_2_ip4(ip), &mask, &gateway4);
    return 0;
}

/* lwIP takes every IPv6 network for a /64. */
static int add6(const ip_addr_t *ip) NEEDS(net_core)
{
    for (unsigned i = FIRST_ADDED6; i < LWIP_IPV6_NUM_ADDRESSES; i++) {
        if (ip6_addr_isinvalid(netif_ip6_addr_state(eth, i))) {
            netif_ip6_addr_set(eth, (s8_t)i, ip_2_ip6(ip));
            netif_ip6_addr_set_state(eth, (s8_t)i, IP6_ADDR_PREFERRED);
            return 0;
        }
    }
    return -ENOSPC;
}

int net_add_address(const char *text)
{
    if (nplan == PLAN_MAX) {
        return -ENOSPC;
    }
    int err = parse(text, &plan[nplan].ip, &plan[nplan].prefix);
    nplan += err == 0;
    return err;
}

int net_set_gateway(const char *text)
{
    ip_addr_t ip;
    unsigned prefix;
    int err = parse(text, &ip, &prefix);
    if (err != 0 || strchr(text, '/') != NULL) {
        return -EINVAL;
    }
    if (IP_IS_V4_VAL(ip)) {
        gateway4 = *ip_2_ip4(&ip);
        return 0;
    }
    net_lock();
    gateway6 = *ip_2_ip6(&ip);
    net_unlock();
    return 0;
}

/* lwIP's hook for the next hop to another network; NULL: it selects a router. */
const ip6_addr_t *net_gateway6(const struct netif *n)
{
    lock_assert_held(&net_core);
    return n == eth && !ip6_addr_isany(&gateway6) ? &gateway6 : NULL;
}

int net_ask_dhcp(const char *hostname, uint64_t deadline_ns)
{
    net_need_device();
    if (eth == NULL) {
        return -ENODEV;
    }
    net_lock();
    netif_set_hostname(eth, hostname);
    err_t err = dhcp_start(eth);
    net_unlock();
    if (err != ERR_OK) {
        return -ENOMEM;
    }
    while (!dhcp_supplied_address(eth)) {
        if (clock_ns() >= deadline_ns) {
            return -ETIMEDOUT;
        }
        if (!irq_poll()) {
            __builtin_ia32_pause();
        }
    }
    return 0;
}

long net_dns_server(unsigned n, char *out, size_t cap)
{
    net_lock();
    ip_addr_t ip = *dns_getserver((u8_t)n);
    net_unlock();
    if (ip_addr_isany_val(ip) || ipaddr_ntoa_r(&ip, out, (int)cap) == NULL) {
        return -ENOENT;
    }
    return (long)strlen(out);
}

bool net_has_device(void)
{
    return __atomic_load_n(&opened, __ATOMIC_ACQUIRE) && eth != NULL;
}

void address_start(void)
{
    mutex_init(&opening);
}

static int add_planned(const struct planned *p) NEEDS(net_core)
{
    return IP_IS_V4_VAL(p->ip) ? add4(&p->ip, p->prefix) : add6(&p->ip);
}

static void open_device(void)
{
    eth = netif_start();
    if (eth == NULL) {
        return;
    }
    net_lock();
    netif_create_ip6_linklocal_address(eth, 1);
    netif_set_ip6_autoconfig_enabled(eth, 1);
    netif_set_default(eth);
    netif_set_up(eth);
    netif_set_gw(eth, &gateway4);
    if (!ip6_addr_isany(&gateway6)) {
        ip6_addr_assign_zone(&gateway6, IP6_UNICAST, eth);
    }
    for (unsigned i = 0; i < nplan; i++) {
        int err = add_planned(&plan[i]);
        if (err != 0) {
            log(DEV, WARN, "eth0 cannot have its address number %u (error %d)", i + 1, -err);
        }
    }
    net_unlock();
}

void net_set_names_hook(void (*fn)(void))
{
    names_hook = fn;
}

void net_need_device(void)
{
    if (__atomic_load_n(&opened, __ATOMIC_ACQUIRE)) {
        if (names_hook != NULL && net_names_changed()) {
            names_hook();
        }
        return;
    }
    mutex_lock(&opening);
    if (!opened) {
        open_device();
        __atomic_store_n(&opened, true, __ATOMIC_RELEASE);
    }
    mutex_unlock(&opening);
}
