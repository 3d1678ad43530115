/* SPDX-License-Identifier: MIT */
/* What strangers can make TCP keep, and its bounds: half-open connections, connections that nobody
 * accepts, and those that wait for late segments. Source: listen(2), tcp(7). */
#include "net/tcplimit.h"

#include <lwip/priv/tcp_priv.h>

#include "kernel/heap.h"
#include "net/counters.h"
#include "net/tcp.h"
#include "net/tcpshare.h"

#define HALF_OPEN_MIN 1024 /* of a listener, whatever its backlog */
#define TIME_WAIT_MAX 512 /* lwIP looks through them all at each new connection */

/* A connection that the peer has asked for and not confirmed yet: an argument of its control block,
 * which lwIP gives back when that goes. */
struct half_open {
    struct list node; /* in tcp_socket.half_open, the oldest first */
    struct tcp_socket *listener; /* NULL: closed meanwhile */
    struct tcp_pcb *pcb;
};

static u8_t argument; /* [I] which one it is */

static void leave_queue(struct half_open *h)
{
    list_remove(&h->node);
    if (h->listener != NULL) {
        h->listener->nhalf_open--;
        h->listener = NULL;
    }
}

static void on_destroy(u8_t id, void *data)
{
    struct half_open *h = data;
    (void)id;
    if (h != NULL) {
        leave_queue(h);
        heap_free(h);
    }
}

static err_t on_passive_open(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb);

static const struct tcp_ext_arg_callbacks callbacks = {.destroy = on_destroy,
                                                       .passive_open = on_passive_open};

static err_t on_passive_open(u8_t id, struct tcp_pcb_listen *listener, struct tcp_pcb *pcb)
{
    struct tcp_socket *l = listener->callback_arg;
    struct half_open *h = l != NULL ? heap_zalloc(sizeof(*h)) : NULL;
    if (h == NULL) {
        return ERR_MEM;
    }
    h->pcb = pcb;
    h->listener = l;
    list_append(&l->half_open, &h->node);
    l->nhalf_open++;
    tcp_ext_arg_set_callbacks(pcb, id, &callbacks);
    tcp_ext_arg_set(pcb, id, h);
    return ERR_OK;
}

void tcp_limit_start_locked(void)
{
    argument = tcp_ext_arg_alloc_id();
}

void tcp_limit_listen_locked(struct tcp_pcb *listener)
{
    tcp_ext_arg_set_callbacks(listener, argument, &callbacks);
}

void tcp_limit_opened_locked(struct tcp_pcb *pcb)
{
    void *h = tcp_ext_arg_get(pcb, argument);
    tcp_ext_arg_set(pcb, argument, NULL);
    on_destroy(argument, h);
}

void tcp_limit_closed_locked(struct tcp_socket *l)
{
    lock_assert_held(&net_core);
    while (!list_empty(&l->half_open)) {
        leave_queue(list_entry(l->half_open.next, struct half_open, node));
    }
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
    if (t == NULL || l->callback_arg == NULL || t->naccepted > t->backlog) {
        net_counters.listen_full++;
        return ERR_WOULDBLOCK;
    }
    struct tcp_socket *first = l->callback_arg; /* of those that share the name; lwIP asks it */
    if (first->nhalf_open >= max(first->backlog, (unsigned)HALF_OPEN_MIN)) {
        tcp_abandon(list_entry(first->half_open.next, struct half_open, node)->pcb, 0);
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
