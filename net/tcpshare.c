/* SPDX-License-Identifier: MIT */
/* Listeners that share an address and port by SO_REUSEPORT: lwIP knows the first of them only.
 * Source: SO_REUSEPORT in socket(7). */
#include "net/tcpshare.h"

#include <lwip/priv/tcp_priv.h>

#include "kernel/base/string.h"
#include "net/secret.h"
#include "net/tcp.h"

static bool shares(const struct tcp_pcb_listen *l, const struct tcp_pcb_listen *other)
{
    return l->local_port == other->local_port && ip_get_option(other, TCP_SOF_REUSEPORT) &&
           ip_addr_cmp(&l->local_ip, &other->local_ip);
}

struct tcp_socket *tcpshare_choose_locked(const struct tcp_pcb_listen *l, const ip_addr_t *peer,
                                          uint16_t port)
{
    struct {
        ip_addr_t peer;
        uint16_t port;
    } whole;
    unsigned n = 0;
    lock_assert_held(&net_core);
    if (!ip_get_option(l, TCP_SOF_REUSEPORT)) {
        return l->callback_arg;
    }
    memset(&whole, 0, sizeof(whole));
    whole.peer = *peer;
    whole.port = port;
    for (const struct tcp_pcb_listen *o = tcp_listen_pcbs.listen_pcbs; o != NULL; o = o->next) {
        n += shares(l, o);
    }
    unsigned pick = (unsigned)((secret_hash(&whole, sizeof(whole)) >> 32) * n >> 32);
    for (const struct tcp_pcb_listen *o = tcp_listen_pcbs.listen_pcbs; o != NULL; o = o->next) {
        if (shares(l, o) && pick-- == 0) {
            return o->callback_arg;
        }
    }
    return l->callback_arg;
}
