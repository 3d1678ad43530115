/* SPDX-License-Identifier: MIT */
/* Which connection a packet belongs to.
 *
 * lwIP looks through the list of its connections for each segment, which is long with thousands of
 * them. A table knows them by address and port; while lwIP gets a packet of one, its list begins
 * with that one: the rest of the list behind it, what stands before it left out. Nothing that lwIP
 * does for a segment of an open connection looks at others or makes new ones; it may take this one
 * out, which is then done on the whole list, too. */
#include "net/tcpfind.h"

#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>

#include "kernel/base/string.h"
#include "net/tcp.h"

#define BUCKETS 1024
#define MIX 0x9e3779b97f4a7c15UL /* 2^64 over the golden ratio */

struct key {
    ip_addr_t local, remote;
    uint16_t local_port, remote_port;
};

static struct tcp_socket *buckets[BUCKETS]; /* [net_core] linked by found_next */
static uint64_t secret; /* [net_core] chosen at the first use: chains cannot be made on purpose */
static struct tcp_pcb *whole; /* [net_core] lwIP's list while it is cut short; NULL: it is not */
static struct tcp_pcb *first; /* [net_core] the one that it begins with */

static unsigned hash(const ip_addr_t *remote, uint16_t remote_port, uint16_t local_port)
{
    const uint32_t *w = ip_2_ip6(remote)->addr;
    uint64_t x = w[0]; /* of IPv4 the only one */
    if (!IP_IS_V4(remote)) {
        x = (x ^ w[1]) * MIX ^ (uint64_t)w[2] << 32 ^ w[3];
    }
    x ^= (uint64_t)remote_port << 32 ^ (uint64_t)local_port << 48 ^ secret;
    return (unsigned)(x * MIX >> 32) % BUCKETS;
}

static struct tcp_socket **bucket_of(const struct tcp_socket *t)
{
    return &buckets[hash(&t->peer.ip, t->peer.port, t->local.port)];
}

void tcpfind_add_locked(struct tcp_socket *t)
{
    if (secret == 0) {
        secret = (uint64_t)net_random32() << 32 | net_random32() | 1;
    }
    struct tcp_socket **b = bucket_of(t);
    t->found_next = *b;
    *b = t;
    t->findable = true;
}

void tcpfind_remove_locked(struct tcp_socket *t)
{
    if (!t->findable) {
        return;
    }
    struct tcp_socket **at = bucket_of(t);
    while (*at != t) {
        at = &(*at)->found_next;
    }
    *at = t->found_next;
    t->findable = false;
}

/* The addresses of a TCP segment that is no fragment. */
static bool parse(const uint8_t *ip, size_t len, struct key *key)
{
    size_t header;
    if (len < sizeof(struct ip_hdr)) {
        return false;
    }
    if (ip[0] >> 4 == 4) {
        const struct ip_hdr *h = (const void *)ip;
        header = IPH_HL_BYTES(h);
        if (IPH_PROTO(h) != IP_PROTO_TCP || (IPH_OFFSET(h) & PP_HTONS(IP_OFFMASK | IP_MF)) != 0) {
            return false;
        }
        ip_addr_copy_from_ip4(key->local, h->dest);
        ip_addr_copy_from_ip4(key->remote, h->src);
    } else {
        const struct ip6_hdr *h = (const void *)ip;
        header = sizeof(*h);
        if (len < header || IP6H_NEXTH(h) != IP6_NEXTH_TCP) {
            return false;
        }
        ip_addr_copy_from_ip6_packed(key->local, h->dest);
        ip_addr_copy_from_ip6_packed(key->remote, h->src);
    }
    uint16_t ports[2]; /* source, destination */
    if (len < header + sizeof(ports)) {
        return false;
    }
    memcpy(ports, ip + header, sizeof(ports));
    key->remote_port = lwip_ntohs(ports[0]);
    key->local_port = lwip_ntohs(ports[1]);
    return true;
}

static struct tcp_socket *find(const struct key *key) NEEDS(net_core)
{
    struct tcp_socket *t = buckets[hash(&key->remote, key->remote_port, key->local_port)];
    for (; t != NULL; t = t->found_next) {
        const struct tcp_pcb *p = t->pcb;
        if (p->remote_port == key->remote_port && p->local_port == key->local_port &&
            ip_addr_cmp_zoneless(&p->remote_ip, &key->remote) &&
            ip_addr_cmp_zoneless(&p->local_ip, &key->local)) {
            return t;
        }
    }
    return NULL;
}

struct tcp_socket *tcpfind_get_locked(const struct inet_address *local,
                                      const struct inet_address *peer)
{
    struct key key = {local->ip, peer->ip, local->port, peer->port};
    lock_assert_held(&net_core);
    return find(&key);
}

void tcpfind_begin_locked(const void *ip, size_t len)
{
    struct key key;
    if (tcp_active_pcbs == NULL || tcp_active_pcbs->next == NULL || !parse(ip, len, &key)) {
        return;
    }
    const struct tcp_socket *t = find(&key);
    struct tcp_pcb *p = t != NULL ? t->pcb : NULL;
    if (p == NULL || p == tcp_active_pcbs) {
        return;
    }
    whole = tcp_active_pcbs;
    first = p;
    tcp_active_pcbs = p;
}

void tcpfind_end_locked(void)
{
    if (whole == NULL) {
        return;
    }
    if (tcp_active_pcbs != first) { /* taken out; only its address is looked at */
        struct tcp_pcb *before = whole;
        while (before->next != first) {
            before = before->next;
        }
        before->next = tcp_active_pcbs;
    }
    tcp_active_pcbs = whole;
    whole = NULL;
}
