/* SPDX-License-Identifier: MIT */
/* TCP sockets: life and connections. Source: tcp(7), connect(2), listen(2), accept(2),
 * shutdown(2). */
#include "net/tcp.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>
#include <linux/in.h>
#include <lwip/priv/tcp_priv.h>

#include "kernel/heap.h"
#include "net/port.h"
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
    list_init(&t->queued);
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

/* The control block of a socket that is not connected. */
static int need_pcb(struct tcp_socket *t) NEEDS(net_core)
{
    if (t->pcb != NULL) {
        return 0;
    }
    bool any = t->s.family == AF_INET6 && !t->v6only;
    struct tcp_pcb *pcb = tcp_new_ip_type(any                       ? IPADDR_TYPE_ANY
                                          : t->s.family == AF_INET6 ? IPADDR_TYPE_V6
                                                                    : IPADDR_TYPE_V4);
    if (pcb == NULL) {
        return -ENOBUFS;
    }
    tcp_attach_locked(t, pcb);
    return 0;
}

static int bind_locked(struct tcp_socket *t, const struct inet_address *a) NEEDS(net_core)
{
    if (t->phase != TCP_NEW || t->local.port != 0) {
        return -EINVAL;
    }
    if (!ip_addr_isany(&a->ip) && !inetaddr_is_local(&a->ip)) {
        return -EADDRNOTAVAIL;
    }
    if (t->v6only && IP_IS_V4_VAL(a->ip)) {
        return -EINVAL;
    }
    int err = need_pcb(t);
    if (err != 0) {
        return err;
    }
    uint16_t port = a->port != 0 ? a->port : port_choose_locked(PORT_TCP, NULL, 0);
    if (port == 0) {
        return -EADDRINUSE;
    }
    if (socket_flag(&t->s, SO_REUSEADDR)) {
        ip_set_option(t->pcb, SOF_REUSEADDR);
    }
    err_t e = tcp_bind(t->pcb, &a->ip, port);
    if (e != ERR_OK) {
        return inetaddr_errno(e);
    }
    t->local = *a;
    t->local.port = port;
    return 0;
}

static int tcp_op_bind(struct socket *s, const void *addr, size_t len)
{
    struct inet_address a;
    int err = inetaddr_parse(s->family, addr, len, &a);
    if (err == 0) {
        err = port_allowed(a.port);
    }
    if (err == 0) {
        net_lock();
        err = bind_locked(tcp_socket(s), &a);
        net_unlock();
    }
    return err;
}

/* Start to connect. Returns 0 when that is under way. */
static int connect_locked(struct tcp_socket *t, struct inet_address *a) NEEDS(net_core)
{
    if (t->phase == TCP_CONNECTING) {
        return -EALREADY;
    }
    if (t->phase == TCP_OPEN || t->phase == TCP_LISTENING) {
        return t->phase == TCP_OPEN && !t->told_connect ? 1 : -EISCONN;
    }
    if (t->phase == TCP_DEAD) {
        int error = socket_take_error(&t->s);
        tcp_update_locked(t, 0);
        return error != 0 ? -error : -ECONNABORTED;
    }
    if (ip_addr_isany(&a->ip)) { /* this machine, as Linux has it */
        ip_addr_t home = IPADDR4_INIT_BYTES(127, 0, 0, 1);
        ip_addr_t home6 = IPADDR6_INIT_HOST(0, 0, 0, 1);
        a->ip = t->s.family == AF_INET6 && !IP_IS_V4_VAL(a->ip) ? home6 : home;
    }
    int err = need_pcb(t);
    if (err != 0) {
        return err;
    }
    if (t->local.port == 0) {
        uint16_t port = port_choose_locked(PORT_TCP, &a->ip, a->port);
        if (port == 0) {
            return -EADDRNOTAVAIL;
        }
        t->pcb->local_port = port; /* tcp_bind would want one that no connection has */
        TCP_REG(&tcp_bound_pcbs, t->pcb);
    }
    t->phase = TCP_CONNECTING;
    err_t e = tcp_connect(t->pcb, &a->ip, a->port, tcp_on_connected);
    if (e != ERR_OK) {
        t->phase = TCP_NEW;
        return inetaddr_errno(e);
    }
    t->local = (struct inet_address){.ip = t->pcb->local_ip, .port = t->pcb->local_port};
    t->peer = *a;
    tcp_update_locked(t, 0);
    return 0;
}

static enum tcp_phase phase_now(const struct tcp_socket *t)
{
    return __atomic_load_n(&t->phase, __ATOMIC_ACQUIRE);
}

/* How the attempt ended. */
static int connect_result(struct tcp_socket *t)
{
    net_lock();
    int error = socket_take_error(&t->s);
    t->told_connect = true;
    tcp_update_locked(t, 0);
    net_unlock();
    return -error;
}

static int tcp_op_connect(struct socket *s, const void *addr, size_t len, bool nonblock)
{
    struct tcp_socket *t = tcp_socket(s);
    struct inet_address a;
    int err = inetaddr_parse(s->family, addr, len, &a);
    if (err != 0) {
        return err;
    }
    uint64_t deadline = socket_deadline(s, true);
    net_lock();
    err = connect_locked(t, &a);
    net_unlock();
    if (err > 0) {
        return connect_result(t);
    }
    if (err == -EALREADY && !nonblock) {
        err = 0;
    }
    if (err != 0) {
        return err;
    }
    if (nonblock) {
        return -EINPROGRESS; /* as Linux, also when the peer has answered already */
    }
    err = wait_until(&s->changed, phase_now(t) != TCP_CONNECTING, deadline);
    if (err == -ETIMEDOUT) {
        return -EINPROGRESS;
    }
    return err != 0 ? (int)socket_wait_error(err, deadline) : connect_result(t);
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
    if (t->local.port == 0) {
        struct inet_address any = {.ip = t->s.family == AF_INET6 ? *IP_ANY_TYPE : *IP4_ADDR_ANY};
        int err = bind_locked(t, &any);
        if (err != 0) {
            return err;
        }
    }
    err_t e;
    struct tcp_pcb *listener = tcp_listen_with_backlog_and_err(t->pcb, 0xff, &e);
    if (listener == NULL) {
        return inetaddr_errno(e);
    }
    t->pcb = listener; /* in place of the other, whose reference it takes over */
    tcp_put_locked(t);
    tcp_listen_locked(t, listener);
    t->phase = TCP_LISTENING;
    t->s.listening = true;
    tcp_update_locked(t, 0);
    return 0;
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

static void stop_listening(struct tcp_socket *t) NEEDS(net_core)
{
    struct tcp_pcb *pcb = t->pcb;
    t->s.listening = false;
    t->phase = TCP_NEW;
    tcp_detach_locked(t);
    (void)tcp_close(pcb);
    reset_queue(t);
}

static int shutdown_locked(struct tcp_socket *t, int how) NEEDS(net_core)
{
    if (t->phase == TCP_LISTENING && how != SHUT_WR) {
        tcp_get(t);
        stop_listening(t);
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
        stop_listening(t);
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
    .release = tcp_op_release,
    .pipe_signal = true,
};
