/* SPDX-License-Identifier: MIT */
/* Connections on their way to accept. Those that wait for data are in the listener's list
 * deferred, the others in accepted; each has the listener's reference. All under net_core.
 * Source: TCP_DEFER_ACCEPT in tcp(7). */
#include "net/tcpdefer.h"

#include <asm/poll.h>

#include "platform/clock.h"

#define DEFERRED_MAX 1024 /* of a listener: before more wait, the first may be accepted */

static void leave(struct tcp_socket *t) NEEDS(net_core)
{
    list_remove(&t->queued);
    t->deferred_by->ndeferred--;
    t->deferred_by = NULL;
}

static void accept_now(struct tcp_socket *l, struct tcp_socket *t) NEEDS(net_core)
{
    list_append(&l->accepted, &t->queued);
    l->naccepted++;
    tcp_update_locked(l, POLLIN | POLLRDNORM);
}

void tcpdefer_end_locked(struct tcp_socket *t)
{
    struct tcp_socket *l = t->deferred_by;
    lock_assert_held(&net_core);
    if (l != NULL) {
        leave(t);
        accept_now(l, t);
    }
}

static struct tcp_socket *first(const struct tcp_socket *l)
{
    return list_entry(l->deferred.next, struct tcp_socket, queued);
}

void tcpdefer_offer_locked(struct tcp_socket *l, struct tcp_socket *t)
{
    uint64_t seconds = l->values.defer_accept;
    lock_assert_held(&net_core);
    if (seconds == 0) {
        accept_now(l, t);
        return;
    }
    if (l->ndeferred == DEFERRED_MAX) {
        tcpdefer_end_locked(first(l));
    }
    t->deferred_by = l;
    t->deferred_until_ns = clock_ns() + seconds * NSEC_PER_SEC;
    list_append(&l->deferred, &t->queued);
    l->ndeferred++;
}

void tcpdefer_end_all_locked(struct tcp_socket *l)
{
    lock_assert_held(&net_core);
    while (!list_empty(&l->deferred)) {
        tcpdefer_end_locked(first(l));
    }
}

void tcpdefer_tick_locked(struct tcp_socket *t)
{
    if (t->deferred_by != NULL && clock_ns() >= t->deferred_until_ns) {
        tcpdefer_end_locked(t);
    }
}

void tcpdefer_drop_locked(struct tcp_socket *t)
{
    lock_assert_held(&net_core);
    if (t->deferred_by != NULL) {
        leave(t);
        tcp_put_locked(t);
    }
}
