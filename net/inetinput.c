/* SPDX-License-Identifier: MIT */
/* UDP packets and ICMP messages that came from the network: lwIP shows them first to us, by raw
 * control blocks. All under net_core. Source: RFC 768, RFC 792, RFC 4443. */
#include "net/inetinput.h"

#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/udp.h>
#include <lwip/raw.h>
#include <lwip/stats.h>

#include "kernel/base/string.h"
#include "net/icmperror.h"
#include "net/inetroute.h"
#include "net/rawtable.h"
#include "net/udp.h"

#define QUOTE_MAX 576 /* bytes of a message that are looked at */
#define EATEN 1
#define PASSED 0

static uint8_t ttl_now(void)
{
    return ip_current_is_v6() ? IP6H_HOPLIM(ip6_current_header()) : IPH_TTL(ip4_current_header());
}

static uint8_t tos_now(void)
{
    return ip_current_is_v6() ? (uint8_t)IP6H_TC(ip6_current_header())
                              : IPH_TOS(ip4_current_header());
}

/* len: of the UDP packet; there may be more behind it. */
static bool sum_is_good(struct pbuf *p, const struct udp_hdr *h, size_t ip_len, size_t len)
{
    if ((ip_current_input_netif()->chksum_flags & NETIF_CHECKSUM_CHECK_UDP) == 0) {
        return true;
    }
    if (h->chksum == 0) {
        return !ip_current_is_v6();
    }
    (void)pbuf_remove_header(p, ip_len);
    uint16_t sum = ip_chksum_pseudo_partial(p, IP_PROTO_UDP, (u16_t)len, (u16_t)len,
                                            ip_current_src_addr(), ip_current_dest_addr());
    (void)pbuf_add_header_force(p, ip_len);
    return sum == 0;
}

/* p's data from at on, len bytes, as a datagram between the current addresses. */
static struct datagram *copy(struct pbuf *p, size_t at, size_t len, const struct udp_hdr *h)
{
    struct datagram *d = datagram_create(len);
    if (d == NULL) {
        return NULL;
    }
    (void)pbuf_copy_partial(p, d->data, (u16_t)len, (u16_t)at);
    d->from = (struct inet_address){.ip = *ip_current_src_addr(), .port = lwip_ntohs(h->src)};
    d->to = (struct inet_address){.ip = *ip_current_dest_addr(), .port = lwip_ntohs(h->dest)};
    d->device = netif_get_index(ip_current_input_netif());
    d->ttl = ttl_now();
    d->tos = tos_now();
    return d;
}

/* lwIP's raw_recv_fn. What nobody here wants is lwIP's: DHCP's, or to be refused. */
static u8_t on_udp(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *addr)
{
    struct udp_hdr h;
    size_t ip_len = ip_current_header_tot_len();
    (void)arg;
    (void)pcb;
    (void)addr;
    lock_assert_held(&net_core);
    rawtable_deliver_locked(p, IP_PROTO_UDP);
    if (pbuf_copy_partial(p, &h, sizeof(h), (u16_t)ip_len) != sizeof(h)) {
        return PASSED;
    }
    size_t len = lwip_ntohs(h.len);
    if (len < UDP_HLEN || len > p->tot_len - ip_len) {
        (void)pbuf_free(p);
        return EATEN;
    }
    struct udp_key k = {ip_current_src_addr(), ip_current_dest_addr(), lwip_ntohs(h.src),
                        lwip_ntohs(h.dest), netif_get_index(ip_current_input_netif())};
    bool many = ip_addr_ismulticast(k.to) || inetroute_is_broadcast_locked(k.to);
    struct dgram_socket *t = many ? NULL : udptable_find_locked(&k);
    if (t == NULL && !many) {
        return PASSED;
    }
    bool good = sum_is_good(p, &h, ip_len, len);
    struct datagram *d = good ? copy(p, ip_len + UDP_HLEN, len - UDP_HLEN, &h) : NULL;
    if (!good) {
        MIB2_STATS_INC(mib2.udpinerrors);
    } else if (!many) {
        MIB2_STATS_INC(mib2.udpindatagrams);
    }
    if (d != NULL && many) {
        udptable_deliver_many_locked(&k, d);
        datagram_put(d);
    } else if (d != NULL) {
        dgram_receive_locked(t, d);
    }
    if (many && good) {
        return PASSED;
    }
    (void)pbuf_free(p);
    return EATEN;
}

static u8_t on_icmp(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *addr)
{
    uint8_t icmp[QUOTE_MAX];
    size_t at = ip_current_header_tot_len();
    (void)arg;
    (void)addr;
    lock_assert_held(&net_core);
    rawtable_deliver_locked(p, pcb->protocol);
    size_t len = pbuf_copy_partial(p, icmp, sizeof(icmp), (u16_t)at);
    icmperror_input_locked(icmp, len);
    return PASSED;
}

static void watch(u8_t protocol, raw_recv_fn fn) NEEDS(net_core)
{
    struct raw_pcb *pcb = raw_new_ip_type(IPADDR_TYPE_ANY, protocol);
    if (pcb == NULL) {
        panic("no memory for the network");
    }
    raw_recv(pcb, fn, NULL);
}

void inetinput_start_locked(void)
{
    lock_assert_held(&net_core);
    watch(IP_PROTO_UDP, on_udp);
    watch(IP_PROTO_ICMP, on_icmp);
    watch(IP6_NEXTH_ICMP6, on_icmp);
}
