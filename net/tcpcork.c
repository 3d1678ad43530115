/* SPDX-License-Identifier: MIT */
/* The ceiling of TCP_CORK: what waits for more is sent after 200 ms. All under net_core. Source:
 * tcp(7). */
#include "net/tcpcork.h"

#include "kernel/timer.h"
#include "platform/clock.h"

#define CEILING_NS 200000000UL

static struct list held = LIST_INIT(held); /* [net_core] tcp_socket.corked, longest waiting first */
static struct timer timer; /* [net_core] */
static bool ready; /* [net_core] */

static void fire(struct timer *unused)
{
    (void)unused;
    net_lock();
    uint64_t now = clock_ns();
    while (!list_empty(&held)) {
        struct tcp_socket *t = list_entry(held.next, struct tcp_socket, corked);
        if (t->corked_until_ns > now) {
            timer_set(&timer, t->corked_until_ns);
            break;
        }
        tcpcork_release_locked(t);
        t->pour = true;
        tcp_push_locked(t);
        t->pour = false;
    }
    net_unlock();
}

void tcpcork_hold_locked(struct tcp_socket *t)
{
    lock_assert_held(&net_core);
    if (!list_empty(&t->corked)) {
        return;
    }
    t->corked_until_ns = clock_ns() + CEILING_NS;
    if (!ready) {
        timer_init(&timer, fire);
        ready = true;
    }
    if (list_empty(&held)) {
        timer_set(&timer, t->corked_until_ns);
    }
    list_append(&held, &t->corked);
}

void tcpcork_release_locked(struct tcp_socket *t)
{
    lock_assert_held(&net_core);
    list_remove(&t->corked);
}
