/* SPDX-License-Identifier: MIT */
/* eth0: frames of the virtio network device to lwIP and back.
 *
 * A received page becomes a pbuf of lwIP's as it is and goes back to the allocator when it has been
 * read; short frames are copied, so that they do not hold a page. What is sent stays in lwIP's
 * pbufs until the device has it; packets for which its ring has no room wait in a queue. */
#include "net/netif.h"

#include <asm/errno.h>
#include <lwip/etharp.h>
#include <lwip/ethip6.h>
#include <lwip/ip.h>
#include <lwip/prot/ip.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>
#include <lwip/prot/tcp.h>
#include <netif/ethernet.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "net/alias.h"
#include "net/iface.h"
#include "net/loopback.h"
#include "net/netpoll.h"
#include "net/offload.h"
#include "net/tcpfind.h"
#include "net/tick.h"
#include "platform/boot.h"
#include "platform/cpu.h"
#include "platform/pages.h"
#include "platform/virtio/net.h"

#define HEADER_LEN sizeof(struct virtio_net_hdr_v1)
#define COPY_MAX 512 /* bytes of a frame that is copied */
#define BATCH 32 /* frames that are taken in without letting others have the lock */
#define PIECES_MAX 128 /* of a packet that is sent: half of the ring */
#define TELL_AT 16 /* packets of which the device is told at once */
#define TELL_CYCLES 200000UL /* fewer wait so long for others */
#define WAITING_MAX 1024 /* packets that wait for room in the ring */
#define WINDOW 4096UL /* packets that one may take longer than its followers */

static_assert(HEADER_LEN == PBUF_LINK_ENCAPSULATION_HLEN, "as lwipopts.h says");

/* A page that lwIP refers to. */
struct page_pbuf {
    struct pbuf_custom custom;
    struct page *page;
};

static struct netif eth; /* [net_core] */
static struct virtio_net_info info; /* [I] once started */
static bool started; /* [net_core] to write; interrupts come before it is */

/* [net_core] Sending. Packets are numbered; they may be done in another order. */
struct packet {
    struct pbuf *pbuf;
    uint64_t number; /* 1.. */
};
static struct packet in_flight[VIRTIO_NET_SLOTS]; /* by slot; pbuf NULL: free */
static uint16_t slots[VIRTIO_NET_SLOTS]; /* free ones: a stack */
static unsigned nslots;
static struct packet waiting[WAITING_MAX]; /* a ring */
static unsigned waiting_first, nwaiting;
static uint64_t accepted; /* number of the last packet */
static uint64_t unsent = 1; /* that of the first that the device is not done with */
static uint64_t sent[WINDOW / 64]; /* bit per number from there on, modulo WINDOW */
static uint64_t unflushed_since; /* cycles; 0: no packet waits to be told of */
static struct list garbage = LIST_INIT(garbage);

static void page_pbuf_free(struct pbuf *p)
{
    struct page_pbuf *pp = container_of(p, struct page_pbuf, custom.pbuf);
    pages_put(pp->page);
    heap_free(pp);
}

static struct pbuf *page_pbuf(const struct virtio_net_part *part)
{
    struct page_pbuf *pp = heap_alloc(sizeof(*pp));
    if (pp == NULL) {
        return NULL;
    }
    pp->page = part->page;
    pp->custom.custom_free_function = page_pbuf_free;
    return pbuf_alloced_custom(PBUF_RAW, part->len, PBUF_REF, &pp->custom,
                               (char *)pages_va(part->page) + part->start, part->len);
}

/* The frame as a chain of pbufs; NULL without memory. Its pages are the chain's, or given back. */
static struct pbuf *frame_pbuf(struct virtio_net_frame *f)
{
    struct pbuf *head = NULL;
    if (f->len <= COPY_MAX && f->n == 1) {
        head = pbuf_alloc(PBUF_RAW, (u16_t)f->len, PBUF_RAM);
        if (head != NULL) {
            memcpy(head->payload, (char *)pages_va(f->part[0].page) + f->part[0].start, f->len);
        }
        virtio_net_reuse(f->part[0].page);
        return head;
    }
    unsigned i = 0;
    for (; i < f->n; i++) {
        struct pbuf *p = page_pbuf(&f->part[i]);
        if (p == NULL) {
            break;
        }
        if (head == NULL) {
            head = p;
        } else {
            pbuf_cat(head, p);
        }
    }
    if (i == f->n) {
        return head;
    }
    for (; i < f->n; i++) {
        virtio_net_reuse(f->part[i].page);
    }
    if (head != NULL) {
        (void)pbuf_free(head);
    }
    return NULL;
}

/* The device has checked the sums of TCP and UDP, or they never were on a wire. */
static bool sums_are_good(const struct virtio_net_frame *f)
{
    return (f->header.flags & (VIRTIO_NET_HDR_F_DATA_VALID | VIRTIO_NET_HDR_F_NEEDS_CSUM)) != 0;
}

/* lwIP reads the headers without a look at the length. */
static bool is_short(const struct pbuf *p)
{
    const uint8_t *frame = p->payload;
    if (p->len < ETHERNET_LEN) {
        return true;
    }
    switch (frame[12] << 8 | frame[13]) {
    case ETHTYPE_ARP: return p->len < ETHERNET_LEN + sizeof(struct etharp_hdr);
    case ETHTYPE_IP: return p->len < ETHERNET_LEN + sizeof(struct ip_hdr);
    case ETHTYPE_IPV6: return p->len < ETHERNET_LEN + sizeof(struct ip6_hdr);
    default: return false;
    }
}

/* A frame to many, not to all. */
static bool is_group(const uint8_t *frame)
{
    return (frame[0] & 1U) != 0 && memcmp(frame, ethbroadcast.addr, ETH_HWADDR_LEN) != 0;
}

static void input(struct virtio_net_frame *f) NEEDS(net_core)
{
    uint16_t check = NETIF_CHECKSUM_CHECK_TCP | NETIF_CHECKSUM_CHECK_UDP;
    iface_count_in(&eth, f->len);
    if (f->len > UINT16_MAX) { /* lwIP's longest */
        iface_counts(&eth)->rx_dropped++;
        for (unsigned i = 0; i < f->n; i++) {
            virtio_net_reuse(f->part[i].page);
        }
        return;
    }
    bool good = sums_are_good(f);
    struct pbuf *p = frame_pbuf(f);
    if (p == NULL) {
        iface_counts(&eth)->rx_dropped++;
        return;
    }
    struct netif *in = &eth;
    eth.chksum_flags = (uint16_t)(good ? eth.chksum_flags & ~check : eth.chksum_flags | check);
    if (is_short(p)) {
        iface_counts(&eth)->rx_dropped++;
        (void)pbuf_free(p);
        return;
    }
    const uint8_t *frame = p->payload;
    if ((frame[12] << 8 | frame[13]) == ETHTYPE_ARP) {
        in = alias_asked_locked(&eth, frame + ETHERNET_LEN, p->len - ETHERNET_LEN);
    }
    iface_counts(&eth)->multicast += is_group(p->payload);
    tcpfind_begin_locked((const char *)p->payload + ETHERNET_LEN, p->len - ETHERNET_LEN);
    if (ethernet_input(p, in) != ERR_OK) {
        (void)pbuf_free(p);
    }
    tcpfind_end_locked();
}

static uint64_t *sent_word(uint64_t number)
{
    return &sent[number % WINDOW / 64];
}

/* The device is done with a packet: that may have been the oldest. */
static void note_sent(uint64_t number)
{
    *sent_word(number) |= 1UL << number % 64;
    while ((*sent_word(unsent) >> unsent % 64 & 1) != 0) {
        *sent_word(unsent) &= ~(1UL << unsent % 64);
        unsent++;
    }
}

static void free_garbage(void) NEEDS(net_core)
{
    while (!list_empty(&garbage)) {
        struct netif_garbage *g = list_entry(garbage.next, struct netif_garbage, link);
        if (g->after >= unsent) {
            break;
        }
        list_remove(&g->link);
        heap_free(g->memory);
    }
}

void netif_free_later_locked(struct netif_garbage *g)
{
    g->after = accepted;
    if (g->after < unsent) {
        heap_free(g->memory);
    } else {
        list_append(&garbage, &g->link);
    }
}

bool netif_is_drained_locked(void)
{
    lock_assert_held(&net_core);
    return unsent > accepted;
}

static struct pa physical(const void *p)
{
    return (struct pa){(uint64_t)(uintptr_t)p - boot_info()->direct_map};
}

/* The frames of a TCP connection go by one pair of queues. */
static unsigned flow_of(const struct pbuf *p)
{
    const struct virtio_net_hdr_v1 *h = p->payload;
    if (info.pairs == 1 || (h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) == 0) {
        return 0;
    }
    const struct tcp_hdr *tcp =
        (const void *)((const uint8_t *)p->payload + HEADER_LEN + h->csum_start);
    return lwip_ntohs(tcp->src) ^ lwip_ntohs(tcp->dest);
}

/* Give a packet, which begins with a virtio header, to the device. Returns false when it takes no
 * more. */
static bool give(const struct packet *packet) NEEDS(net_core)
{
    struct pbuf *p = packet->pbuf;
    unsigned flow = flow_of(p);
    struct virtqueue_part parts[PIECES_MAX];
    unsigned n = 0;
    for (const struct pbuf *q = p; q != NULL && n < PIECES_MAX; q = q->next) {
        if (q->len != 0) {
            parts[n++] = (struct virtqueue_part){physical(q->payload), q->len};
        }
    }
    if (nslots == 0 || packet->number - unsent >= WINDOW ||
        virtio_net_send(parts, n, slots[nslots - 1], flow) != 0) {
        return false;
    }
    in_flight[slots[--nslots]] = *packet;
    return true;
}

static void reap(void) NEEDS(net_core)
{
    uint32_t slot;
    while (virtio_net_sent(&slot)) {
        (void)pbuf_free(in_flight[slot].pbuf);
        in_flight[slot].pbuf = NULL;
        note_sent(in_flight[slot].number);
        slots[nslots++] = (uint16_t)slot;
    }
    while (nwaiting != 0 && give(&waiting[waiting_first])) {
        waiting_first = (waiting_first + 1) % WAITING_MAX;
        nwaiting--;
    }
    free_garbage();
}

/* Of IPv6 lwIP keeps what each destination takes, which would have it cut packets itself. */
bool netif_cuts_segments(const ip_addr_t *local, const ip_addr_t *remote)
{
    struct netif *out = IP_IS_V4(remote) && info.segment4 ? ip_route(local, remote) : NULL;
    return out != NULL && alias_main(out) == &eth;
}

/* It looks at the interface whether a packet is too long. */
void netif_let_long_locked(void)
{
    alias_set_mtu_locked(&eth, UINT16_MAX);
}

/* p with one more reference, or a copy of it if the device would not take so many pieces. */
static struct pbuf *in_few_pieces(struct pbuf *p)
{
    if (pbuf_clen(p) > PIECES_MAX) {
        return pbuf_clone(PBUF_RAW, PBUF_RAM, p);
    }
    pbuf_ref(p);
    return p;
}

/* lwIP's linkoutput: p begins with the Ethernet header. */
static err_t send(struct netif *n, struct pbuf *p)
{
    (void)n;
    lock_assert_held(&net_core);
    if (p->len < ETHERNET_LEN + IP_HLEN && p->next != NULL) {
        return ERR_BUF; /* lwIP keeps headers together */
    }
    alias_set_mtu_locked(&eth, info.mtu);
    offload_finish_ip4(p->payload, (p->flags & OFFLOAD_WHOLE) != 0);
    struct virtio_net_hdr_v1 h = {0};
    if (offload_prepare_tcp(&h, p, info.checksum)) {
        tick_soon_locked();
    }
    if (pbuf_add_header(p, HEADER_LEN) != 0) {
        return ERR_BUF;
    }
    memcpy(p->payload, &h, sizeof(h));
    if (nslots < VIRTIO_NET_SLOTS / 2 || nwaiting != 0) {
        reap();
    }
    if (nwaiting == WAITING_MAX || (p = in_few_pieces(p)) == NULL) {
        iface_counts(&eth)->tx_dropped++;
        return ERR_MEM;
    }
    iface_count_out(&eth, p->tot_len - HEADER_LEN);
    struct packet packet = {p, ++accepted};
    if (nwaiting != 0 || !give(&packet)) {
        waiting[(waiting_first + nwaiting++) % WAITING_MAX] = packet;
    }
    return ERR_OK;
}

/* An address of this machine that a scope keeps from lo. */
static err_t output6(struct netif *n, struct pbuf *p, const ip6_addr_t *to)
{
    if (netif_get_ip6_addr_match(n, to) >= 0) {
        return loopback_send(n, p);
    }
    return ethip6_output(n, p, to);
}

bool netif_flush_locked(void)
{
    unsigned n = virtio_net_unflushed();
    alias_set_mtu_locked(&eth, info.mtu);
    if (n == 0 || !started) {
        return false;
    }
    if (n < TELL_AT && netpoll_is_looking()) {
        uint64_t now = cpu_cycles();
        unflushed_since = unflushed_since != 0 ? unflushed_since : now;
        if (now - unflushed_since < TELL_CYCLES) {
            return false;
        }
    }
    unflushed_since = 0;
    return virtio_net_flush();
}

void netif_flush(void)
{
    if (virtio_net_unflushed() == 0) {
        return;
    }
    spin_lock(&net_core);
    unflushed_since = 0;
    bool notify = virtio_net_flush();
    spin_unlock(&net_core);
    if (notify) {
        netif_notify();
    }
}

void netif_notify(void)
{
    virtio_net_notify();
}

static unsigned receive_batch(void)
{
    struct virtio_net_frame f;
    unsigned n = 0;
    net_lock();
    if (!started) {
        net_unlock();
        return 0;
    }
    reap();
    while (n < BATCH && virtio_net_receive(&f)) {
        input(&f);
        n++;
    }
    virtio_net_refill();
    net_unlock();
    return n;
}

unsigned netif_receive(void)
{
    unsigned total = 0;
    unsigned n;
    do {
        n = receive_batch();
        total += n;
    } while (n == BATCH);
    return total;
}

bool netif_pending(void)
{
    return __atomic_load_n(&started, __ATOMIC_ACQUIRE) && virtio_net_pending();
}

bool netif_interrupts(bool on)
{
    net_lock();
    virtio_net_interrupts(on, nwaiting != 0);
    net_unlock();
    return virtio_net_pending();
}

static err_t init(struct netif *n)
{
    n->name[0] = 'e';
    n->name[1] = 'n';
    n->hostname = NULL;
    n->mtu = n->mtu6 = info.mtu;
    n->hwaddr_len = sizeof(info.mac);
    memcpy(n->hwaddr, info.mac, sizeof(info.mac));
    n->output = etharp_output;
    n->output_ip6 = output6;
    n->linkoutput = send;
    n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET | NETIF_FLAG_IGMP |
               NETIF_FLAG_MLD6 | (info.link ? NETIF_FLAG_LINK_UP : 0);
    NETIF_SET_CHECKSUM_CTRL(n, NETIF_CHECKSUM_ENABLE_ALL & ~NETIF_CHECKSUM_GEN_IP &
                                   ~(info.checksum ? NETIF_CHECKSUM_GEN_TCP : 0));
    return ERR_OK;
}

/* lwIP asks for its addresses again when the link comes back. */
static void link_changed(bool up)
{
    net_lock();
    if (!started) {
        info.link = up;
    } else if (up) {
        netif_set_link_up(&eth);
    } else {
        netif_set_link_down(&eth);
    }
    net_unlock();
}

struct netif *netif_start(void)
{
    static const struct virtio_net_hooks hooks = {.arrived = netpoll_arrived, .link = link_changed};
    int err = virtio_net_start(cpu_count(), &hooks, &info);
    if (err != 0) {
        if (err != -ENODEV) {
            log(DEV, ERROR, "network device: cannot be used (error %d)", -err);
        }
        return NULL;
    }
    while (nslots < VIRTIO_NET_SLOTS) {
        slots[nslots] = (uint16_t)nslots;
        nslots++;
    }
    net_lock();
    (void)netif_add_noaddr(&eth, NULL, init, ethernet_input);
    __atomic_store_n(&started, true, __ATOMIC_RELEASE);
    net_unlock();
    netpoll_start();
    return &eth;
}
