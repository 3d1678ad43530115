/* SPDX-License-Identifier: MIT */
/* What lwIP is to be here: the raw API under one lock (net/core.h), memory from the kernel's heap,
 * sizes for servers. Source: lwIP's opt.h, which has the meaning of every name. */
#ifndef NET_LWIP_LWIPOPTS_H
#define NET_LWIP_LWIPOPTS_H

#include "kernel/heap.h"

/* No threads of its own: callers hold net_lock. */
#define NO_SYS 1
#define SYS_LIGHTWEIGHT_PROT 0
#define LWIP_NETCONN 0
#define LWIP_SOCKET 0
#define LWIP_TIMERS 1
#define LWIP_TIMERS_CUSTOM 1 /* net/tick.c */

/* Memory: the heap for everything. */
#define MEM_LIBC_MALLOC 1
#define MEMP_MEM_MALLOC 1
#define MEM_ALIGNMENT 8
#define mem_clib_malloc heap_alloc
#define mem_clib_calloc net_calloc
#define mem_clib_free heap_free
#define LWIP_SUPPORT_CUSTOM_PBUF 1
#define LWIP_PBUF_CUSTOM_DATA uint16_t segment_size; /* of TCP: what the device cuts it into; 0 */
#define LWIP_PBUF_REF_T uint32_t

/* Families and protocols. */
#define LWIP_IPV4 1
#define LWIP_IPV6 1
#define LWIP_ICMP 1
#define LWIP_ICMP6 1
#define LWIP_RAW 1
#define LWIP_UDP 1
#define LWIP_TCP 1
#define LWIP_DHCP 1
#define LWIP_DHCP_GET_NTP_SRV 0
#define DHCP_DOES_ARP_CHECK 0
#define LWIP_IGMP 1
#define LWIP_IPV6_MLD 1
#define LWIP_IPV6_AUTOCONFIG 1
#define IPV6_FRAG_COPYHEADER 1 /* pointers have 64 bits */
#define LWIP_IPV6_NUM_ADDRESSES 6
#define LWIP_IPV6_DUP_DETECT_ATTEMPTS 1
/* No resolver: programs have one. net/dns.c keeps the servers that DHCP and router advertisements
 * name, under the names of lwIP's resolver. */
#define LWIP_DNS 1
#define DNS_MAX_SERVERS 3
#define LWIP_DHCP_MAX_DNS_SERVERS DNS_MAX_SERVERS
#define LWIP_ND6_RDNSS_MAX_DNS_SERVERS 2
#define LWIP_MULTICAST_TX_OPTIONS 1
#define LWIP_BROADCAST_PING 0
#define IP_REASSEMBLY 1
#define IP_REASS_MAX_PBUFS 128
#define MEMP_NUM_REASSDATA 16
#define IP_REASS_MAXAGE 30
#define IP_FRAG 1
#define IP_FORWARD 0
#define IP_OPTIONS_ALLOWED 1
#define IP_DEFAULT_TTL 64
#define IP_SOF_BROADCAST 1
#define IP_SOF_BROADCAST_RECV 0
#define SO_REUSE 1
#define SO_REUSE_RXTOALL 1

/* Interfaces. The loopback is net/loopback.c's; packets to an address of this machine go there. */
#define PBUF_LINK_ENCAPSULATION_HLEN 12 /* struct virtio_net_hdr_v1: net/netif.c */
#define LWIP_HAVE_LOOPIF 0
#define LWIP_NETIF_LOOPBACK 0
#define LWIP_NETIF_HWADDRHINT 1
#define LWIP_NETIF_STATUS_CALLBACK 1
#define LWIP_NETIF_LINK_CALLBACK 1
#define LWIP_NETIF_HOSTNAME 1
#define LWIP_NUM_NETIF_CLIENT_DATA 1
#define ARP_TABLE_SIZE 64
#define ARP_QUEUEING 1
#define ARP_QUEUE_LEN 512
#define ETHARP_TABLE_MATCH_NETIF 1
#define ETHARP_SUPPORT_STATIC_ENTRIES 0
#define LWIP_ND6_NUM_NEIGHBORS 32
#define LWIP_ND6_NUM_DESTINATIONS 32
#define MEMP_NUM_ND6_QUEUE 512
#define LWIP_ND6_QUEUEING 1

/* TCP: windows up to 2 MiB; how much a socket really buffers is net/tcp's matter. Segments may be
 * as long as the loopback's, and are when the device cuts them (net/netif.c). */
#define LWIP_WND_SCALE 1
#define TCP_RCV_SCALE 7
#define TCP_WND (2U << 20)
#define TCP_MSS 65000
#define TCP_SND_BUF (8U << 20)
#define TCP_SND_QUEUELEN 0xfff0
#define TCP_OVERSIZE 0
#define TCP_QUEUE_OOSEQ 1
#define TCP_OOSEQ_MAX_BYTES TCP_WND
#define LWIP_TCP_SACK_OUT 1
#define LWIP_TCP_KEEPALIVE 1
#define LWIP_TCP_TIMESTAMPS 0
#define TCP_LISTEN_BACKLOG 0 /* it counts to 255: net/tcplimit.c */
#define TCP_MSL 30000UL
#define TCP_TMR_INTERVAL 50 /* ms; delayed acknowledgements wait so long, retransmissions 6 times */
#define LWIP_TCP_RTO_TIME 1000
#define TCP_SYNMAXRTX 12 /* lwIP's most: net/tcpevent.c ends sooner */
#define LWIP_TCP_PCB_NUM_EXT_ARGS 1
#define TCP_WND_UPDATE_THRESHOLD (128U << 10)

/* Checksums per interface: the device's or the loopback's are not ours to compute. */
#define LWIP_CHECKSUM_CTRL_PER_NETIF 1
#define LWIP_CHKSUM net_checksum
#define LWIP_CHKSUM_COPY_ALGORITHM 0

/* Only what SNMP has names for: /proc/net/snmp. */
#define LWIP_STATS 1
#define LWIP_STATS_LARGE 1
#define MIB2_STATS 1
#define stats_init lwip_stats_init /* the kernel has one of that name */
#define LINK_STATS 0
#define ETHARP_STATS 0
#define IP_STATS 0
#define IPFRAG_STATS 0
#define ICMP_STATS 0
#define IGMP_STATS 0
#define UDP_STATS 0
#define TCP_STATS 0
#define MEM_STATS 0
#define MEMP_STATS 0
#define SYS_STATS 0
#define IP6_STATS 0
#define ICMP6_STATS 0
#define IP6_FRAG_STATS 0
#define MLD6_STATS 0
#define ND6_STATS 0
#define LWIP_HAVE_INT64 1
#define LWIP_DEBUG 0

struct ip4_addr;
struct ip6_addr;
struct netif;
struct ip_addr;
struct tcp_pcb;
struct tcp_hdr;
struct pbuf;
uint16_t net_checksum(const void *data, int len);
void *net_calloc(size_t n, size_t len);
uint32_t net_random32(void);
uint32_t net_isn(const void *local_ip, uint16_t local_port, const void *remote_ip,
                 uint16_t remote_port);
uint32_t *net_tcp_out(struct pbuf *p, struct tcp_hdr *header, const struct tcp_pcb *pcb,
                      uint32_t *opts);
signed char net_tcp_in(const struct tcp_pcb *pcb, const struct tcp_hdr *header);
struct netif *net_route4(const struct ip4_addr *src, const struct ip4_addr *dest);
struct netif *net_route6(const struct ip6_addr *src, const struct ip6_addr *dest);
const struct ip6_addr *net_gateway6(const struct netif *n);

#define LWIP_RAND net_random32
#define LWIP_HOOK_TCP_ISN(lip, lport, rip, rport) net_isn((lip), (lport), (rip), (rport))
#define LWIP_HOOK_TCP_OUT_ADD_TCPOPTS(p, hdr, pcb, opts) net_tcp_out((p), (hdr), (pcb), (opts))
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, hdr, optlen, opt1len, opt2, p) net_tcp_in((pcb), (hdr))
#define LWIP_HOOK_IP4_ROUTE_SRC(src, dest) net_route4((src), (dest))
#define LWIP_HOOK_IP6_ROUTE(src, dest) net_route6((src), (dest))
#define LWIP_HOOK_ND6_GET_GW(netif, dest) net_gateway6((netif))

#endif
