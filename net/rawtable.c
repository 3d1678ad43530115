/* SPDX-License-Identifier: MIT */
/* Who gets raw packets: all sockets of the protocol whose addresses and filter let them. lwIP shows
 * the packets of a protocol as long as some socket wants them. All under net_core. Source: raw(7),
 * icmp(7), RFC 3542. */
#include "net/rawtable.h"

#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <lwip/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/raw.h>

#include "net/multicast.h"

#define PROTOCOLS 256
#define ECHO_LEN 8

static struct list all = LIST_INIT(all); /* [net_core] dgram_socket.hashed */
static struct raw_pcb *watched[PROTOCOLS]; /* [net_core] NULL: lwIP does not show it */
static unsigned users[PROTOCOLS]; /* [net_core] sockets of a protocol */

static u8_t on_packet(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *addr)
{
    (void)arg;
    (void)addr;
    lock_assert_held(&net_core);
    rawtable_deliver_locked(p, pcb->protocol);
    return 0;
}

/* net/inetinput.c sees these in any case. */
static bool is_shown(int protocol)
{
    return protocol == IPPROTO_UDP || protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6;
}

int rawtable_add_locked(struct dgram_socket *t)
{
    int protocol = t->s.protocol;
    lock_assert_held(&net_core);
    if (users[protocol] == 0 && !is_shown(protocol)) {
        watched[protocol] = raw_new_ip_type(IPADDR_TYPE_ANY, (u8_t)protocol);
        if (watched[protocol] == NULL) {
            return -ENOMEM;
        }
        raw_recv(watched[protocol], on_packet, NULL);
    }
    users[protocol]++;
    list_append(&all, &t->hashed);
    return 0;
}

void rawtable_remove_locked(struct dgram_socket *t)
{
    int protocol = t->s.protocol;
    lock_assert_held(&net_core);
    list_remove(&t->hashed);
    if (--users[protocol] == 0 && watched[protocol] != NULL) {
        raw_remove(watched[protocol]);
        watched[protocol] = NULL;
    }
}

static bool takes_address(const struct dgram_socket *t) NEEDS(net_core)
{
    const ip_addr_t *to = ip_current_dest_addr();
    unsigned device = netif_get_index(ip_current_input_netif());
    if (ip_current_is_v6() != (t->s.family == AF_INET6) || !inetaddr_covers(&t->local.ip, to) ||
        (t->connected && !ip_addr_cmp(&t->peer.ip, ip_current_src_addr())) ||
        (t->inet.device != 0 && t->inet.device != device)) {
        return false;
    }
    return !ip_addr_ismulticast(to) || multicast_wanted_locked(t, to, device);
}

/* header: the first bytes behind the IP header. */
static bool takes_type(const struct dgram_socket *t, const uint8_t *header)
{
    unsigned type = header[0];
    bool icmp = t->s.protocol == IPPROTO_ICMP;
    if (t->s.type == SOCK_DGRAM) {
        unsigned id = (unsigned)header[4] << 8 | header[5];
        return type == (icmp ? ICMP_ECHOREPLY : ICMPV6_ECHO_REPLY) && id == t->local.port;
    }
    if (icmp) {
        return type >= 32 || (t->filter[0] >> type & 1) == 0;
    }
    return t->s.protocol != IPPROTO_ICMPV6 || (t->filter[type / 32] >> type % 32 & 1) == 0;
}

/* IPv4's raw sockets get the IP header, too. */
static void deliver(struct dgram_socket *t, struct pbuf *p, size_t ip_len) NEEDS(net_core)
{
    bool v6 = ip_current_is_v6();
    size_t skip = v6 || t->s.type == SOCK_DGRAM ? ip_len : 0;
    struct datagram *d = datagram_create(p->tot_len - skip);
    if (d == NULL) {
        return;
    }
    (void)pbuf_copy_partial(p, d->data, (u16_t)d->len, (u16_t)skip);
    d->from.ip = *ip_current_src_addr();
    d->to.ip = *ip_current_dest_addr();
    d->device = netif_get_index(ip_current_input_netif());
    d->ttl = v6 ? IP6H_HOPLIM(ip6_current_header()) : IPH_TTL(ip4_current_header());
    d->tos = (uint8_t)(v6 ? IP6H_TC(ip6_current_header()) : IPH_TOS(ip4_current_header()));
    dgram_receive_locked(t, d);
}

void rawtable_deliver_locked(struct pbuf *p, unsigned protocol)
{
    uint8_t header[ECHO_LEN] = {0};
    struct list *node;
    size_t ip_len = ip_current_header_tot_len();
    lock_assert_held(&net_core);
    if (users[protocol] == 0) {
        return;
    }
    (void)pbuf_copy_partial(p, header, sizeof(header), (u16_t)ip_len);
    list_for_each (node, &all) {
        struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        if (t->s.protocol == (int)protocol && takes_address(t) && takes_type(t, header)) {
            deliver(t, p, ip_len);
        }
    }
}

/* An echo belongs to the socket with its identifier. */
static bool has_sent(const struct dgram_socket *t, const ip_addr_t *local, const ip_addr_t *to,
                     const uint8_t *data)
{
    unsigned id = (unsigned)data[4] << 8 | data[5];
    return (t->s.family == AF_INET6) == IP_IS_V6(to) && inetaddr_covers(&t->local.ip, local) &&
           (!t->connected || ip_addr_cmp_zoneless(&t->peer.ip, to)) &&
           (t->s.type == SOCK_RAW || id == t->local.port);
}

void rawtable_fail_locked(unsigned protocol, const ip_addr_t *local, const struct dgram_error *e,
                          const uint8_t *data, bool fatal)
{
    struct list *node;
    lock_assert_held(&net_core);
    if (users[protocol] == 0 || e->len < ECHO_LEN) {
        return;
    }
    list_for_each (node, &all) {
        struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        if (t->s.protocol == (int)protocol && has_sent(t, local, &e->to.ip, data)) {
            dgram_fail_locked(t, e, data, fatal);
        }
    }
}

bool rawtable_has_echo_locked(int family, uint16_t id)
{
    struct list *node;
    lock_assert_held(&net_core);
    list_for_each (node, &all) {
        const struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        if (t->s.type == SOCK_DGRAM && t->s.family == family && t->local.port == id) {
            return true;
        }
    }
    return false;
}

void rawtable_each_locked(void (*visit)(const struct dgram_socket *t, void *arg), void *arg)
{
    struct list *node;
    lock_assert_held(&net_core);
    list_for_each (node, &all) {
        const struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        if (t->s.type == SOCK_RAW) {
            visit(t, arg);
        }
    }
}
