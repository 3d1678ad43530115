/* SPDX-License-Identifier: MIT */
/* How long a connection is tried to be made. lwIP sends a SYN again at a fixed pace and a fixed
 * number of times; Linux waits twice as long each time. All under net_core. Source: TCP_SYNCNT in
 * tcp(7), RFC 6298. */
#include "net/tcpsyn.h"

#include <asm/errno.h>
#include <lwip/priv/tcp_priv.h>

#include "net/inetroute.h"
#include "net/tcpwindow.h"
#include "platform/clock.h"

#define SYN_PATIENCE_MAX (120000 / TCP_SLOW_INTERVAL) /* as Linux's */
#define SYN_DOUBLED 7U
#define NEIGHBOUR_PATIENCE_NS 3000000000UL /* one that has not answered is not there */

/* Slow ticks until a SYN that was sent n times again is sent once more. */
static int16_t syn_patience(unsigned n)
{
    return (int16_t)min(TCPSYN_PATIENCE << min(n, SYN_DOUBLED), SYN_PATIENCE_MAX);
}

/* Whose options a SYN of pcb's follows; NULL: the socket is gone. */
static const struct tcp_socket *syn_owner(const struct tcp_pcb *pcb)
{
    if (pcb->state == SYN_SENT) {
        return pcb->callback_arg;
    }
    return pcb->listener != NULL ? pcb->listener->callback_arg : NULL;
}

/* The last time on_poll ends it, before the time is over. */
void tcpsyn_goes_locked(struct tcp_pcb *pcb, struct tcp_hdr *header)
{
    const struct tcp_socket *t = syn_owner(pcb);
    lock_assert_held(&net_core);
    if (t == NULL) {
        return;
    }
    tcpwindow_offer_locked(t, pcb, header);
    if (pcb->state == SYN_SENT) {
        bool last = pcb->nrtx >= tcp_syn_count(t);
        pcb->rto = (int16_t)(syn_patience(pcb->nrtx) + (last ? 2 * TCP_POLL_TICKS : 0));
    }
}

/* Nobody answers; or nobody is there, which the local network knows sooner. */
int tcpsyn_give_up_locked(const struct tcp_socket *t, const struct tcp_pcb *pcb)
{
    lock_assert_held(&net_core);
    if (pcb->nrtx >= tcp_syn_count(t) && pcb->rtime >= syn_patience(pcb->nrtx)) {
        return ETIMEDOUT;
    }
    bool silent = clock_ns() - t->progress_ns >= NEIGHBOUR_PATIENCE_NS &&
                  inetroute_is_silent_locked(&pcb->local_ip, &pcb->remote_ip);
    return silent ? EHOSTUNREACH : 0;
}
