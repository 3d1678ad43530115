/* SPDX-License-Identifier: MIT */
/* Who sent the packet that an ICMP message quotes, and what the message means to it.
 * Source: RFC 792, RFC 4443, RFC 1122 4.1.3.3 and 4.2.3.9, ip(7). */
#include "net/icmperror.h"

#include <asm/errno.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <lwip/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <lwip/prot/udp.h>

#include "kernel/base/string.h"
#include "net/pathmtu.h"
#include "net/rawtable.h"
#include "net/tcperror.h"
#include "net/udp.h"

#define ICMP_LEN 8
#define QUOTED_LEAST 8 /* bytes behind the IP header: RFC 792 */

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
    unsigned protocol;
    const uint8_t *data; /* behind the IP header */
    size_t len;
};

static bool parse_quote(const uint8_t *ip, size_t len, bool v6, struct quote *q)
{
    size_t ip_len = v6 ? IP6_HLEN : len >= IP_HLEN ? (size_t)(ip[0] & 15U) * 4 : IP_HLEN;
    if (ip_len < IP_HLEN || len < ip_len + QUOTED_LEAST) {
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
    q->protocol = v6 ? ip[6] : ip[9];
    q->data = ip + ip_len;
    q->len = len - ip_len;
    return true;
}

/* The packet was too long for a router and might not be cut. */
static void note_mtu(const struct quote *q, const struct dgram_error *e) NEEDS(net_core)
{
    if (e->what.ee_errno == EMSGSIZE && IP_IS_V4_VAL(q->to)) {
        pathmtu_note_locked(ip_2_ip4(&q->to), e->what.ee_info);
    }
}

static void tell_udp(const struct quote *q, struct dgram_error *e, bool fatal) NEEDS(net_core)
{
    struct udp_hdr h;
    memcpy(&h, q->data, sizeof(h));
    struct udp_key back = {&q->to, &q->from, lwip_ntohs(h.dest), lwip_ntohs(h.src),
                           netif_get_index(ip_current_input_netif())};
    struct dgram_socket *t = udptable_find_locked(&back);
    e->to.port = back.from_port;
    e->len = q->len - sizeof(h);
    if (t != NULL) {
        note_mtu(q, e);
        dgram_fail_locked(t, e, q->data + sizeof(h), fatal);
    }
}

static void tell_tcp(const struct quote *q, const struct dgram_error *e) NEEDS(net_core)
{
    uint16_t ports[2]; /* source, destination */
    uint32_t sequence;
    memcpy(ports, q->data, sizeof(ports));
    memcpy(&sequence, q->data + sizeof(ports), sizeof(sequence));
    struct inet_address local = {.ip = q->from, .port = lwip_ntohs(ports[0])};
    struct inet_address peer = {.ip = q->to, .port = lwip_ntohs(ports[1])};
    struct tcp_quote segment = {&local, &peer, lwip_ntohl(sequence)};
    if (e->what.ee_errno != EMSGSIZE) {
        tcperror_unreachable_locked(&segment, (int)e->what.ee_errno);
    } else if (tcperror_too_long_locked(&segment, e->what.ee_info)) {
        note_mtu(q, e);
    }
}

void icmperror_input_locked(const uint8_t *icmp, size_t len)
{
    struct quote q;
    bool v6 = ip_current_is_v6();
    lock_assert_held(&net_core);
    if (len < ICMP_LEN) {
        return;
    }
    struct meaning m = v6 ? meaning6(icmp[0], icmp[1]) : meaning4(icmp[0], icmp[1]);
    if (m.error == 0 || !parse_quote(icmp + ICMP_LEN, len - ICMP_LEN, v6, &q)) {
        return;
    }
    struct dgram_error e = {
        .what = {.ee_errno = (uint32_t)m.error,
                 .ee_origin = v6 ? SO_EE_ORIGIN_ICMP6 : SO_EE_ORIGIN_ICMP,
                 .ee_type = icmp[0],
                 .ee_code = icmp[1]},
        .offender = *ip_current_src_addr(),
        .to = {.ip = q.to},
        .len = q.len,
    };
    if (m.error == EMSGSIZE) {
        uint32_t mtu;
        memcpy(&mtu, icmp + 4, sizeof(mtu));
        e.what.ee_info = v6 ? lwip_ntohl(mtu) : lwip_ntohl(mtu) & UINT16_MAX;
    }
    if (q.protocol == IP_PROTO_ICMP && inetaddr_is_local(&q.from)) {
        note_mtu(&q, &e);
    }
    rawtable_fail_locked(q.protocol, &q.from, &e, q.data, m.fatal);
    if (q.protocol == IP_PROTO_UDP) {
        tell_udp(&q, &e, m.fatal);
    } else if (q.protocol == IP_PROTO_TCP) {
        tell_tcp(&q, &e);
    }
}
