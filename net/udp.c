/* SPDX-License-Identifier: MIT */
/* UDP sockets: names and connections. Source: udp(7), ip(7), ipv6(7), connect(2), bind(2). */
#include "net/udp.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <linux/in.h>

#include "kernel/base/string.h"
#include "net/port.h"

static const struct socket_ops udp_ops;

static void leave(struct dgram_socket *t)
{
    lock_assert_held(&net_core);
    if (t->local.port != 0) {
        udptable_remove_locked(t);
    }
}

int udp_create(int family, int protocol, struct socket **out)
{
    if (protocol != 0 && protocol != IPPROTO_UDP) {
        return -EPROTONOSUPPORT;
    }
    struct dgram_socket *t = dgram_create(&udp_ops, family, SOCK_DGRAM, IPPROTO_UDP);
    if (t == NULL) {
        return -ENOBUFS;
    }
    t->leave = leave;
    *out = &t->s;
    return 0;
}

int udp_autobind_locked(struct dgram_socket *t)
{
    lock_assert_held(&net_core);
    if (t->local.port != 0) {
        return 0;
    }
    struct inet_address any = t->local;
    if (inet_value(&t->inet, INET6_V6ONLY) != 0 && IP_IS_ANY_TYPE_VAL(any.ip)) {
        IP_SET_TYPE_VAL(any.ip, IPADDR_TYPE_V6);
    }
    return udptable_bind_locked(t, &any) == 0 ? 0 : -EAGAIN;
}

static int bind_locked(struct dgram_socket *t, struct inet_address *a) NEEDS(net_core)
{
    if (t->local.port != 0 || t->connected) {
        return -EINVAL;
    }
    int err = inetopt_check_address_locked(&t->s, &t->inet, a);
    if (err != 0) {
        return err;
    }
    if (inet_value(&t->inet, INET6_V6ONLY) != 0 && IP_IS_ANY_TYPE_VAL(a->ip)) {
        IP_SET_TYPE_VAL(a->ip, IPADDR_TYPE_V6);
    }
    bool keeps_port = a->port != 0;
    err = udptable_bind_locked(t, a);
    if (err != 0) {
        return err;
    }
    t->keeps_address = !ip_addr_isany(&a->ip);
    t->keeps_port = keeps_port;
    if (a->scope != 0) {
        __atomic_store_n(&t->inet.device, a->scope, __ATOMIC_RELAXED);
    }
    return 0;
}

static int udp_op_bind(struct socket *s, const void *addr, size_t len)
{
    struct inet_address a;
    int err = inetaddr_parse(s->family, addr, len, &a);
    err = err != 0 ? err : port_allowed(a.port);
    if (err == 0) {
        net_lock();
        err = bind_locked(dgram_socket(s), &a);
        net_unlock();
    }
    return err;
}

static void disconnect_locked(struct dgram_socket *t) NEEDS(net_core)
{
    dgram_forget_peer_locked(t);
    if (!t->keeps_port && t->local.port != 0) {
        udptable_remove_locked(t);
    }
}

static int udp_op_connect(struct socket *s, const void *addr, size_t len, bool nonblock)
{
    struct dgram_socket *t = dgram_socket(s);
    struct inet_address a;
    uint16_t family;
    (void)nonblock;
    if (len < sizeof(family)) {
        return -EINVAL;
    }
    memcpy(&family, addr, sizeof(family));
    net_lock();
    if (family == AF_UNSPEC) {
        disconnect_locked(t);
        net_unlock();
        return 0;
    }
    int err = udp_autobind_locked(t);
    if (err == 0) {
        bool v4 = s->family == AF_INET6 && family == AF_INET;
        err = inetaddr_parse(v4 ? AF_INET : s->family, addr, len, &a);
    }
    err = err != 0 ? err : dgram_connect_locked(t, &a);
    net_unlock();
    return err;
}

static const struct socket_ops udp_ops = {
    .bind = udp_op_bind,
    .connect = udp_op_connect,
    .send = udp_op_send,
    DGRAM_OPS,
};
