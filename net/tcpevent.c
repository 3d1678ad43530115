/* SPDX-License-Identifier: MIT */
/* What lwIP tells TCP sockets, and what poll says of them. All under net_core. Source: tcp(7),
 * poll(2). */
#include <asm/errno.h>
#include <asm/poll.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/stats.h>

#include "net/netif.h"
#include "net/offload.h"
#include "net/tcp.h"
#include "net/tcpcork.h"
#include "net/tcpdefer.h"
#include "net/tcperror.h"
#include "net/tcpfind.h"
#include "net/tcplimit.h"
#include "net/tcpshare.h"
#include "net/tcpsyn.h"
#include "net/tcpwindow.h"
#include "platform/clock.h"

#define NSEC_PER_MSEC 1000000UL
#define MTU_HEADERS sizeof(struct tcp_hdr)
#define SEGMENT_MAX 65000 /* with headers less than 64 KiB */
#define CAN_READ (POLLIN | POLLRDNORM)
#define CAN_WRITE (POLLOUT | POLLWRNORM)

/* As Linux: once a third of the buffer is free. */
static bool writable(const struct tcp_socket *t)
{
    return t->sent_bytes * 3 <= (size_t)t->s.options.send_buffer * 2 &&
           (t->unhanded == 0 || t->unhanded < t->values.notsent_low);
}

static unsigned open_bits(const struct tcp_socket *t)
{
    unsigned bits = 0;
    bool no_read = t->read_end || t->shut_read;
    if (no_read || t->received_bytes >= max(t->s.options.low_water, 1U)) {
        bits |= CAN_READ;
    }
    if (no_read) {
        bits |= POLLRDHUP;
    }
    if (t->shut_write || writable(t)) {
        bits |= CAN_WRITE;
    }
    return no_read && t->shut_write ? bits | POLLHUP : bits;
}

static unsigned ready_bits(const struct tcp_socket *t)
{
    switch (t->phase) {
    case TCP_NEW: return CAN_WRITE | POLLHUP;
    case TCP_LISTENING: return list_empty(&t->accepted) ? 0 : CAN_READ;
    case TCP_CONNECTING: return 0;
    case TCP_OPEN: return open_bits(t);
    default: return CAN_READ | CAN_WRITE | POLLHUP | POLLRDHUP;
    }
}

void tcp_update_locked(struct tcp_socket *t, unsigned always)
{
    unsigned bits = ready_bits(t);
    if (__atomic_load_n(&t->s.error, __ATOMIC_RELAXED) != 0) {
        bits |= POLLERR;
    }
    unsigned fresh = (bits & ~t->ready) | always;
    __atomic_store_n(&t->ready, bits, __ATOMIC_RELEASE);
    if (fresh != 0) {
        (void)wait_wake_events(&t->s.changed, t->phase == TCP_LISTENING ? 1 : WAIT_ALL, fresh);
    }
}

/* The control block is gone; error: positive, 0. */
static void end(struct tcp_socket *t, int error) NEEDS(net_core)
{
    spin_lock(&t->s.lock);
    t->s.error = error;
    spin_unlock(&t->s.lock);
    t->phase = TCP_DEAD;
    tcpfind_remove_locked(t);
    tcpcork_release_locked(t);
    t->pcb = NULL;
    tcp_drop_sent_locked(t);
    tcp_update_locked(t, POLLERR | POLLHUP);
    tcpdefer_drop_locked(t);
    tcp_put_locked(t); /* the control block's */
}

static void on_error(void *arg, err_t err)
{
    struct tcp_socket *t = arg;
    int error = err == ERR_CLSD ? 0 : -inetaddr_errno(err);
    lock_assert_held(&net_core);
    if (t->phase == TCP_CONNECTING) {
        MIB2_STATS_INC(mib2.tcpattemptfails);
    }
    int soft = socket_take_soft_error(&t->s);
    if (err == ERR_RST) {
        error = t->phase == TCP_CONNECTING ? ECONNREFUSED : t->read_end ? EPIPE : ECONNRESET;
    } else if (soft != 0) {
        error = soft;
    }
    end(t, error);
}

/* Both sides have ended and everything has arrived, or nobody is left who would read: lwIP does the
 * rest alone. It frees the control block without a word then. */
void tcp_settle_locked(struct tcp_socket *t)
{
    if (t->pcb == NULL || !t->fin_handed || t->sent_bytes != 0 || !(t->read_end || t->orphan)) {
        return;
    }
    t->phase = TCP_DEAD;
    tcp_get(t);
    tcp_detach_locked(t);
    tcp_update_locked(t, 0);
    tcp_put_locked(t);
}

static err_t on_receive(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t err)
{
    struct tcp_socket *t = arg;
    (void)err;
    lock_assert_held(&net_core);
    tcpdefer_end_locked(t);
    if (p == NULL) {
        t->read_end = true;
        tcp_update_locked(t, CAN_READ | POLLRDHUP);
        tcp_settle_locked(t);
        return ERR_OK;
    }
    if (!tcp_received_locked(t, p)) {
        return ERR_MEM; /* lwIP keeps it, and the peer the rest */
    }
    if (t->quick != 0) { /* a sender that waits for it before its next short segment goes on */
        t->quick--;
        tcp_ack_now(pcb);
    }
    tcp_update_locked(t, CAN_READ);
    return ERR_OK;
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
    struct tcp_socket *t = arg;
    (void)pcb;
    (void)len;
    lock_assert_held(&net_core);
    socket_set_soft_error(&t->s, 0);
    if (t->values.user_timeout != 0) {
        t->progress_ns = clock_ns();
    }
    tcp_release_locked(t);
    if (t->unhanded != 0) {
        tcp_push_locked(t);
    }
    tcp_update_locked(t, 0);
    tcp_settle_locked(t);
    return ERR_OK;
}

/* lwIP had no memory, or the window was shut: try again. */
static err_t on_poll(void *arg, struct tcp_pcb *pcb)
{
    struct tcp_socket *t = arg;
    lock_assert_held(&net_core);
    uint64_t limit = t->values.user_timeout * NSEC_PER_MSEC;
    int error = pcb->state == SYN_SENT ? tcpsyn_give_up_locked(t, pcb) : 0;
    if (error != 0) {
        socket_set_soft_error(&t->s, error);
        tcp_abandon(pcb, 0); /* which tells on_error */
        return ERR_ABRT;
    }
    tcpdefer_tick_locked(t);
    if (limit != 0 && pcb->unacked != NULL && clock_ns() - t->progress_ns > limit) {
        tcp_abort(pcb); /* which tells on_error */
        return ERR_ABRT;
    }
    tcp_push_locked(t);
    return ERR_OK;
}

/* The connection is open: where the device cuts segments, those of lwIP may be longer: several in
 * one. Its window must have room for one. */
static void opened(struct tcp_socket *t) NEEDS(net_core)
{
    struct tcp_pcb *pcb = t->pcb;
    pcb->rto = min(pcb->rto, (int16_t)TCPSYN_PATIENCE);
    tcpfind_add_locked(t);
    tcpwindow_start_locked(t);
    tcperror_way_locked(t);
    t->wire_mss = pcb->mss;
    if (netif_cuts_segments(&pcb->local_ip, &pcb->remote_ip)) {
        size_t longest = min((size_t)SEGMENT_MAX, (size_t)pcb->snd_wnd / 2);
        pcb->mss = (u16_t)(max(longest / pcb->mss, 1UL) * pcb->mss);
        pcb->cwnd = max(pcb->cwnd, (tcpwnd_size_t)pcb->mss);
    }
    t->lwip_mss = pcb->mss;
    t->quick = TCP_QUICK;
}

/* lwIP's hook: every segment that it sends. */
uint32_t *net_tcp_out(struct pbuf *p, struct tcp_hdr *header, const struct tcp_pcb *pcb,
                      uint32_t *opts)
{
    const struct tcp_socket *t =
        pcb != NULL && pcb->state >= ESTABLISHED ? pcb->callback_arg : NULL;
    lock_assert_held(&net_core);
    if ((TCPH_FLAGS(header) & TCP_SYN) != 0 && pcb != NULL) {
        tcpsyn_goes_locked((struct tcp_pcb *)(uintptr_t)pcb, header);
    }
    p->segment_size = t != NULL && t->pcb == pcb ? t->wire_mss : 0;
    p->flags = (uint8_t)(p->flags & ~OFFLOAD_WHOLE);
    p->flags |= tcperror_whole_locked(p->segment_size != 0 ? t : NULL) ? OFFLOAD_WHOLE : 0;
    if (p->segment_size != 0 && p->tot_len > p->segment_size + MTU_HEADERS &&
        p->segment_size != pcb->mss) {
        netif_let_long_locked();
    }
    return opts;
}

/* There is no memory: the peer's connection is reset. */
static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_socket *l = arg;
    lock_assert_held(&net_core);
    if (pcb == NULL || err != ERR_OK || l == NULL) {
        return ERR_VAL;
    }
    tcp_limit_opened_locked(pcb);
    if (pcb->listener != NULL) {
        l = tcpshare_choose_locked(pcb->listener, &pcb->remote_ip, pcb->remote_port);
    }
    struct tcp_socket *t = l != NULL ? tcp_socket_new(l->s.family) : NULL;
    if (t == NULL) {
        tcp_abort(pcb);
        return ERR_ABRT;
    }
    t->s.options = l->s.options;
    t->nodelay = l->nodelay;
    t->inet = l->inet;
    t->cork = l->cork;
    t->values = l->values;
    t->phase = TCP_OPEN;
    tcp_attach_locked(t, pcb);
    opened(t);
    tcp_update_locked(t, 0);
    tcpdefer_offer_locked(l, t); /* with the reference that tcp_socket_new made */
    return ERR_OK;
}

err_t tcp_on_connected(void *arg, struct tcp_pcb *pcb, err_t err)
{
    struct tcp_socket *t = arg;
    (void)pcb;
    (void)err; /* lwIP tells of failures by on_error */
    lock_assert_held(&net_core);
    t->phase = TCP_OPEN;
    opened(t);
    t->released = t->small_end = t->pcb->snd_lbb;
    tcp_update_locked(t, POLLOUT);
    return ERR_OK;
}

void tcp_attach_locked(struct tcp_socket *t, struct tcp_pcb *pcb)
{
    tcp_get(t);
    t->pcb = pcb;
    t->released = t->small_end = pcb->snd_lbb;
    t->local = (struct inet_address){.ip = pcb->local_ip, .port = pcb->local_port};
    t->peer = (struct inet_address){.ip = pcb->remote_ip, .port = pcb->remote_port};
    tcp_nagle_disable(pcb); /* the rule is applied before lwIP gets the data */
    tcp_arg(pcb, t);
    tcp_recv(pcb, on_receive);
    tcp_sent(pcb, on_sent);
    tcp_err(pcb, on_error);
    tcp_poll(pcb, on_poll, TCP_POLL_TICKS);
    tcp_apply_locked(t);
}

void tcp_listen_locked(struct tcp_socket *t, struct tcp_pcb *pcb)
{
    tcp_get(t);
    t->pcb = pcb;
    tcp_arg(pcb, t);
    tcp_accept(pcb, on_accept);
    tcp_limit_listen_locked(pcb);
}

void tcp_detach_locked(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    tcpfind_remove_locked(t);
    tcpcork_release_locked(t);
    t->pcb = NULL;
    tcp_arg(pcb, NULL);
    if (pcb->state != LISTEN) {
        tcp_recv(pcb, NULL);
        tcp_sent(pcb, NULL);
        tcp_err(pcb, NULL);
        tcp_poll(pcb, NULL, 0);
    }
    tcp_put_locked(t);
}
