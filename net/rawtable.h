/* SPDX-License-Identifier: MIT */
/* Raw and ping sockets, and which of them gets a packet. */
#ifndef NET_RAWTABLE_H
#define NET_RAWTABLE_H

#include "net/dgram.h"

/* rawtable_add: t gets packets of its protocol from now on; 0 or -ENOMEM. rawtable_remove: no more.
 */
MUST_CHECK int rawtable_add_locked(struct dgram_socket *t) NEEDS(net_core);
void rawtable_remove_locked(struct dgram_socket *t) NEEDS(net_core);

/* rawtable_deliver: the packet that lwIP looks at, p from its IP header on, to all who want
 * it. p stays the caller's. */
void rawtable_deliver_locked(struct pbuf *p, unsigned protocol) NEEDS(net_core);

/* rawtable_fail: a packet of this protocol that local has sent to e->to has met with e;
 * data[e->len] is what it carried, as far as it is known. */
void rawtable_fail_locked(unsigned protocol, const ip_addr_t *local, const struct dgram_error *e,
                          const uint8_t *data, bool fatal) NEEDS(net_core);

/* rawtable_has_echo: a ping socket of family has this identifier. */
bool rawtable_has_echo_locked(int family, uint16_t id) NEEDS(net_core);

/* rawtable_each: call visit for every raw socket. */
void rawtable_each_locked(void (*visit)(const struct dgram_socket *t, void *arg), void *arg)
    NEEDS(net_core);

#endif
