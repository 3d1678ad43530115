/* SPDX-License-Identifier: MIT */
/* The name servers that DHCP and router advertisements name, under the names of lwIP's resolver,
 * which is not built: programs resolve names themselves, with /etc/resolv.conf. */
#include <lwip/dns.h>

#include "net/core.h"

static ip_addr_t servers[DNS_MAX_SERVERS]; /* [net_core] */

void dns_init(void)
{
}

void dns_setserver(u8_t numdns, const ip_addr_t *dnsserver)
{
    lock_assert_held(&net_core);
    if (numdns < DNS_MAX_SERVERS) {
        servers[numdns] = dnsserver != NULL ? *dnsserver : *IP_ADDR_ANY;
    }
}

const ip_addr_t *dns_getserver(u8_t numdns)
{
    lock_assert_held(&net_core);
    return numdns < DNS_MAX_SERVERS ? &servers[numdns] : IP_ADDR_ANY;
}
