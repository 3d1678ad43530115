/* SPDX-License-Identifier: MIT */
/* AF_NETLINK: questions to the kernel, answered at once into the asker's own queue. Nobody sends to
 * groups, so members of them wait in vain, as on a machine where nothing changes. Locks: names over
 * ports, socket.lock over queues. Source: netlink(7). */
#include "net/netlink.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <asm/socket.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include "kernel/base/list.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "net/net.h"
#include "net/rtnetlink.h"

#define SOL_NETLINK 270
#define REQUEST_MAX 65536 /* bytes of one call */
#define OPTIONS 32

/* What one recv gets. */
struct parcel {
    struct list link;
    char *data; /* heap */
    size_t len;
};

struct netlink_socket {
    struct socket s;
    struct list named; /* [names] */
    uint32_t port; /* [names] 0: none yet */
    uint32_t groups; /* [A] */
    uint32_t options; /* [A] bit by NETLINK_* */
    struct list parcels; /* [s.lock] */
    size_t bytes; /* [s.lock] in them */
};

static struct spinlock names;
static struct list all = LIST_INIT(all); /* [names] those that have a port */
static const struct socket_ops netlink_ops;

static struct netlink_socket *netlink_socket(struct socket *s)
{
    return container_of(s, struct netlink_socket, s);
}

static int create(int type, int protocol, struct socket **out)
{
    if (type != SOCK_RAW && type != SOCK_DGRAM) {
        return -ESOCKTNOSUPPORT;
    }
    if (protocol != NETLINK_ROUTE && protocol != NETLINK_KOBJECT_UEVENT) {
        return -EPROTONOSUPPORT;
    }
    net_need_device();
    struct netlink_socket *n = heap_zalloc(sizeof(*n));
    if (n == NULL) {
        return -ENOMEM;
    }
    socket_init(&n->s, &netlink_ops, AF_NETLINK, type);
    n->s.protocol = protocol;
    list_init(&n->named);
    list_init(&n->parcels);
    *out = &n->s;
    return 0;
}

static bool has_port(int protocol, uint32_t port) NEEDS(names)
{
    struct list *node;
    list_for_each (node, &all) {
        const struct netlink_socket *n = list_entry(node, struct netlink_socket, named);
        if (n->port == port && n->s.protocol == protocol) {
            return true;
        }
    }
    return false;
}

/* port 0: the process's id, or what no process has. */
static int take_port(struct netlink_socket *n, uint32_t port)
{
    int err = 0;
    spin_lock(&names);
    if (n->port == 0) {
        uint32_t other = UINT32_MAX - 4096;
        bool any = port == 0;
        port = any ? PROCESS_PID : port;
        while (any && has_port(n->s.protocol, port)) {
            port = other--;
        }
        err = has_port(n->s.protocol, port) ? -EADDRINUSE : 0;
        if (err == 0) {
            n->port = port;
            list_append(&all, &n->named);
        }
    } else if (port != 0 && port != n->port) {
        err = -EINVAL;
    }
    spin_unlock(&names);
    return err;
}

static int check(const void *addr, size_t len, struct sockaddr_nl *out)
{
    if (len < sizeof(*out)) {
        return -EINVAL;
    }
    memcpy(out, addr, sizeof(*out));
    return out->nl_family == AF_NETLINK ? 0 : -EINVAL;
}

static int netlink_bind(struct socket *s, const void *addr, size_t len)
{
    struct sockaddr_nl a;
    struct netlink_socket *n = netlink_socket(s);
    int err = check(addr, len, &a);
    err = err != 0 ? err : take_port(n, a.nl_pid);
    if (err == 0) {
        __atomic_store_n(&n->groups, a.nl_groups, __ATOMIC_RELAXED);
    }
    return err;
}

static int netlink_connect(struct socket *s, const void *addr, size_t len, bool nonblock)
{
    struct sockaddr_nl a;
    uint16_t family;
    (void)nonblock;
    if (len < sizeof(family)) {
        return -EINVAL;
    }
    memcpy(&family, addr, sizeof(family));
    if (family == AF_UNSPEC) {
        return 0;
    }
    int err = check(addr, len, &a);
    if (err == 0 && a.nl_pid != 0) {
        err = -ECONNREFUSED; /* only the kernel is there */
    }
    return err != 0 ? err : take_port(netlink_socket(s), 0);
}

static void queue(struct netlink_socket *n, struct nl_text *t)
{
    struct parcel *p = t->failed || t->len == 0 ? NULL : heap_alloc(sizeof(*p));
    if (p == NULL) {
        if (t->failed || t->len != 0) {
            socket_set_error(&n->s, ENOBUFS);
        }
        heap_free(t->buf);
        return;
    }
    p->data = t->buf;
    p->len = t->len;
    spin_lock(&n->s.lock);
    bool full = n->bytes > n->s.options.receive_buffer;
    if (!full) {
        list_append(&n->parcels, &p->link);
        n->bytes += p->len;
    }
    spin_unlock(&n->s.lock);
    if (full) {
        heap_free(p->data);
        heap_free(p);
        socket_set_error(&n->s, ENOBUFS);
    } else {
        (void)wait_wake_events(&n->s.changed, WAIT_ALL, POLLIN | POLLRDNORM);
    }
}

static void queue_end(struct netlink_socket *n, const struct nlmsghdr *h)
{
    struct nl_text t = {.seq = h->nlmsg_seq, .port = n->port};
    int none = 0;
    nl_begin(&t, NLMSG_DONE, NLM_F_MULTI, &none, sizeof(none));
    nl_end(&t);
    queue(n, &t);
}

/* error 0: an acknowledgement. */
static void queue_error(struct netlink_socket *n, const struct nlmsghdr *h, int error)
{
    struct nl_text t = {.seq = h->nlmsg_seq, .port = n->port};
    bool brief = (n->options >> NETLINK_CAP_ACK & 1) != 0 || error == 0;
    size_t quoted = brief ? sizeof(*h) : h->nlmsg_len;
    char *what = heap_alloc(sizeof(error) + quoted);
    if (what == NULL) {
        socket_set_error(&n->s, ENOBUFS);
        return;
    }
    memcpy(what, &error, sizeof(error));
    memcpy(what + sizeof(error), h, quoted);
    nl_begin(&t, NLMSG_ERROR, brief ? NLM_F_CAPPED : 0, what, sizeof(error) + quoted);
    nl_end(&t);
    heap_free(what);
    queue(n, &t);
}

static void answer(struct netlink_socket *n, const struct nlmsghdr *h)
{
    struct nl_text t = {.seq = h->nlmsg_seq, .port = n->port};
    bool dump = false;
    int err = 0;
    if ((h->nlmsg_flags & NLM_F_REQUEST) == 0) {
        return;
    }
    if (h->nlmsg_type >= NLMSG_MIN_TYPE) {
        err = n->s.protocol == NETLINK_ROUTE ? rtnetlink_answer(h, &t, &dump) : -EOPNOTSUPP;
    }
    if (err != 0) {
        heap_free(t.buf);
        queue_error(n, h, err);
        return;
    }
    queue(n, &t);
    if (dump) {
        queue_end(n, h);
    } else if ((h->nlmsg_flags & NLM_F_ACK) != 0) {
        queue_error(n, h, 0);
    }
}

static void answer_all(struct netlink_socket *n, const char *data, size_t len)
{
    while (len >= NLMSG_HDRLEN) {
        const struct nlmsghdr *h = (const void *)data;
        if (h->nlmsg_len < NLMSG_HDRLEN || h->nlmsg_len > len) {
            return;
        }
        answer(n, h);
        size_t step = min((size_t)NLMSG_ALIGN(h->nlmsg_len), len);
        data += step;
        len -= step;
    }
}

static long netlink_send(struct socket *s, struct message *m)
{
    struct netlink_socket *n = netlink_socket(s);
    struct sockaddr_nl a = {.nl_pid = 0};
    size_t len = iov_left(m->it);
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    int err = m->addrlen != 0 ? check(m->addr, m->addrlen, &a) : 0;
    err = err != 0 ? err : take_port(n, 0);
    if (err != 0) {
        return err;
    }
    if (a.nl_pid != 0 && a.nl_pid != n->port) {
        return -ECONNREFUSED;
    }
    if (len > REQUEST_MAX) {
        return -EMSGSIZE;
    }
    char *data = heap_alloc(len + 1);
    if (data == NULL) {
        return -ENOBUFS;
    }
    bool whole = len == 0 || iov_copy_from(m->it, data, len) == (long)len;
    if (whole) {
        answer_all(n, data, len);
    }
    heap_free(data);
    return whole ? (long)len : -EFAULT;
}

/* The next parcel, taken off: the caller's. */
static struct parcel *take(struct netlink_socket *n)
{
    spin_lock(&n->s.lock);
    struct list *node = list_pop(&n->parcels);
    struct parcel *p = node != NULL ? list_entry(node, struct parcel, link) : NULL;
    n->bytes -= p != NULL ? p->len : 0;
    spin_unlock(&n->s.lock);
    return p;
}

static void put_back(struct netlink_socket *n, struct parcel *p)
{
    spin_lock(&n->s.lock);
    list_push(&n->parcels, &p->link);
    n->bytes += p->len;
    spin_unlock(&n->s.lock);
    (void)wait_wake_events(&n->s.changed, WAIT_ALL, POLLIN | POLLRDNORM); /* who missed it waits */
}

static unsigned netlink_poll(struct socket *s)
{
    struct netlink_socket *n = netlink_socket(s);
    unsigned bits = POLLOUT | POLLWRNORM | POLLWRBAND;
    spin_lock(&s->lock);
    bits |= list_empty(&n->parcels) ? 0 : POLLIN | POLLRDNORM;
    bits |= s->error != 0 ? POLLERR : 0;
    spin_unlock(&s->lock);
    return bits;
}

static long await(struct netlink_socket *n, unsigned flags, struct parcel **out)
{
    uint64_t deadline = socket_deadline(&n->s, false);
    for (;;) {
        int error = socket_take_error(&n->s);
        *out = error == 0 ? take(n) : NULL;
        if (error != 0 || *out != NULL) {
            return -error;
        }
        if ((flags & MSG_DONTWAIT) != 0) {
            return -EAGAIN;
        }
        int err =
            wait_until(&n->s.changed, (netlink_poll(&n->s) & (POLLIN | POLLERR)) != 0, deadline);
        if (err != 0) {
            return socket_wait_error(err, deadline);
        }
    }
}

static long netlink_recv(struct socket *s, struct message *m)
{
    struct netlink_socket *n = netlink_socket(s);
    struct sockaddr_nl from = {.nl_family = AF_NETLINK};
    struct parcel *p;
    if ((m->flags & MSG_OOB) != 0) {
        return -EOPNOTSUPP;
    }
    long result = await(n, m->flags, &p);
    if (result != 0 || p == NULL) {
        return result;
    }
    size_t want = min(p->len, iov_left(m->it));
    result = want != 0 ? iov_copy_to(m->it, p->data, want) : 0;
    result = result >= 0 && (size_t)result < want ? -EFAULT : result;
    m->out_flags |= want < p->len ? MSG_TRUNC : 0;
    if (result >= 0 && (m->flags & MSG_TRUNC) != 0) {
        result = (long)p->len;
    }
    if (result >= 0 && m->addr != NULL) {
        memcpy(m->addr, &from, m->addrlen = sizeof(from));
    }
    if (result >= 0 && socket_flag(s, SO_PASSCRED)) {
        struct user_ucred kernel = {0, 0, 0};
        message_put(m, SOL_SOCKET, SCM_CREDENTIALS, &kernel, sizeof(kernel));
    }
    if ((m->flags & MSG_PEEK) != 0) {
        put_back(n, p);
    } else {
        heap_free(p->data);
        heap_free(p);
    }
    return result;
}

static long netlink_queued(struct socket *s, bool out)
{
    struct netlink_socket *n = netlink_socket(s);
    spin_lock(&s->lock);
    bool none = out || list_empty(&n->parcels);
    long len = none ? 0 : (long)list_entry(n->parcels.next, struct parcel, link)->len;
    spin_unlock(&s->lock);
    return len;
}

static int netlink_name(struct socket *s, enum socket_name which, void *out, size_t *len)
{
    struct netlink_socket *n = netlink_socket(s);
    struct sockaddr_nl a = {.nl_family = AF_NETLINK};
    if (which == SOCKET_SELF) {
        a.nl_pid = n->port;
        a.nl_groups = n->groups;
    }
    memcpy(out, &a, *len = sizeof(a));
    return 0;
}

static int netlink_get_option(struct socket *s, int level, int option, void *value, size_t *len)
{
    struct netlink_socket *n = netlink_socket(s);
    if (level != SOL_NETLINK) {
        return -ENOPROTOOPT;
    }
    if (option <= 0 || option >= OPTIONS) {
        return -ENOPROTOOPT;
    }
    uint32_t number = option == NETLINK_LIST_MEMBERSHIPS ? n->groups : n->options >> option & 1;
    return socket_put_value(value, len, &number, sizeof(number));
}

static void set_bits(uint32_t *word, uint32_t bits, bool on)
{
    if (on) {
        __atomic_fetch_or(word, bits, __ATOMIC_RELAXED);
    } else {
        __atomic_fetch_and(word, ~bits, __ATOMIC_RELAXED);
    }
}

static int netlink_set_option(struct socket *s, int level, int option, const void *value,
                              size_t len)
{
    struct netlink_socket *n = netlink_socket(s);
    uint32_t number = 0;
    if (level != SOL_NETLINK) {
        return -ENOPROTOOPT;
    }
    if (len < sizeof(number)) {
        return -EINVAL;
    }
    memcpy(&number, value, sizeof(number));
    if (option == NETLINK_ADD_MEMBERSHIP || option == NETLINK_DROP_MEMBERSHIP) {
        if (number == 0 || number > RTNLGRP_MAX) {
            return -EINVAL;
        }
        uint32_t bit = number <= 32 ? 1U << (number - 1) : 0;
        set_bits(&n->groups, bit, option == NETLINK_ADD_MEMBERSHIP);
        return 0;
    }
    if (option <= 0 || option > NETLINK_GET_STRICT_CHK) {
        return -ENOPROTOOPT;
    }
    set_bits(&n->options, 1U << option, number != 0);
    return 0;
}

static void netlink_release(struct socket *s)
{
    struct netlink_socket *n = netlink_socket(s);
    struct parcel *p;
    spin_lock(&names);
    list_remove(&n->named);
    spin_unlock(&names);
    while ((p = take(n)) != NULL) {
        heap_free(p->data);
        heap_free(p);
    }
    heap_free(n);
}

static const struct socket_ops netlink_ops = {
    .bind = netlink_bind,
    .connect = netlink_connect,
    .send = netlink_send,
    .recv = netlink_recv,
    .poll = netlink_poll,
    .queued = netlink_queued,
    .name = netlink_name,
    .get_option = netlink_get_option,
    .set_option = netlink_set_option,
    .release = netlink_release,
};

const struct socket_family netlink_family = {.family = AF_NETLINK, .create = create};
