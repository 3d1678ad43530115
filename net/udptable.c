/* SPDX-License-Identifier: MIT */
/* UDP ports: a table by local port, and Linux's rules of who may share one and who is preferred.
 * All under net_core. Source: ip(7), udp(7), SO_REUSEADDR and SO_REUSEPORT in socket(7). */
#include "net/udptable.h"

#include <asm/errno.h>
#include <asm/socket.h>
#include <lwip/udp.h>

#include "kernel/base/string.h"
#include "net/multicast.h"
#include "net/port.h"
#include "net/secret.h"

#define BUCKETS 512
#define RANGE (PORT_LAST - PORT_FIRST + 1)

enum { /* what makes a socket the better one, in this order */
       SAME_FAMILY = 1,
       SAME_DEVICE = 2,
       CONNECTED = 4,
       EXACT = 8,
};

static struct list buckets[BUCKETS]; /* [net_core] */

static struct list *bucket(uint16_t port)
{
    struct list *b = &buckets[port % BUCKETS];
    if (b->next == NULL) {
        list_init(b);
    }
    return b;
}

static bool same_device(const struct dgram_socket *a, const struct dgram_socket *b)
{
    return a->inet.device == 0 || b->inet.device == 0 || a->inet.device == b->inet.device;
}

static bool both(const struct dgram_socket *a, const struct dgram_socket *b, int option)
{
    return socket_flag(&a->s, option) && socket_flag(&b->s, option);
}

/* lwIP has it, for DHCP. */
static bool lwip_has(uint16_t port)
{
    for (const struct udp_pcb *p = udp_pcbs; p != NULL; p = p->next) {
        if (p->local_port == port) {
            return true;
        }
    }
    return false;
}

/* strict: nobody at all may have the port, as for one that is chosen. */
static bool in_use(const struct dgram_socket *t, const ip_addr_t *ip, uint16_t port, bool strict)
    NEEDS(net_core)
{
    struct list *node;
    list_for_each (node, bucket(port)) {
        const struct dgram_socket *o = list_entry(node, struct dgram_socket, hashed);
        if (o == t || o->local.port != port || !inetaddr_overlap(&o->local.ip, ip)) {
            continue;
        }
        bool shared = both(t, o, SO_REUSEADDR) || both(t, o, SO_REUSEPORT) || !same_device(t, o);
        if (strict || !shared) {
            return true;
        }
    }
    return lwip_has(port);
}

static uint16_t choose(const struct dgram_socket *t, const ip_addr_t *ip) NEEDS(net_core)
{
    unsigned start = net_random32() % RANGE;
    for (unsigned i = 0; i < RANGE; i++) {
        uint16_t port = (uint16_t)(PORT_FIRST + (start + i) % RANGE);
        if (!in_use(t, ip, port, true)) {
            return port;
        }
    }
    return 0;
}

int udptable_bind_locked(struct dgram_socket *t, const struct inet_address *a)
{
    lock_assert_held(&net_core);
    uint16_t port = a->port != 0 ? a->port : choose(t, &a->ip);
    if (port == 0 || (a->port != 0 && in_use(t, &a->ip, port, false))) {
        return -EADDRINUSE;
    }
    t->local = *a;
    t->local.port = port;
    t->sharing = socket_flag(&t->s, SO_REUSEPORT);
    if (t->sharing && t->s.family == AF_INET6) {
        list_append(bucket(port), &t->hashed);
    } else {
        list_push(bucket(port), &t->hashed);
    }
    return 0;
}

void udptable_remove_locked(struct dgram_socket *t)
{
    lock_assert_held(&net_core);
    list_remove(&t->hashed);
    t->local.port = 0;
}

static bool takes(const struct dgram_socket *t, const struct udp_key *k)
{
    unsigned device = t->inet.device;
    if (t->local.port != k->to_port || !inetaddr_covers(&t->local.ip, k->to) ||
        (device != 0 && device != k->device)) {
        return false;
    }
    return !t->connected ||
           (ip_addr_cmp(&t->peer.ip, k->from) && (t->peer.port == k->from_port || !t->peer.port));
}

static int score(const struct dgram_socket *t, const struct udp_key *k)
{
    if (!takes(t, k)) {
        return -1;
    }
    return (ip_addr_isany(&t->local.ip) ? 0 : EXACT) + (t->connected ? CONNECTED : 0) +
           (t->inet.device != 0 ? SAME_DEVICE : 0) +
           (IP_IS_V4_VAL(*k->to) == (t->s.family == AF_INET) ? SAME_FAMILY : 0);
}

/* One of the sockets that share best's address and port, always the same for the same peer. */
static struct dgram_socket *choose_sharer(struct dgram_socket *best, int points,
                                          const struct udp_key *k) NEEDS(net_core)
{
    unsigned n = 0;
    struct list *node;
    struct {
        ip_addr_t from, to;
        uint16_t from_port, to_port;
    } whole;
    memset(&whole, 0, sizeof(whole));
    whole.from = *k->from;
    whole.to = *k->to;
    whole.from_port = k->from_port;
    whole.to_port = k->to_port;
    list_for_each (node, bucket(k->to_port)) {
        const struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        n += t->sharing && score(t, k) == points;
    }
    unsigned pick = (unsigned)((secret_hash(&whole, sizeof(whole)) >> 32) * n >> 32);
    list_for_each (node, bucket(k->to_port)) {
        struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        if (t->sharing && score(t, k) == points && pick-- == 0) {
            return t;
        }
    }
    return best;
}

struct dgram_socket *udptable_find_locked(const struct udp_key *k)
{
    struct dgram_socket *best = NULL;
    int most = -1;
    struct list *node;
    lock_assert_held(&net_core);
    list_for_each (node, bucket(k->to_port)) {
        struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        int points = score(t, k);
        if (points > most) {
            most = points;
            best = t;
        }
    }
    bool sharing = best != NULL && best->sharing && !best->connected;
    return sharing ? choose_sharer(best, most, k) : best;
}

void udptable_deliver_many_locked(const struct udp_key *k, const struct datagram *d)
{
    struct list *node;
    lock_assert_held(&net_core);
    list_for_each (node, bucket(k->to_port)) {
        struct dgram_socket *t = list_entry(node, struct dgram_socket, hashed);
        bool wanted = takes(t, k) &&
                      (!ip_addr_ismulticast(k->to) || multicast_wanted_locked(t, k->to, k->device));
        struct datagram *copy = wanted ? datagram_copy(d) : NULL;
        if (copy != NULL) {
            dgram_receive_locked(t, copy);
        }
    }
}

void udptable_each_locked(void (*visit)(const struct dgram_socket *t, void *arg), void *arg)
{
    struct list *node;
    lock_assert_held(&net_core);
    for (unsigned i = 0; i < BUCKETS; i++) {
        if (buckets[i].next == NULL) {
            continue;
        }
        list_for_each (node, &buckets[i]) {
            visit(list_entry(node, struct dgram_socket, hashed), arg);
        }
    }
}
