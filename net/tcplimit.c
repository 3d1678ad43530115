/* SPDX-License-Identifier: MIT */
/* What strangers can make TCP keep, and its bounds: half-open connections, connections that nobody
 * accepts, and those that wait for late segments. Source: listen(2), tcp(7). */
#include "net/tcplimit.h"

#include <lwip/priv/tcp_priv.h>

#include "net/counters.h"
#include "net/tcp.h"
#include "net/tcpshare.h"

#define HALF_OPEN_MAX 224 /* of a listener: lwIP counts to 255 */
#define TIME_WAIT_MAX 512 /* lwIP looks through them all at each new connection */

/* The half-open connection of l that has waited longest. New ones are first in lwIP's list. */
static struct tcp_pcb *oldest_half_open(const struct tcp_pcb_listen *l)
{
    struct tcp_pcb *oldest = NULL;
    unsigned left = l->accepts_pending;
    for (struct tcp_pcb *p = tcp_active_pcbs; p != NULL && left != 0; p = p->next) {
        if (p->state == SYN_RCVD && p->listener == l) {
            oldest = p;
            left--;
        }
    }
    return oldest;
}

/* lwIP's hook: a segment for pcb has come. A listener whose program does not accept takes no more,
 * the peer tries again; one with too many half-open connections forgets the oldest, so that a real
 * peer, who answers at once, gets through a flood. */
err_t net_tcp_in(const struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
    if (pcb->state != LISTEN || (TCPH_FLAGS(header) & (TCP_SYN | TCP_ACK | TCP_RST)) != TCP_SYN) {
        return ERR_OK;
    }
    const struct tcp_pcb_listen *l = (const struct tcp_pcb_listen *)(const void *)pcb;
    lock_assert_held(&net_core);
    const struct tcp_socket *t = tcpshare_choose_locked(l, ip_current_src_addr(), header->src);
    if (t == NULL || t->naccepted > t->backlog) {
        net_counters.listen_full++;
        return ERR_WOULDBLOCK;
    }
    if (l->accepts_pending >= HALF_OPEN_MAX) {
        struct tcp_pcb *oldest = oldest_half_open(l);
        if (oldest != NULL) {
            tcp_abandon(oldest, 0);
        }
    }
    return ERR_OK;
}

void tcp_limit_time_wait_locked(void)
{
    unsigned n = 0;
    struct tcp_pcb *next;
    for (struct tcp_pcb *p = tcp_tw_pcbs; p != NULL; p = next) {
        next = p->next;
        if (++n > TIME_WAIT_MAX) { /* the oldest are last */
            tcp_abort(p);
        }
    }
}
