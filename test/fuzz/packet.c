/* SPDX-License-Identifier: MIT */
// sources: net/[acdiloprt]*.c net/finish.c net/m*.c net/net[il]*.c net/netpoll.c net/nlmessage.c
// sources: fs/textfs.c net/secret.c net/snmpproc.c net/socket.c net/sockopt.c net/udp*.c
// sources: kernel/random.c build/source/lwip/src/core/stats.c
// sources: build/source/lwip/src/core/[ipru]*.c build/source/lwip/src/core/mem*.c
// sources: build/source/lwip/src/core/def.c build/source/lwip/src/core/netif.c
// sources: build/source/lwip/src/core/tcp*.c build/source/lwip/src/core/ipv[46]/*.c
// sources: build/source/lwip/src/netif/ethernet.c
// fakes: files
// cflags: -idirafter net/lwip -isystem build/source/lwip/src/include
// cflags: -fno-sanitize=alignment,null -w -D_SYS_SOCKET_H -include net/lwip/sys/socket.h
// cflags: -include linux/stat.h -DSSIZE_MAX=INT64_MAX -D__ssize_t_defined -Dssize_t=long
/* Fuzz target of the network's receive path: the input is a script of frames, most of them nearly
 * right, for a listening TCP socket and its connections, between which the program reads, writes
 * and closes and the clock goes on. What is sent is checked for being a frame. */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/ethernet.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/idle.h"
#include "kernel/wait.h"
#include "net/checksum.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/netpoll.h"
#include "net/sigio.h"
#include "net/tcp.h"
#include "net/tcpdefer.h"
#include "net/udp.h"
#include "platform/boot.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/pages.h"
#include "platform/virtio/net.h"
#include "test/fake/clock.h"

#define PORT 80
#define FRAME_MAX 1600
#define OPEN_MAX 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 1};
static const uint8_t peer_mac[6] = {2, 0, 0, 0, 0, 2};
static uint8_t queued[FRAME_MAX]; /* the frame that the device has received */
static size_t queued_len;
static uint32_t sent_cookie[VIRTIO_NET_SLOTS];
static unsigned nsent;
static unsigned sent_total;
static uint32_t last_seq; /* of the last TCP segment sent */
static struct boot_info fake_boot;

const struct boot_info *boot_info(void)
{
    return &fake_boot;
}

unsigned cpu_count(void)
{
    return 1;
}

void idle_set_hook(const struct idle_hook *hook)
{
    (void)hook;
}

void sigio_send(struct socket *s, int reason)
{
    (void)s, (void)reason;
}

/* The device: one frame comes at a time, what is sent is gone at once. */
int virtio_net_start(unsigned pairs, const struct virtio_net_hooks *hooks,
                     struct virtio_net_info *out)
{
    (void)pairs, (void)hooks;
    out->link = true;
    out->pairs = 1;
    memcpy(out->mac, own_mac, sizeof(own_mac));
    out->mtu = 1500;
    out->checksum = out->segment4 = true;
    return 0;
}

bool virtio_net_receive(struct virtio_net_frame *f)
{
    if (queued_len == 0) {
        return false;
    }
    struct page *page = pages_alloc(0, 0);
    memcpy(pages_va(page), queued, queued_len);
    memset(&f->header, 0, sizeof(f->header));
    f->header.flags = VIRTIO_NET_HDR_F_DATA_VALID;
    f->n = 1;
    f->part[0] = (struct virtio_net_part){page, 0, (uint16_t)queued_len};
    f->len = queued_len;
    queued_len = 0;
    return true;
}

void virtio_net_reuse(struct page *page)
{
    pages_put(page);
}

void virtio_net_refill(void)
{
}

static const void *memory_of(struct pa pa)
{
    return (const void *)(uintptr_t)pa.v;
}

int virtio_net_send(const struct virtqueue_part *parts, unsigned n, uint32_t cookie, unsigned flow)
{
    (void)flow;
    static uint8_t copy[70000];
    size_t len = 0;
    for (unsigned i = 0; i < n; i++) {
        memcpy(copy + len, memory_of(parts[i].pa), parts[i].len); /* the sanitizer looks, too */
        len += parts[i].len;
    }
    const uint8_t *frame = copy + sizeof(struct virtio_net_hdr_v1);
    len -= sizeof(struct virtio_net_hdr_v1);
    if (len < 14 || len > 65550) {
        abort();
    }
    if (frame[12] == 8 && frame[13] == 0) {
        const struct ip_hdr *ip = (const void *)(frame + 14);
        if (IPH_V(ip) != 4 || lwip_ntohs(IPH_LEN(ip)) != len - 14) {
            abort();
        }
        if (IPH_PROTO(ip) == IP_PROTO_TCP) {
            const struct tcp_hdr *tcp = (const void *)(frame + 14 + IPH_HL_BYTES(ip));
            last_seq = lwip_ntohl(tcp->seqno);
        }
    }
    sent_total++;
    sent_cookie[nsent++] = cookie;
    return 0;
}

bool virtio_net_sent(uint32_t *cookie)
{
    if (nsent == 0) {
        return false;
    }
    *cookie = sent_cookie[--nsent];
    return true;
}

unsigned virtio_net_unflushed(void)
{
    return 0;
}

bool virtio_net_flush(void)
{
    return false;
}

void virtio_net_notify(void)
{
}

bool virtio_net_pending(void)
{
    return queued_len != 0;
}

void virtio_net_interrupts(bool on, bool send)
{
    (void)on, (void)send;
}

/* The script. */
struct script {
    const uint8_t *at, *end;
};

static uint32_t take(struct script *s, unsigned bytes)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes && s->at < s->end; i++) {
        v = v << 8 | *s->at++;
    }
    return v;
}

static size_t take_bytes(struct script *s, uint8_t *to, size_t most)
{
    size_t n = min((size_t)take(s, 1) * 6, most);
    n = min(n, (size_t)(s->end - s->at));
    memcpy(to, s->at, n);
    s->at += n;
    return n;
}

static void deliver(size_t len)
{
    queued_len = len;
    (void)netif_receive();
    queued_len = 0;
}

static uint8_t *ethernet(uint16_t type)
{
    memcpy(queued, own_mac, 6);
    memcpy(queued + 6, peer_mac, 6);
    queued[12] = (uint8_t)(type >> 8);
    queued[13] = (uint8_t)type;
    return queued + 14;
}

/* An IPv4 header for len bytes behind it; fields of the script's choice are wrong. */
static uint8_t *ip4(struct script *s, uint8_t protocol, uint8_t from)
{
    struct ip_hdr *ip = (void *)ethernet(ETHTYPE_IP);
    unsigned wrong = take(s, 1);
    memset(ip, 0, sizeof(*ip));
    IPH_VHL_SET(ip, wrong == 1 ? take(s, 1) & 15 : 4, wrong == 2 ? take(s, 1) & 15 : 5);
    IPH_OFFSET_SET(ip, wrong < 24 ? lwip_htons((u16_t)take(s, 2)) : 0);
    IPH_ID_SET(ip, (u16_t)take(s, 1));
    IPH_TTL_SET(ip, 64);
    IPH_PROTO_SET(ip, protocol);
    ip->src.addr = lwip_htonl(0x0a000200U | from);
    ip->dest.addr = wrong == 3 ? take(s, 4) : lwip_htonl(0x0a00020fU);
    return (uint8_t *)ip + sizeof(*ip);
}

static void finish4(struct script *s, uint8_t *end)
{
    struct ip_hdr *ip = (void *)(queued + 14);
    size_t len = (size_t)(end - (uint8_t *)ip);
    unsigned wrong = take(s, 1);
    IPH_LEN_SET(ip, lwip_htons(wrong == 1 ? (u16_t)take(s, 2) : (u16_t)len));
    IPH_CHKSUM_SET(ip, 0);
    if (wrong != 2) {
        IPH_CHKSUM_SET(ip, (u16_t)~checksum_fold(checksum_add(0, ip, sizeof(*ip))));
    }
    deliver(len + 14);
}

/* A segment for connection n of the listening port, its numbers near what lwIP expects. */
static void segment(struct script *s, unsigned flags)
{
    unsigned from = take(s, 1) % OPEN_MAX;
    struct tcp_hdr *tcp = (void *)ip4(s, IP_PROTO_TCP, 2);
    const struct tcp_pcb *p = tcp_active_pcbs;
    while (p != NULL && p->remote_port != 1000 + from) {
        p = p->next;
    }
    uint32_t seq = p != NULL ? p->rcv_nxt : 77;
    uint32_t ack = p != NULL ? p->snd_nxt : last_seq + 1;
    unsigned wrong = take(s, 1);
    seq += wrong == 1 ? take(s, 4) : wrong == 2 ? take(s, 2) : 0;
    ack += wrong == 3 ? take(s, 4) : wrong == 4 ? take(s, 2) - 0x8000U : 0;
    memset(tcp, 0, sizeof(*tcp));
    tcp->src = lwip_htons((u16_t)(1000 + from));
    tcp->dest = lwip_htons(wrong == 5 ? (u16_t)take(s, 2) : PORT);
    tcp->seqno = lwip_htonl(seq);
    tcp->ackno = lwip_htonl(ack);
    tcp->wnd = lwip_htons((u16_t)take(s, 2));
    tcp->urgp = 0;
    uint8_t *options = (uint8_t *)(tcp + 1);
    size_t n = take(s, 1) % 11 * 4;
    for (size_t i = 0; i < n; i++) {
        options[i] = (uint8_t)take(s, 1);
    }
    TCPH_HDRLEN_FLAGS_SET(tcp, wrong == 6 ? take(s, 1) & 15 : 5 + n / 4, flags);
    finish4(s, options + n + take_bytes(s, options + n, FRAME_MAX - 200));
}

static void datagram(struct script *s)
{
    uint8_t *udp = ip4(s, IP_PROTO_UDP, (uint8_t)take(s, 1));
    unsigned wrong = take(s, 1);
    size_t n = take_bytes(s, udp + 8, 1400) + 8;
    uint16_t head[4] = {lwip_htons(1000), lwip_htons(PORT), lwip_htons((u16_t)n), 0};
    if (wrong == 1) {
        head[2] = (uint16_t)take(s, 2);
    }
    memcpy(udp, head, sizeof(head));
    finish4(s, udp + n);
}

static void packet6(struct script *s)
{
    struct ip6_hdr *ip = (void *)ethernet(ETHTYPE_IPV6);
    static const uint8_t next[] = {IP6_NEXTH_ICMP6,   IP6_NEXTH_HOPBYHOP, IP6_NEXTH_FRAGMENT,
                                   IP6_NEXTH_ROUTING, IP6_NEXTH_DESTOPTS, IP6_NEXTH_UDP,
                                   IP6_NEXTH_TCP,     IP6_NEXTH_NONE};
    memset(ip, 0, sizeof(*ip));
    IP6H_VTCFL_SET(ip, 6, 0, 0);
    IP6H_NEXTH_SET(ip, next[take(s, 1) % sizeof(next)]);
    IP6H_HOPLIM_SET(ip, 255);
    uint8_t *src = (uint8_t *)&ip->src;
    uint8_t *dest = (uint8_t *)&ip->dest;
    src[0] = 0xfe, src[1] = 0x80, src[15] = 2;
    static const uint8_t local[16] = {0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0, 0, 1};
    static const uint8_t all[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    memcpy(dest, take(s, 1) % 2 != 0 ? local : all, 16);
    uint8_t *body = (uint8_t *)(ip + 1);
    size_t n = take_bytes(s, body, FRAME_MAX - 100);
    if (IP6H_NEXTH(ip) == IP6_NEXTH_ICMP6 && n >= 4) { /* the sum, or nothing else is looked at */
        body[2] = body[3] = 0;
        uint64_t sum = checksum_add(0, &ip->src, 32);
        sum = checksum_add(sum, body, n) + lwip_htons((u16_t)n) + lwip_htons(IP6_NEXTH_ICMP6);
        uint16_t folded = (uint16_t)~checksum_fold(sum);
        memcpy(body + 2, &folded, sizeof(folded));
    }
    IP6H_PLEN_SET(ip, take(s, 1) == 1 ? (u16_t)take(s, 2) : (u16_t)n);
    deliver(14 + sizeof(*ip) + n);
}

static struct socket *listener, *datagrams, *open_sockets[OPEN_MAX];

static void io(struct socket *c, bool send, size_t len)
{
    static uint8_t buffer[8192];
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, buffer, min(len, sizeof(buffer)), false);
    struct message m = {.it = &it, .flags = MSG_DONTWAIT};
    (void)!(send ? c->ops->send(c, &m) : c->ops->recv(c, &m));
}

/* The listener's options, which new connections have, too. */
static void limit(struct script *s)
{
    struct tcp_values *v = &tcp_socket(listener)->values;
    v->defer_accept = take(s, 1) % 4;
    v->max_segment = take(s, 1) % 2 != 0 ? 88 + take(s, 1) : 0;
    v->window_clamp = take(s, 1) % 2 != 0 ? 1152 + take(s, 2) : 0;
    v->receive_limit = take(s, 1) % 2 != 0 ? 1152 + take(s, 2) : 0;
}

static void program(struct script *s)
{
    unsigned i = take(s, 1) % (OPEN_MAX + 1);
    if (i == OPEN_MAX && take(s, 1) % 4 == 0) {
        limit(s);
        return;
    }
    if (i == OPEN_MAX) {
        io(datagrams, false, take(s, 2));
        return;
    }
    struct socket **c = &open_sockets[i];
    if (*c == NULL) {
        (void)!listener->ops->accept(listener, true, c);
        return;
    }
    switch (take(s, 1) % 8) {
    case 0:
    case 1:
    case 2: io(*c, false, take(s, 2)); break;
    case 3:
    case 4: io(*c, true, take(s, 2)); break;
    case 5: (void)!(*c)->ops->shutdown(*c, (int)(take(s, 1) % 3)); break;
    default:
        (*c)->ops->release(*c);
        *c = NULL;
        break;
    }
}

/* What is delivered reaches the stack: a question for the address is answered. */
static bool answers(void)
{
    static const uint8_t question[] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 1,
                                       10, 0, 2, 2, 0, 0, 0, 0, 0, 0, 10, 0, 2, 15};
    unsigned before = sent_total;
    memcpy(ethernet(ETHTYPE_ARP), question, sizeof(question));
    deliver(14 + sizeof(question));
    return sent_total > before;
}

static void start(void)
{
    static const struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = PORT << 8};
    static const struct sockaddr_in6 any6 = {.sin6_family = AF_INET6, .sin6_port = PORT << 8};
    net_start();
    if (net_add_address("10.0.2.15/24") != 0 || net_set_gateway("10.0.2.2") != 0) {
        abort();
    }
    net_need_device();
    if (!answers() || tcp_create(AF_INET, 0, &listener) != 0 ||
        listener->ops->bind(listener, &any, sizeof(any)) != 0 ||
        listener->ops->listen(listener, 8) != 0 || udp_create(AF_INET6, 0, &datagrams) != 0 ||
        datagrams->ops->bind(datagrams, &any6, sizeof(any6)) != 0) {
        abort();
    }
}

#define REASSEMBLY_SECONDS 61

/* Nothing is left for the next input but what tables of neighbours know. Fragments that wait are in
 * places where the sanitizer does not see them. */
static void end(void)
{
    for (unsigned i = 0; i < OPEN_MAX; i++) {
        if (open_sockets[i] != NULL) {
            open_sockets[i]->ops->release(open_sockets[i]);
            open_sockets[i] = NULL;
        }
    }
    struct socket *c;
    struct script none = {NULL, NULL};
    limit(&none); /* all zero: none */
    net_lock();
    tcpdefer_end_all_locked(tcp_socket(listener));
    net_unlock();
    while (listener->ops->accept(listener, true, &c) == 0) {
        c->ops->release(c);
    }
    net_lock();
    while (tcp_active_pcbs != NULL) {
        tcp_abort(tcp_active_pcbs);
    }
    while (tcp_tw_pcbs != NULL) {
        tcp_abort(tcp_tw_pcbs);
    }
    for (unsigned i = 0; i < REASSEMBLY_SECONDS; i++) {
        ip_reass_tmr();
        ip6_reass_tmr();
    }
    net_unlock();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool started;
    if (!started) {
        start();
        started = true;
    }
    struct script s = {data, data + size};
    while (s.at < s.end) {
        uint8_t *p;
        switch (take(&s, 1) % 16) {
        case 0: deliver(take_bytes(&s, queued, FRAME_MAX)); break;
        case 1:
            p = ethernet((uint16_t)take(&s, 2));
            deliver(14 + take_bytes(&s, p, 1500));
            break;
        case 2:
            p = ethernet(ETHTYPE_ARP);
            deliver(14 + take_bytes(&s, p, 100));
            break;
        case 3:
            p = ip4(&s, (uint8_t)take(&s, 1), (uint8_t)take(&s, 1));
            finish4(&s, p + take_bytes(&s, p, 1400));
            break;
        case 4:
            p = ip4(&s, IP_PROTO_ICMP, 2);
            finish4(&s, p + take_bytes(&s, p, 1400));
            break;
        case 5: segment(&s, TCP_SYN); break;
        case 6: segment(&s, take(&s, 1) & 0x3f); break;
        case 7: segment(&s, TCP_ACK | TCP_FIN); break;
        case 8: packet6(&s); break;
        case 9:
            fake_now_ns += (uint64_t)take(&s, 1) * 50000000UL;
            (void)irq_poll();
            break;
        case 10:
        case 11: program(&s); break;
        case 12: datagram(&s); break;
        default: segment(&s, TCP_ACK); break;
        }
    }
    end();
    return 0;
}
