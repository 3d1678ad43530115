/* SPDX-License-Identifier: MIT */
/* Port numbers that nobody asked for: a random one, and from there the next that is free. Source:
 * ip(7), RFC 6056 (algorithm 1). */
#include "net/port.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/udp.h>

#include "kernel/process.h"

#define RANGE (PORT_LAST - PORT_FIRST + 1)
#define PRIVILEGED 1024

static bool same_peer(const struct tcp_pcb *pcb, const ip_addr_t *peer, uint16_t peer_port)
{
    return peer == NULL || (pcb->remote_port == peer_port && ip_addr_cmp(&pcb->remote_ip, peer));
}

static bool tcp_list_has(const struct tcp_pcb *list, uint16_t port, const ip_addr_t *peer,
                         uint16_t peer_port)
{
    for (const struct tcp_pcb *p = list; p != NULL; p = p->next) {
        if (p->local_port == port && same_peer(p, peer, peer_port)) {
            return true;
        }
    }
    return false;
}

static bool tcp_has(uint16_t port, const ip_addr_t *peer, uint16_t peer_port)
{
    for (const struct tcp_pcb_listen *l = tcp_listen_pcbs.listen_pcbs; l != NULL; l = l->next) {
        if (l->local_port == port) {
            return true;
        }
    }
    return tcp_list_has(tcp_bound_pcbs, port, NULL, 0) ||
           tcp_list_has(tcp_active_pcbs, port, peer, peer_port) ||
           tcp_list_has(tcp_tw_pcbs, port, peer, peer_port);
}

static bool udp_has(uint16_t port)
{
    for (const struct udp_pcb *p = udp_pcbs; p != NULL; p = p->next) {
        if (p->local_port == port) {
            return true;
        }
    }
    return false;
}

uint16_t port_choose_locked(enum port_space space, const ip_addr_t *peer, uint16_t peer_port)
{
    unsigned start = net_random32() % RANGE;
    for (unsigned i = 0; i < RANGE; i++) {
        uint16_t port = (uint16_t)(PORT_FIRST + (start + i) % RANGE);
        if (space == PORT_TCP ? !tcp_has(port, peer, peer_port) : !udp_has(port)) {
            return port;
        }
    }
    return 0;
}

int port_allowed(uint16_t port)
{
    return port == 0 || port >= PRIVILEGED || process_capable(CAP_NET_BIND_SERVICE) ? 0 : -EACCES;
}
