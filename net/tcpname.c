/* SPDX-License-Identifier: MIT */
/* Names of TCP sockets: which address and port they have, who may share one, and how they come to
 * be connected. lwIP has looser rules than Linux, so its own are not asked. All under net_core.
 * Source: bind(2), connect(2), tcp(7), ip(7), SO_REUSEADDR and SO_REUSEPORT in socket(7). */
#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>
#include <lwip/priv/tcp_priv.h>

#include "kernel/base/string.h"
#include "net/inetroute.h"
#include "net/port.h"
#include "net/tcp.h"
#include "platform/clock.h"

/* pcb's port is busy for one that is to be bound to ip, or, with listens, to listen. */
static bool is_busy(const struct tcp_socket *t, const struct tcp_pcb *pcb, const ip_addr_t *ip)
    NEEDS(net_core)
{
    bool listening = pcb->state == LISTEN;
    bool both_reuse = socket_flag(&t->s, SO_REUSEADDR) && ip_get_option(pcb, SOF_REUSEADDR);
    bool both_share = socket_flag(&t->s, SO_REUSEPORT) && ip_get_option(pcb, TCP_SOF_REUSEPORT);
    if ((both_reuse && !listening) || both_share) {
        return false;
    }
    return inetaddr_overlap(&pcb->local_ip, ip);
}

static bool list_is_busy(const struct tcp_socket *t, const struct tcp_pcb *list,
                         const ip_addr_t *ip, uint16_t port) NEEDS(net_core)
{
    for (const struct tcp_pcb *p = list; p != NULL; p = p->next) {
        if (p->local_port == port && p != t->pcb && is_busy(t, p, ip)) {
            return true;
        }
    }
    return false;
}

bool tcp_port_is_busy_locked(const struct tcp_socket *t, const ip_addr_t *ip, uint16_t port)
{
    lock_assert_held(&net_core);
    return list_is_busy(t, tcp_listen_pcbs.pcbs, ip, port) ||
           list_is_busy(t, tcp_bound_pcbs, ip, port) ||
           list_is_busy(t, tcp_active_pcbs, ip, port) || list_is_busy(t, tcp_tw_pcbs, ip, port);
}

static bool only_v6(const struct tcp_socket *t)
{
    return inet_value(&t->inet, INET6_V6ONLY) != 0;
}

/* The control block of a socket that has none. */
static int need_pcb(struct tcp_socket *t) NEEDS(net_core)
{
    struct inet_address local = t->local;
    if (t->pcb != NULL) {
        return 0;
    }
    bool any = t->s.family == AF_INET6 && !only_v6(t);
    struct tcp_pcb *pcb = tcp_new_ip_type(any                       ? IPADDR_TYPE_ANY
                                          : t->s.family == AF_INET6 ? IPADDR_TYPE_V6
                                                                    : IPADDR_TYPE_V4);
    if (pcb == NULL) {
        return -ENOBUFS;
    }
    tcp_attach_locked(t, pcb);
    t->local = local;
    return 0;
}

int tcp_claim_locked(struct tcp_socket *t)
{
    lock_assert_held(&net_core);
    int err = need_pcb(t);
    if (err == 0 && t->local.port != 0 && t->pcb->local_port == 0) {
        ip_addr_set_ipaddr(&t->pcb->local_ip, &t->local.ip);
        t->pcb->local_port = t->local.port;
        TCP_REG(&tcp_bound_pcbs, t->pcb);
    }
    return err;
}

static int choose_port(const struct tcp_socket *t, const struct inet_address *a, uint16_t *port)
    NEEDS(net_core)
{
    *port = a->port != 0 ? a->port : port_choose_locked(PORT_TCP, NULL, 0);
    if (*port == 0 || (a->port != 0 && tcp_port_is_busy_locked(t, &a->ip, *port))) {
        return -EADDRINUSE;
    }
    return 0;
}

int tcp_bind_locked(struct tcp_socket *t, struct inet_address *a)
{
    uint16_t port = 0;
    lock_assert_held(&net_core);
    if (t->phase != TCP_NEW || t->local.port != 0) {
        return -EINVAL;
    }
    int err = inetopt_check_address_locked(&t->s, &t->inet, a);
    if (err == 0 && only_v6(t) && IP_IS_ANY_TYPE_VAL(a->ip)) {
        IP_SET_TYPE_VAL(a->ip, IPADDR_TYPE_V6);
    }
    err = err != 0 ? err : choose_port(t, a, &port);
    err = err != 0 ? err : need_pcb(t);
    if (err != 0) {
        return err;
    }
    t->keeps_address = !ip_addr_isany(&a->ip);
    t->keeps_port = a->port != 0;
    t->local = *a;
    t->local.port = port;
    return tcp_claim_locked(t);
}

int tcp_op_bind(struct socket *s, const void *addr, size_t len)
{
    struct inet_address a;
    int err = inetaddr_parse(s->family, addr, len, &a);
    if (err == 0) {
        err = port_allowed(a.port);
    }
    if (err == 0) {
        net_lock();
        err = tcp_bind_locked(tcp_socket(s), &a);
        net_unlock();
    }
    return err;
}

void tcp_forget_locked(struct tcp_socket *t)
{
    struct tcp_pcb *pcb = t->pcb;
    lock_assert_held(&net_core);
    if (pcb != NULL) {
        tcp_detach_locked(t);
        tcp_abort(pcb);
    }
    tcp_drop_sent_locked(t);
    tcp_drop_received_locked(t);
    t->phase = TCP_NEW;
    t->read_end = t->shut_read = t->shut_write = t->fin_handed = t->told_connect = false;
    memset(&t->peer, 0, sizeof(t->peer));
    if (!t->keeps_address) {
        t->local.ip = t->s.family == AF_INET6 ? *IP_ANY_TYPE : *IP4_ADDR_ANY;
    }
    if (!t->keeps_port) {
        t->local.port = 0;
    }
    tcp_update_locked(t, POLLHUP);
}

/* The way to a, and the address that t has on it. */
static int find_way(struct tcp_socket *t, struct inet_address *a) NEEDS(net_core)
{
    struct inet_route route;
    bool v4 = IP_IS_V4_VAL(a->ip);
    if (t->s.family == AF_INET6 && v4 && only_v6(t)) {
        return -ENETUNREACH;
    }
    unsigned device = t->inet.device != 0 ? t->inet.device : a->scope;
    if (!v4 && ip6_addr_has_scope(ip_2_ip6(&a->ip), IP6_UNICAST)) {
        if (device == 0) {
            return -EINVAL;
        }
        ip6_addr_set_zone(ip_2_ip6(&a->ip), (u8_t)device);
    }
    inetroute_home(&a->ip, t->s.family == AF_INET6);
    int err = inetroute_find_locked(&a->ip, &t->local.ip, device, &route);
    if (err == 0 && (route.broadcast || route.multicast)) {
        err = -ENETUNREACH;
    }
    err = err != 0 ? err : tcp_claim_locked(t);
    if (err == 0) {
        ip_addr_set_ipaddr(&t->pcb->local_ip, &route.from);
    }
    return err;
}

/* Start to connect a socket that is new. Returns 0 when that is under way. */
static int start(struct tcp_socket *t, struct inet_address *a) NEEDS(net_core)
{
    int err = find_way(t, a);
    if (err != 0) {
        return err;
    }
    if (t->pcb->local_port == 0) {
        uint16_t port = port_choose_locked(PORT_TCP, &a->ip, a->port);
        if (port == 0) {
            return -EADDRNOTAVAIL;
        }
        t->pcb->local_port = port; /* tcp_bind would want one that no connection has */
        TCP_REG(&tcp_bound_pcbs, t->pcb);
    }
    t->phase = TCP_CONNECTING;
    socket_set_soft_error(&t->s, 0);
    t->progress_ns = clock_ns();
    err_t e = tcp_connect(t->pcb, &a->ip, a->port, tcp_on_connected);
    if (e != ERR_OK) {
        tcp_forget_locked(t);
        return e == ERR_USE ? -EADDRNOTAVAIL : inetaddr_errno(e);
    }
    t->local.ip = t->pcb->local_ip;
    t->local.port = t->pcb->local_port;
    t->peer = *a;
    tcp_update_locked(t, 0);
    return 0;
}

static enum tcp_phase phase_now(const struct tcp_socket *t)
{
    return __atomic_load_n(&t->phase, __ATOMIC_ACQUIRE);
}

/* How the attempt ended. After a failure the socket is as good as new. */
static int result_locked(struct tcp_socket *t) NEEDS(net_core)
{
    if (t->phase == TCP_OPEN) {
        t->told_connect = true;
        return 0;
    }
    int error = socket_take_error(&t->s);
    tcp_forget_locked(t);
    return error != 0 ? -error : -ECONNABORTED;
}

/* 1: under way. */
static int connect_locked(struct tcp_socket *t, struct inet_address *a) NEEDS(net_core)
{
    switch (t->phase) {
    case TCP_CONNECTING: return -EALREADY;
    case TCP_LISTENING: return -EISCONN;
    case TCP_OPEN: return t->told_connect ? -EISCONN : result_locked(t);
    case TCP_DEAD: return t->told_connect ? -EISCONN : result_locked(t);
    default: break;
    }
    int err = start(t, a);
    return err != 0 ? err : 1;
}

/* AF_UNSPEC: the connection, or the listening, is over. */
static int dissolve(struct tcp_socket *t)
{
    net_lock();
    if (t->phase == TCP_LISTENING) {
        tcp_stop_listening_locked(t);
    }
    tcp_forget_locked(t);
    (void)socket_take_error(&t->s);
    tcp_update_locked(t, 0);
    net_unlock();
    return 0;
}

static int await_result(struct tcp_socket *t)
{
    uint64_t deadline = socket_deadline(&t->s, true);
    int err = wait_until(&t->s.changed, phase_now(t) != TCP_CONNECTING, deadline);
    if (err == -ETIMEDOUT) {
        return -EINPROGRESS;
    }
    if (err != 0) {
        return (int)socket_wait_error(err, deadline);
    }
    net_lock();
    err = result_locked(t);
    net_unlock();
    return err;
}

int tcp_op_connect(struct socket *s, const void *addr, size_t len, bool nonblock)
{
    struct tcp_socket *t = tcp_socket(s);
    struct inet_address a;
    uint16_t family;
    if (len < sizeof(family)) {
        return -EINVAL;
    }
    memcpy(&family, addr, sizeof(family));
    if (family == AF_UNSPEC) {
        return dissolve(t);
    }
    bool v4 = s->family == AF_INET6 && family == AF_INET;
    int err = inetaddr_parse(v4 ? AF_INET : s->family, addr, len, &a);
    if (err != 0 && phase_now(t) == TCP_NEW) {
        return err;
    }
    net_lock();
    err = connect_locked(t, &a);
    net_unlock();
    if (err > 0 || (err == -EALREADY && !nonblock)) {
        return nonblock ? -EINPROGRESS : await_result(t); /* as Linux, also on lo */
    }
    return err;
}
