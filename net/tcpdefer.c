/* SPDX-License-Identifier: MIT */
/* See tcpdefer.h. Source: tcp(7). */
#include "net/tcpdefer.h"

#include <asm/poll.h>

#include "platform/clock.h"

#define TICKS 2 /* of lwIP's slow timer: a second */

void tcpdefer_add_locked(struct tcp_socket *l, struct tcp_socket *t)
{
    t->deferred_by = l;
    t->deferred_until_ns = clock_ns() + l->values.defer_accept * NSEC_PER_SEC;
    list_append(&l->deferred, &t->queued);
    t->pcb->pollinterval = TICKS;
}

void tcpdefer_end_locked(struct tcp_socket *t)
{
    struct tcp_socket *l = t->deferred_by;
    if (l == NULL) {
        return;
    }
    t->deferred_by = NULL;
    list_remove(&t->queued);
    list_append(&l->accepted, &t->queued);
    tcp_update_locked(l, POLLIN | POLLRDNORM);
}

void tcpdefer_tick_locked(struct tcp_socket *t)
{
    if (t->deferred_by != NULL && clock_ns() >= t->deferred_until_ns) {
        tcpdefer_end_locked(t);
    }
}

void tcpdefer_drop_locked(struct tcp_socket *t)
{
    if (t->deferred_by != NULL) {
        t->deferred_by->naccepted--;
        t->deferred_by = NULL;
        list_remove(&t->queued);
        tcp_put_locked(t);
    }
}
