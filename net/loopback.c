/* SPDX-License-Identifier: MIT */
/* lo: what is sent waits in a queue until the sender is done with lwIP (net_unlock). Each packet is
 * copied once: its sender may free or change what it refers to before it is read. */
#include "net/loopback.h"

#include <lwip/ip.h>
#include <lwip/pbuf.h>

#include "net/iface.h"
#include "net/netif.h"
#include "net/tcpfind.h"

#define MTU 65535 /* lwIP's largest; Linux says 65536 */
#define QUEUE_BYTES (16UL << 20) /* more is lost, as on a device */

static struct netif lo; /* [net_core] */
static struct pbuf *head; /* [net_core] packets, each in one pbuf, linked by next */
static struct pbuf *tail; /* [net_core] */
static size_t bytes; /* [net_core] in the queue */

err_t loopback_send(struct netif *in, struct pbuf *p)
{
    lock_assert_held(&net_core);
    if (bytes + p->tot_len > QUEUE_BYTES) {
        return ERR_MEM;
    }
    struct pbuf *copy = pbuf_alloc(PBUF_RAW, p->tot_len, PBUF_RAM);
    if (copy == NULL) {
        return ERR_MEM;
    }
    (void)pbuf_copy_partial(p, copy->payload, p->tot_len, 0);
    copy->if_idx = netif_get_index(in);
    *(head == NULL ? &head : &tail->next) = copy;
    tail = copy;
    bytes += copy->tot_len;
    iface_count_out(&lo, copy->tot_len);
    iface_count_in(&lo, copy->tot_len);
    return ERR_OK;
}

/* lwIP takes an IPv4 packet on an interface that has its address; all of 127/8 is lo's. */
static void input(struct pbuf *p, struct netif *in) NEEDS(net_core)
{
    const struct ip_hdr *header = p->payload;
    ip4_addr_t own = *netif_ip4_addr(&lo);
    if (in == &lo && IPH_V(header) == 4 && ip4_addr_isloopback(&header->dest)) {
        ip_addr_copy_from_ip4(lo.ip_addr, header->dest);
    }
    tcpfind_begin_locked(p->payload, p->len);
    if (ip_input(p, in) != ERR_OK) {
        (void)pbuf_free(p);
    }
    tcpfind_end_locked();
    ip_addr_copy_from_ip4(lo.ip_addr, own);
}

void loopback_deliver_locked(void)
{
    while (head != NULL) {
        struct pbuf *p = head;
        head = p->next;
        p->next = NULL;
        bytes -= p->tot_len;
        struct netif *in = netif_get_by_index(p->if_idx);
        if (in == NULL) {
            (void)pbuf_free(p);
            continue;
        }
        input(p, in);
    }
}

static err_t output4(struct netif *n, struct pbuf *p, const ip4_addr_t *to)
{
    (void)to;
    return loopback_send(n, p);
}

static err_t output6(struct netif *n, struct pbuf *p, const ip6_addr_t *to)
{
    (void)to;
    return loopback_send(n, p);
}

static err_t init(struct netif *n)
{
    n->name[0] = 'l';
    n->name[1] = 'o';
    n->mtu = n->mtu6 = MTU;
    n->output = output4;
    n->output_ip6 = output6;
    n->flags = NETIF_FLAG_LINK_UP | NETIF_FLAG_IGMP | NETIF_FLAG_MLD6;
    NETIF_SET_CHECKSUM_CTRL(n, NETIF_CHECKSUM_GEN_ICMP | NETIF_CHECKSUM_GEN_ICMP6); /* ping looks */
    return ERR_OK;
}

void loopback_start_locked(void)
{
    ip4_addr_t address;
    ip4_addr_t mask;
    ip4_addr_t none = {0};
    ip6_addr_t address6;
    IP4_ADDR(&address, 127, 0, 0, 1);
    IP4_ADDR(&mask, 255, 0, 0, 0);
    (void)netif_add(&lo, &address, &mask, &none, NULL, init, ip_input);
    ip6_addr_set_loopback(&address6);
    netif_ip6_addr_set(&lo, 0, &address6);
    netif_ip6_addr_set_state(&lo, 0, IP6_ADDR_PREFERRED);
    netif_set_up(&lo);
}

struct netif *loopback_netif(void)
{
    return &lo;
}
