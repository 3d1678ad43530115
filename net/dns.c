/* SPDX-License-Identifier: MIT */
/* The name servers that DHCP and router advertisements name, under the names of lwIP's resolver,
 * which is not built: programs resolve names themselves, with /etc/resolv.conf. */
#include <lwip/dns.h>

#include "net/core.h"
#include "net/net.h"

static ip_addr_t servers[DNS_MAX_SERVERS]; /* [net_core] */
static bool changed; /* [A] since somebody asked */

bool net_names_changed(void)
{
    return __atomic_load_n(&changed, __ATOMIC_RELAXED) &&
           __atomic_exchange_n(&changed, false, __ATOMIC_ACQUIRE);
}

void dns_init(void)
{
}

void dns_setserver(u8_t numdns, const ip_addr_t *dnsserver)
{
    const ip_addr_t *ip = dnsserver != NULL ? dnsserver : IP_ADDR_ANY;
    lock_assert_held(&net_core);
    if (numdns < DNS_MAX_SERVERS && !ip_addr_cmp(&servers[numdns], ip)) {
        servers[numdns] = *ip;
        __atomic_store_n(&changed, true, __ATOMIC_RELEASE);
    }
}

const ip_addr_t *dns_getserver(u8_t numdns)
{
    lock_assert_held(&net_core);
    return numdns < DNS_MAX_SERVERS ? &servers[numdns] : IP_ADDR_ANY;
}
