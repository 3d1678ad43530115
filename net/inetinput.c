/* SPDX-License-Identifier: MIT */
/* UDP packets that came from the network, and ICMP messages about packets of ours: lwIP shows them
 * first to us, by raw control blocks. All under net_core. Source: RFC 768, RFC 792, RFC 4443,
 * RFC 1122 4.1.3.3. */
#include "net/inetinput.h"

#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <lwip/inet_chksum.h>
#include <lwip/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/udp.h>
#include <lwip/raw.h>

#include "kernel/base/string.h"
#include "net/inetroute.h"
#include "net/rawtable.h"
#include "net/udp.h"

#define ICMP_LEN 8
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

static bool sum_is_good(struct pbuf *p, const struct udp_hdr *h, size_t ip_len)
{
    if ((ip_current_input_netif()->chksum_flags & NETIF_CHECKSUM_CHECK_UDP) == 0) {
        return true;
    }
    if (h->chksum == 0) {
        return !ip_current_is_v6();
    }
    (void)pbuf_remove_header(p, ip_len);
    uint16_t sum = ip_chksum_pseudo(p, IP_PROTO_UDP, p->tot_len, ip_current_src_addr(),
                                    ip_current_dest_addr());
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
    bool good = sum_is_good(p, &h, ip_len);
    struct datagram *d = good ? copy(p, ip_len + UDP_HLEN, len - UDP_HLEN, &h) : NULL;
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

/* What an ICMP message means to who sent the packet; error 0: nothing. */
struct meaning {
    int error;
    bool fatal;
};

static struct meaning meaning4(unsigned type, unsigned code)
{
    static const struct meaning unreachable[] = {
        [ICMP_NET_UNREACH] = {ENETUNREACH, false},    [ICMP_HOST_UNREACH] = {EHOSTUNREACH, false},
        [ICMP_PROT_UNREACH] = {ENOPROTOOPT, true},    [ICMP_PORT_UNREACH] = {ECONNREFUSED, true},
        [ICMP_FRAG_NEEDED] = {EMSGSIZE, false},       [ICMP_SR_FAILED] = {EOPNOTSUPP, false},
        [ICMP_NET_UNKNOWN] = {ENETUNREACH, true},     [ICMP_HOST_UNKNOWN] = {EHOSTDOWN, true},
        [ICMP_HOST_ISOLATED] = {ENONET, true},        [ICMP_NET_ANO] = {ENETUNREACH, true},
        [ICMP_HOST_ANO] = {EHOSTUNREACH, true},       [ICMP_NET_UNR_TOS] = {ENETUNREACH, false},
        [ICMP_HOST_UNR_TOS] = {EHOSTUNREACH, false},  [ICMP_PKT_FILTERED] = {EHOSTUNREACH, true},
        [ICMP_PREC_VIOLATION] = {EHOSTUNREACH, true}, [ICMP_PREC_CUTOFF] = {EHOSTUNREACH, true},
    };
    switch (type) {
    case ICMP_DEST_UNREACH:
        return code < ARRAY_LEN(unreachable) ? unreachable[code] : (struct meaning){0, false};
    case ICMP_TIME_EXCEEDED: return (struct meaning){EHOSTUNREACH, false};
    case ICMP_PARAMETERPROB: return (struct meaning){EPROTO, true};
    default: return (struct meaning){0, false};
    }
}

static struct meaning meaning6(unsigned type, unsigned code)
{
    static const struct meaning unreachable[] = {
        [ICMPV6_NOROUTE] = {ENETUNREACH, false},
        [ICMPV6_ADM_PROHIBITED] = {EACCES, true},
        [ICMPV6_NOT_NEIGHBOUR] = {EHOSTUNREACH, false},
        [ICMPV6_ADDR_UNREACH] = {EHOSTUNREACH, false},
        [ICMPV6_PORT_UNREACH] = {ECONNREFUSED, true},
        [ICMPV6_POLICY_FAIL] = {EACCES, true},
        [ICMPV6_REJECT_ROUTE] = {EACCES, true},
    };
    switch (type) {
    case ICMPV6_DEST_UNREACH:
        return code < ARRAY_LEN(unreachable) ? unreachable[code] : (struct meaning){0, false};
    case ICMPV6_PKT_TOOBIG: return (struct meaning){EMSGSIZE, false};
    case ICMPV6_TIME_EXCEED: return (struct meaning){EHOSTUNREACH, false};
    case ICMPV6_PARAMPROB: return (struct meaning){EPROTO, true};
    default: return (struct meaning){0, false};
    }
}

/* The packet that a message quotes. */
struct quote {
    ip_addr_t from, to;
    uint16_t from_port, to_port;
    const uint8_t *data;
    size_t len; /* of what UDP carried, as far as it is quoted */
};

static bool parse_quote(const uint8_t *ip, size_t len, bool v6, struct quote *q)
{
    size_t ip_len = v6 ? IP6_HLEN : len >= IP_HLEN ? (size_t)(ip[0] & 15U) * 4 : IP_HLEN;
    if (ip_len < IP_HLEN || len < ip_len + UDP_HLEN) {
        return false;
    }
    memset(q, 0, sizeof(*q));
    if (v6) {
        const struct ip6_hdr *h = (const void *)ip;
        ip_addr_copy_from_ip6_packed(q->from, h->src);
        ip_addr_copy_from_ip6_packed(q->to, h->dest);
        ip6_addr_assign_zone(ip_2_ip6(&q->from), IP6_UNICAST, ip_current_input_netif());
        ip6_addr_assign_zone(ip_2_ip6(&q->to), IP6_UNKNOWN, ip_current_input_netif());
    } else {
        const struct ip_hdr *h = (const void *)ip;
        ip_addr_copy_from_ip4(q->from, h->src);
        ip_addr_copy_from_ip4(q->to, h->dest);
    }
    if ((v6 ? ip[6] : ip[9]) != IP_PROTO_UDP) {
        return false;
    }
    struct udp_hdr h;
    memcpy(&h, ip + ip_len, sizeof(h));
    q->from_port = lwip_ntohs(h.src);
    q->to_port = lwip_ntohs(h.dest);
    q->data = ip + ip_len + UDP_HLEN;
    q->len = len - ip_len - UDP_HLEN;
    return true;
}

static void tell_sender(const uint8_t *icmp, size_t len, bool v6) NEEDS(net_core)
{
    struct quote q;
    struct meaning m = v6 ? meaning6(icmp[0], icmp[1]) : meaning4(icmp[0], icmp[1]);
    if (m.error == 0 || !parse_quote(icmp + ICMP_LEN, len - ICMP_LEN, v6, &q)) {
        return;
    }
    struct udp_key back = {&q.to, &q.from, q.to_port, q.from_port,
                           netif_get_index(ip_current_input_netif())};
    struct dgram_socket *t = udptable_find_locked(&back);
    struct dgram_error e = {
        .what = {.ee_errno = (uint32_t)m.error,
                 .ee_origin = v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP,
                 .ee_type = icmp[0],
                 .ee_code = icmp[1]},
        .offender = *ip_current_src_addr(),
        .to = {.ip = q.to, .port = q.to_port},
        .len = q.len,
    };
    if (m.error == EMSGSIZE) {
        e.what.ee_info = (uint32_t)(v6 ? icmp[4] << 24 | icmp[5] << 16 | icmp[6] << 8 | icmp[7]
                                       : icmp[6] << 8 | icmp[7]);
    }
    if (t != NULL) {
        dgram_fail_locked(t, &e, q.data, m.fatal);
    }
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
    if (len >= ICMP_LEN) {
        tell_sender(icmp, len, ip_current_is_v6());
    }
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
