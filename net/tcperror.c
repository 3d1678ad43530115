/* SPDX-License-Identifier: MIT */
/* ICMP is believed when it quotes a number that is on its way: a stranger would have to guess it.
 * Where the device cuts segments, a shorter size is all that those on their way need; others are
 * cut here. All under net_core. Source: RFC 1191, RFC 5927, RFC 8201, tcp(7), ip(7)
 * IP_MTU_DISCOVER and IP_RECVERR. */
#include "net/tcperror.h"

#include <asm/poll.h>
#include <linux/in.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/prot/ip4.h>
#include <lwip/prot/ip6.h>

#include "net/inetopt.h"
#include "net/inetroute.h"
#include "net/netif.h"
#include "net/pathmtu.h"
#include "net/socket.h"
#include "net/tcp.h"
#include "net/tcpfind.h"

static size_t headers_of(const struct tcp_pcb *p)
{
    return (IP_IS_V4_VAL(p->remote_ip) ? IP_HLEN : IP6_HLEN) + TCP_HLEN;
}

/* One that is being made is not in the table yet. */
static struct tcp_pcb *find_beginning(const struct tcp_quote *q) NEEDS(net_core)
{
    for (struct tcp_pcb *p = tcp_active_pcbs; p != NULL; p = p->next) {
        if (p->state == SYN_SENT && p->local_port == q->local->port &&
            p->remote_port == q->peer->port && ip_addr_cmp_zoneless(&p->local_ip, &q->local->ip) &&
            ip_addr_cmp_zoneless(&p->remote_ip, &q->peer->ip)) {
            return p->callback_arg != NULL && q->sequence == p->lastack ? p : NULL;
        }
    }
    return NULL;
}

static struct tcp_socket *find_open(const struct tcp_quote *q) NEEDS(net_core)
{
    struct tcp_socket *t = tcpfind_get_locked(q->local, q->peer);
    const struct tcp_pcb *p = t != NULL ? t->pcb : NULL;
    return p != NULL && q->sequence - p->lastack <= p->snd_nxt - p->lastack ? t : NULL;
}

void tcperror_unreachable_locked(const struct tcp_quote *q, int error)
{
    struct tcp_pcb *p = find_beginning(q);
    lock_assert_held(&net_core);
    if (p != NULL) {
        struct tcp_socket *beginning = p->callback_arg;
        socket_set_soft_error(&beginning->s, error);
        tcp_abandon(p, 0); /* which tells the socket */
        return;
    }
    struct tcp_socket *t = find_open(q);
    if (t == NULL) {
        return;
    }
    socket_set_soft_error(&t->s, error);
    bool v4 = IP_IS_V4_VAL(t->pcb->remote_ip);
    if (inet_value(&t->inet, v4 ? INET_RECVERR : INET6_RECVERR) != 0) {
        socket_set_error(&t->s, error);
        tcp_update_locked(t, POLLERR);
    }
}

/* What waits to be sent, and is longer than a segment may be, becomes several segments. lwIP cuts
 * the first of the queue only. */
static void cut_unsent(struct tcp_pcb *p)
{
    struct tcp_seg **at = &p->unsent;
    struct tcp_seg *head = p->unsent;
    while (*at != NULL) {
        struct tcp_seg *long_one = *at;
        p->unsent = long_one;
        if (tcp_split_unsent_seg(p, p->mss) != ERR_OK) {
            break; /* no memory: that one is cut by the routers, or the sender's IP */
        }
        at = &long_one->next;
    }
    p->unsent = head;
}

static void send_again(struct tcp_socket *t) NEEDS(net_core)
{
    struct tcp_pcb *p = t->pcb;
    bool waits = p->unacked != NULL && tcp_rexmit_rto_prepare(p) != ERR_OK;
    if (!netif_cuts_segments(&p->local_ip, &p->remote_ip)) {
        cut_unsent(p);
    }
    if (waits) {
        p->rtime = p->rto; /* the device still has segments: soon, by lwIP's timer */
    } else if (p->unsent != NULL) {
        tcp_rexmit_rto_commit(p);
    }
}

/* Segments on the wire have at most mss bytes from now on. */
static void shorten(struct tcp_socket *t, uint16_t mss)
{
    t->wire_mss = mss;
    t->lwip_mss = (uint16_t)(max(t->lwip_mss / mss, 1) * mss);
    if (!netif_cuts_segments(&t->pcb->local_ip, &t->pcb->remote_ip)) {
        t->lwip_mss = mss;
    }
    t->pcb->mss = t->lwip_mss;
}

bool tcperror_too_long_locked(const struct tcp_quote *q, unsigned mtu)
{
    struct tcp_socket *t = find_open(q);
    lock_assert_held(&net_core);
    if (t == NULL) {
        return find_beginning(q) != NULL;
    }
    unsigned least = IP_IS_V4_VAL(t->pcb->remote_ip) ? PATHMTU_LEAST4 : PATHMTU_LEAST6;
    unsigned mss = max(mtu, least) - (unsigned)headers_of(t->pcb);
    if (mss < t->wire_mss && tcperror_whole_locked(t)) {
        shorten(t, (uint16_t)mss);
        send_again(t);
    }
    return true;
}

void tcperror_way_locked(struct tcp_socket *t)
{
    struct tcp_pcb *p = t->pcb;
    int mtu = inetroute_mtu_locked(&p->remote_ip, &p->local_ip, t->inet.device);
    size_t headers = headers_of(p);
    if (mtu > (int)headers && p->mss > (size_t)mtu - headers) {
        p->mss = (uint16_t)((size_t)mtu - headers);
    }
}

bool tcperror_whole_locked(const struct tcp_socket *t)
{
    int discover = t != NULL ? inet_value(&t->inet, INET_MTU_DISCOVER) : IP_PMTUDISC_WANT;
    lock_assert_held(&net_core);
    return discover == IP_PMTUDISC_WANT || discover == IP_PMTUDISC_DO ||
           discover == IP_PMTUDISC_PROBE;
}
