/* SPDX-License-Identifier: MIT */
/* What the network device does for TCP, and what is left to do on packets that lwIP has made. */
#include "net/offload.h"

#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <netif/ethernet.h>

#include "net/checksum.h"
#include "net/secret.h"

/* Where the TCP header of a frame is; 0: it has none. *sum: that of the pseudo header. */
static size_t find_tcp(const uint8_t *frame, size_t len, uint64_t *sum)
{
    const uint8_t *ip = frame + ETHERNET_LEN;
    uint16_t type = (uint16_t)(frame[12] << 8 | frame[13]);
    size_t ip_len;
    size_t tcp_len;
    if (type == ETHTYPE_IP) {
        const struct ip_hdr *ip4 = (const void *)ip;
        ip_len = IPH_HL_BYTES(ip4);
        bool fragment = (IPH_OFFSET(ip4) & PP_HTONS(IP_OFFMASK | IP_MF)) != 0;
        if (IPH_PROTO(ip4) != IP_PROTO_TCP || fragment) {
            return 0;
        }
        tcp_len = lwip_ntohs(IPH_LEN(ip4)) - ip_len;
        *sum = checksum_add(0, &ip4->src, 2 * sizeof(ip4->src));
    } else if (type == ETHTYPE_IPV6) {
        const struct ip6_hdr *ip6 = (const void *)ip;
        ip_len = sizeof(*ip6);
        if (IP6H_NEXTH(ip6) != IP6_NEXTH_TCP) {
            return 0;
        }
        tcp_len = IP6H_PLEN(ip6);
        *sum = checksum_add(0, &ip6->src, 2 * sizeof(ip6->src));
    } else {
        return 0;
    }
    *sum += lwip_htons(IP_PROTO_TCP) + lwip_htons((u16_t)tcp_len);
    size_t start = ETHERNET_LEN + ip_len;
    return len >= start + sizeof(struct tcp_hdr) ? start : 0;
}

bool offload_prepare_tcp(struct virtio_net_hdr_v1 *h, const struct pbuf *p, bool checksum)
{
    uint8_t *frame = p->payload;
    uint64_t sum;
    size_t start = find_tcp(frame, p->len, &sum);
    if (start == 0 || !checksum) {
        return start != 0;
    }
    struct tcp_hdr *tcp = (struct tcp_hdr *)(void *)(frame + start);
    tcp->chksum = checksum_fold(sum);
    h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
    h->csum_start = (uint16_t)start;
    h->csum_offset = offsetof(struct tcp_hdr, chksum);
    size_t headers = start + TCPH_HDRLEN_BYTES(tcp);
    if (p->segment_size != 0 && p->tot_len > headers + p->segment_size) {
        bool ip4 = (frame[12] << 8 | frame[13]) == ETHTYPE_IP;
        h->gso_type = ip4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
        h->hdr_len = (uint16_t)headers;
        h->gso_size = p->segment_size;
    }
    return true;
}

/* The identification of IPv4 packets gets the value that strangers see. */
void offload_finish_ip4(uint8_t *frame, bool whole)
{
    struct ip_hdr *ip4 = (void *)(frame + ETHERNET_LEN);
    if ((frame[12] << 8 | frame[13]) == ETHTYPE_IP) {
        IPH_ID_SET(ip4, secret_packet_id(IPH_ID(ip4)));
        if (whole) {
            IPH_OFFSET_SET(ip4, IPH_OFFSET(ip4) | PP_HTONS(IP_DF));
        }
        IPH_CHKSUM_SET(ip4, 0);
        IPH_CHKSUM_SET(ip4, (u16_t)~net_checksum(ip4, IPH_HL_BYTES(ip4)));
    }
}
