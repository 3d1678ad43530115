/* SPDX-License-Identifier: MIT */
/* A small table: only packets that may not be cut ask for it, the others are cut by the routers.
 * All under net_core. Source: RFC 1191, ip(7), Linux's mtu_expires. */
#include "net/pathmtu.h"

#include <lwip/nd6.h>

#include "platform/clock.h"

#define ENTRIES 16U /* a power of two */
#define LIFE_NS (600 * NSEC_PER_SEC)

static struct {
    ip4_addr_t to;
    unsigned mtu;
    uint64_t until_ns; /* 0: no entry */
} known[ENTRIES]; /* [net_core] by slot_of */

static unsigned slot_of(const ip4_addr_t *to)
{
    uint32_t ip = ip4_addr_get_u32(to);
    return (ip ^ ip >> 8 ^ ip >> 16 ^ ip >> 24) % ENTRIES;
}

void pathmtu_note_locked(const ip4_addr_t *to, unsigned mtu)
{
    unsigned i = slot_of(to);
    lock_assert_held(&net_core);
    known[i].to = *to;
    known[i].mtu = max(mtu, PATHMTU_LEAST4);
    known[i].until_ns = clock_ns() + LIFE_NS;
}

unsigned pathmtu_to_locked(const ip_addr_t *to, const struct netif *out)
{
    lock_assert_held(&net_core);
    if (!IP_IS_V4_VAL(*to)) {
        unsigned mtu = nd6_get_destination_mtu(ip_2_ip6(to), (struct netif *)(uintptr_t)out);
        return max(mtu, PATHMTU_LEAST6);
    }
    unsigned i = slot_of(ip_2_ip4(to));
    bool valid = known[i].until_ns > clock_ns() && ip4_addr_cmp(&known[i].to, ip_2_ip4(to));
    return valid ? min(known[i].mtu, (unsigned)out->mtu) : out->mtu;
}
