/* SPDX-License-Identifier: MIT */
/* TCP sockets: life and connections. Source: tcp(7), connect(2), listen(2), accept(2),
 * shutdown(2). */
#include "net/tcp.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>
#include <asm/sockios.h>
#include <linux/in.h>
#include <lwip/priv/tcp_priv.h>

#include "kernel/heap.h"
#include "kernel/uaccess.h"
#include "net/port.h"
#include "net/tcpdefer.h"
#include "net/tcplimit.h"
#include "platform/clock.h"

static const struct socket_ops tcp_ops;

struct tcp_socket *tcp_socket_new(int family)
{
    struct tcp_socket *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    socket_init(&t->s, &tcp_ops, family, SOCK_STREAM);
    t->s.protocol = IPPROTO_TCP;
    t->refs = 1;
    mutex_init(&t->send_lock);
    mutex_init(&t->recv_lock);
    list_init(&t->chunks);
    list_init(&t->accepted);
    list_init(&t->deferred);
    list_init(&t->queued);
    list_init(&t->half_open);
    list_init(&t->corked);
    t->quickack = true;
    t->values.notsent_low = UINT32_MAX;
    inetopt_init(&t->inet);
    t->local.ip = family == AF_INET6 ? *IP_ANY_TYPE : *IP4_ADDR_ANY;
    t->ready = POLLOUT | POLLWRNORM | POLLHUP;
    return t;
}

void tcp_get(struct tcp_socket *t)
{
    __atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
}

void tcp_put_locked(struct tcp_socket *t)
{
    if (__atomic_sub_fetch(&t->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        tcp_drop_sent_locked(t);
        tcp_drop_received_locked(t);
        heap_free(t);
    }
}

int tcp_create(int family, int protocol, struct socket **out)
{
    if (protocol != 0 && protocol != IPPROTO_TCP) {
        return -EPROTONOSUPPORT;
    }
    struct tcp_socket *t = tcp_socket_new(family);
    if (t == NULL) {
        return -ENOBUFS;
    }
    *out = &t->s;
    return 0;
}

static int listen_locked(struct tcp_socket *t, int backlog) NEEDS(net_core)
{
    t->backlog = (unsigned)backlog;
    if (t->phase == TCP_LISTENING) {
        return 0;
    }
    if (t->phase != TCP_NEW) {
        return -EINVAL;
    }
    struct inet_address any = {.ip = t->local.ip};
    int err = t->local.port == 0 ? tcp_bind_locked(t, &any) : tcp_claim_locked(t);
    if (err != 0) {
        return err;
    }
    if (tcp_port_is_busy_locked(t, &t->local.ip, t->local.port)) {
        return -EADDRINUSE;
    }
    err_t e;
    ip_reset_option(t->pcb, SOF_REUSEADDR); /* lwIP would judge by it again */
    struct tcp_pcb *listener = tcp_listen_with_backlog_and_err(t->pcb, 0xff, &e);
    if (listener == NULL) {
        return inetaddr_errno(e);
    }
    t->pcb = listener; /* in place of the other, whose reference it takes over */
    tcp_put_locked(t);
    tcp_listen_locked(t, listener);
    tcp_apply_locked(t);
    t->phase = TCP_LISTENING;
    t->s.listening = true;
    tcp_update_locked(t, 0);
    return 0;
}

static enum tcp_phase phase_now(const struct tcp_socket *t)
{
    return __atomic_load_n(&t->phase, __ATOMIC_ACQUIRE);
}

static int tcp_op_listen(struct socket *s, int backlog)
{
    net_lock();
    int err = listen_locked(tcp_socket(s), backlog);
    net_unlock();
    return err;
}

static struct tcp_socket *take_accepted(struct tcp_socket *l)
{
    struct tcp_socket *t = NULL;
    net_lock();
    struct list *node = list_pop(&l->accepted);
    if (node != NULL) {
        t = list_entry(node, struct tcp_socket, queued);
        t->told_connect = true;
        l->naccepted--;
        tcp_update_locked(l, 0);
    }
    net_unlock();
    return t;
}

static int tcp_op_accept(struct socket *s, bool nonblock, struct socket **out)
{
    struct tcp_socket *l = tcp_socket(s);
    uint64_t deadline = socket_deadline(s, false);
    struct tcp_socket *t;
    for (;;) {
        if (phase_now(l) != TCP_LISTENING) {
            return -EINVAL;
        }
        t = take_accepted(l);
        if (t != NULL) {
            break;
        }
        if (nonblock) {
            return -EAGAIN;
        }
        int err = wait_until(&s->changed,
                             (__atomic_load_n(&l->ready, __ATOMIC_ACQUIRE) & POLLIN) != 0 ||
                                 phase_now(l) != TCP_LISTENING,
                             deadline);
        if (err != 0) {
            return (int)socket_wait_error(err, deadline);
        }
    }
    *out = &t->s;
    return 0;
}

/* Nobody will accept them: they are reset. */
static void reset_queue(struct tcp_socket *l) NEEDS(net_core)
{
    struct list *node;
    tcpdefer_end_all_locked(l);
    while ((node = list_pop(&l->accepted)) != NULL) {
        struct tcp_socket *t = list_entry(node, struct tcp_socket, queued);
        struct tcp_pcb *pcb = t->pcb;
        if (pcb != NULL) {
            tcp_detach_locked(t);
            tcp_abort(pcb);
        }
        tcp_put_locked(t);
    }
    l->naccepted = 0;
}

void tcp_stop_listening_locked(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    lock_assert_held(&net_core);
    t->s.listening = false;
    t->phase = TCP_NEW;
    tcp_detach_locked(t);
    tcp_limit_closed_locked(t);
    (void)tcp_close(pcb);
    reset_queue(t);
    tcp_forget_locked(t);
}

static int shutdown_locked(struct tcp_socket *t, int how) NEEDS(net_core)
{
    if (t->phase == TCP_LISTENING && how != SHUT_WR) {
        tcp_get(t);
        tcp_stop_listening_locked(t);
        tcp_update_locked(t, POLLHUP);
        tcp_put_locked(t);
        return 0;
    }
    if (t->phase != TCP_OPEN) {
        return t->phase == TCP_LISTENING ? 0 : -ENOTCONN;
    }
    t->shut_read = t->shut_read || how != SHUT_WR;
    if (how != SHUT_RD && !t->shut_write) {
        t->shut_write = true;
        tcp_push_locked(t);
    }
    tcp_update_locked(t, POLLIN | POLLRDHUP);
    tcp_settle_locked(t);
    return 0;
}

static int tcp_op_shutdown(struct socket *s, int how)
{
    net_lock();
    int err = shutdown_locked(tcp_socket(s), how);
    net_unlock();
    return err;
}

static unsigned tcp_op_poll(struct socket *s)
{
    return __atomic_load_n(&tcp_socket(s)->ready, __ATOMIC_ACQUIRE);
}

static long tcp_op_queued(struct socket *s, bool out)
{
    struct tcp_socket *t = tcp_socket(s);
    net_lock();
    long n = out ? (long)t->sent_bytes : (long)t->received_bytes;
    n = t->phase == TCP_LISTENING ? -EINVAL : n;
    net_unlock();
    return n;
}

/* There is no urgent data, so nobody is at its mark. */
static long tcp_op_ioctl(struct socket *s, unsigned cmd, uint64_t arg)
{
    int none = 0;
    (void)s;
    return cmd == SIOCATMARK ? uaccess_write(uptr(void, arg), &none, sizeof(none)) : -ENOTTY;
}

static int tcp_op_name(struct socket *s, enum socket_name which, void *out, size_t *len)
{
    struct tcp_socket *t = tcp_socket(s);
    int err = 0;
    net_lock();
    if (which == SOCKET_PEER && t->phase != TCP_OPEN) {
        err = -ENOTCONN;
    } else {
        const struct inet_address *a = which == SOCKET_SELF ? &t->local : &t->peer;
        inetaddr_store(s->family, &a->ip, a->port, out, len);
    }
    net_unlock();
    return err;
}

/* The file of a connected socket is closed. Unread data, or a linger time of zero: the peer gets a
 * reset; else it gets what was sent, and the end. */
static void close_open(struct tcp_socket *t) NEEDS(net_core)
{
    struct tcp_pcb *pcb = t->pcb;
    bool reset = t->s.options.linger_on && t->s.options.linger_s == 0;
    bool unread = t->received_bytes != 0 || pcb->refused_data != NULL;
    if (unread || reset || t->phase == TCP_CONNECTING) {
        tcp_detach_locked(t);
        tcp_abort(pcb);
        return;
    }
    t->orphan = t->shut_write = true;
    tcp_set_flags(pcb, TF_RXCLOSED); /* what still comes is answered by a reset */
    tcp_push_locked(t);
    tcp_settle_locked(t);
}

static void release_locked(struct tcp_socket *t) NEEDS(net_core)
{
    struct tcp_pcb *pcb = t->pcb;
    if (t->phase == TCP_LISTENING) {
        tcp_stop_listening_locked(t);
    } else if (pcb != NULL && t->phase == TCP_NEW) {
        tcp_detach_locked(t);
        (void)tcp_close(pcb);
    } else if (pcb != NULL) {
        close_open(t);
    }
    tcp_put_locked(t);
}

static bool all_sent(const struct tcp_socket *t)
{
    return __atomic_load_n(&t->sent_bytes, __ATOMIC_ACQUIRE) == 0 || phase_now(t) != TCP_OPEN;
}

static void linger(struct tcp_socket *t)
{
    const struct socket_options *o = &t->s.options;
    if (o->linger_on && o->linger_s > 0 && phase_now(t) == TCP_OPEN) {
        (void)tcp_op_shutdown(&t->s, SHUT_WR);
        int err = wait_until(&t->s.changed, all_sent(t),
                             clock_ns() + (uint64_t)o->linger_s * NSEC_PER_SEC);
        (void)err; /* the time is over, or a signal came: the rest is sent in the background */
    }
}

static void tcp_op_release(struct socket *s)
{
    linger(tcp_socket(s));
    net_lock();
    release_locked(tcp_socket(s));
    net_unlock();
}

static const struct socket_ops tcp_ops = {
    .bind = tcp_op_bind,
    .connect = tcp_op_connect,
    .listen = tcp_op_listen,
    .accept = tcp_op_accept,
    .send = tcp_op_send,
    .recv = tcp_op_recv,
    .shutdown = tcp_op_shutdown,
    .poll = tcp_op_poll,
    .queued = tcp_op_queued,
    .name = tcp_op_name,
    .get_option = tcp_op_get_option,
    .set_option = tcp_op_set_option,
    .option_changed = tcp_op_option_changed,
    .ioctl = tcp_op_ioctl,
    .release = tcp_op_release,
    .pipe_signal = true,
};
