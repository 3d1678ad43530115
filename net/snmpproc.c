/* SPDX-License-Identifier: MIT */
/* /proc/net/snmp and /proc/net/netstat: what lwIP counts, of both families, and net_counters. What
 * nobody counts is 0. All under net_core. Source: proc(5), RFC 4022, RFC 4113, RFC 4293. */
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>

#include "net/counters.h"
#include "net/iface.h"
#include "net/inetproc.h"

struct net_counters net_counters;

/* The line of names and that of numbers of a protocol. */
struct number {
    const char *name;
    uint64_t value;
};

static void put_numbers(struct text *t, const char *protocol, const struct number *n,
                        unsigned count)
{
    text_print(t, "%s:", protocol);
    for (unsigned i = 0; i < count; i++) {
        text_print(t, " %s", n[i].name);
    }
    text_print(t, "\n%s:", protocol);
    for (unsigned i = 0; i < count; i++) {
        text_print(t, " %ld", (long)n[i].value);
    }
    text_print(t, "\n");
}

#define MIB(name, field)            \
    {                               \
        name, lwip_stats.mib2.field \
    }

static void put_ip(struct text *t) NEEDS(net_core)
{
    const struct number n[] = {
        {"Forwarding", 2},
        {"DefaultTTL", IP_DEFAULT_TTL},
        MIB("InReceives", ipinreceives),
        MIB("InHdrErrors", ipinhdrerrors),
        MIB("InAddrErrors", ipinaddrerrors),
        {"ForwDatagrams", 0},
        MIB("InUnknownProtos", ipinunknownprotos),
        MIB("InDiscards", ipindiscards),
        MIB("InDelivers", ipindelivers),
        MIB("OutRequests", ipoutrequests),
        MIB("OutDiscards", ipoutdiscards),
        MIB("OutNoRoutes", ipoutnoroutes),
        {"ReasmTimeout", 0},
        MIB("ReasmReqds", ipreasmreqds),
        MIB("ReasmOKs", ipreasmoks),
        MIB("ReasmFails", ipreasmfails),
        MIB("FragOKs", ipfragoks),
        MIB("FragFails", ipfragfails),
        MIB("FragCreates", ipfragcreates),
    };
    put_numbers(t, "Ip", n, ARRAY_LEN(n));
}

static void put_icmp(struct text *t) NEEDS(net_core)
{
    const struct number n[] = {
        MIB("InMsgs", icmpinmsgs),
        MIB("InErrors", icmpinerrors),
        {"InCsumErrors", 0},
        MIB("InDestUnreachs", icmpindestunreachs),
        MIB("InTimeExcds", icmpintimeexcds),
        MIB("InParmProbs", icmpinparmprobs),
        MIB("InEchos", icmpinechos),
        MIB("InEchoReps", icmpinechoreps),
        MIB("OutMsgs", icmpoutmsgs),
        MIB("OutErrors", icmpouterrors),
        MIB("OutDestUnreachs", icmpoutdestunreachs),
        MIB("OutTimeExcds", icmpouttimeexcds),
        MIB("OutEchos", icmpoutechos),
        MIB("OutEchoReps", icmpoutechoreps),
    };
    put_numbers(t, "Icmp", n, ARRAY_LEN(n));
}

/* Connections whose data flow: what Linux calls established. */
static uint64_t established(void)
{
    uint64_t n = 0;
    for (const struct tcp_pcb *p = tcp_active_pcbs; p != NULL; p = p->next) {
        n += p->state == ESTABLISHED || p->state == CLOSE_WAIT;
    }
    return n;
}

static void put_tcp(struct text *t) NEEDS(net_core)
{
    const struct number n[] = {
        {"RtoAlgorithm", 1},
        {"RtoMin", 300},
        {"RtoMax", 120000},
        {"MaxConn", UINT64_MAX}, /* -1: no limit */
        MIB("ActiveOpens", tcpactiveopens),
        MIB("PassiveOpens", tcppassiveopens),
        MIB("AttemptFails", tcpattemptfails),
        MIB("EstabResets", tcpestabresets),
        {"CurrEstab", established()},
        MIB("InSegs", tcpinsegs),
        MIB("OutSegs", tcpoutsegs),
        MIB("RetransSegs", tcpretranssegs),
        MIB("InErrs", tcpinerrs),
        MIB("OutRsts", tcpoutrsts),
        {"InCsumErrors", 0},
    };
    put_numbers(t, "Tcp", n, ARRAY_LEN(n));
}

static void put_udp(struct text *t) NEEDS(net_core)
{
    const struct number n[] = {
        MIB("InDatagrams", udpindatagrams),
        MIB("NoPorts", udpnoports),
        {"InErrors", lwip_stats.mib2.udpinerrors + net_counters.udp_full},
        MIB("OutDatagrams", udpoutdatagrams),
        {"RcvbufErrors", net_counters.udp_full},
        {"SndbufErrors", 0},
        MIB("InCsumErrors", udpinerrors),
        {"IgnoredMulti", 0},
        {"MemErrors", 0},
    };
    put_numbers(t, "Udp", n, ARRAY_LEN(n));
}

void snmpproc_snmp(struct text *t, uint64_t key)
{
    (void)key;
    net_lock();
    put_ip(t);
    put_icmp(t);
    put_tcp(t);
    put_udp(t);
    net_unlock();
}

void snmpproc_netstat(struct text *t, uint64_t key)
{
    uint64_t in = 0;
    uint64_t out = 0;
    (void)key;
    net_lock();
    for (unsigned i = 0; i < IFACE_MAX; i++) {
        in += iface_counters[i].rx_bytes;
        out += iface_counters[i].tx_bytes;
    }
    const struct number tcp[] = {
        {"SyncookiesSent", 0},
        {"SyncookiesRecv", 0},
        {"SyncookiesFailed", 0},
        {"ListenOverflows", net_counters.listen_full},
        {"ListenDrops", net_counters.listen_full},
    };
    const struct number ip[] = {
        {"InNoRoutes", 0},   {"InTruncatedPkts", 0}, {"InMcastPkts", 0},
        {"OutMcastPkts", 0}, {"InOctets", in},       {"OutOctets", out},
    };
    put_numbers(t, "TcpExt", tcp, ARRAY_LEN(tcp));
    put_numbers(t, "IpExt", ip, ARRAY_LEN(ip));
    net_unlock();
}
