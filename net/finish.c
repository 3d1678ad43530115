/* SPDX-License-Identifier: MIT */
/* The end of the machine. A program that has ended leaves what it sent to the kernel, which on
 * Linux sends it on for as long as it takes; here the kernel ends, too, and waits for that. */
#include <lwip/priv/tcp_priv.h>

#include "net/core.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/netpoll.h"
#include "platform/clock.h"
#include "platform/irq.h"

#define SILENCE_NS 3000000000UL /* one retransmission was not acknowledged: nobody is there */
#define PATIENCE_NS 10000000000UL

/* Has any peer still something to get? *progress changes whenever one has got some. */
static bool is_sending(uint32_t *progress)
{
    net_lock();
    bool sending = !netif_is_drained_locked();
    *progress = 0;
    for (const struct tcp_pcb *p = tcp_active_pcbs; p != NULL; p = p->next) {
        bool open = p->state != SYN_SENT && p->state != SYN_RCVD;
        sending = sending || (open && (p->unsent != NULL || p->unacked != NULL));
        *progress += p->lastack;
    }
    net_unlock();
    return sending;
}

void net_finish(void)
{
    uint64_t start = clock_ns();
    uint64_t moved = start;
    uint32_t progress = 0;
    uint32_t before = 0;
    if (!net_has_device()) {
        return;
    }
    while (is_sending(&progress)) {
        uint64_t now = clock_ns();
        moved = progress != before ? now : moved;
        before = progress;
        if (now - moved > SILENCE_NS || now - start > PATIENCE_NS) {
            return;
        }
        netif_flush();
        netpoll_look();
        if (!irq_poll()) {
            __builtin_ia32_pause();
        }
    }
}
