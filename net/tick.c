/* SPDX-License-Identifier: MIT */
/* The clock ticks of lwIP's protocols, in place of its own timers: every 50 ms while TCP waits for
 * something, every second otherwise, and what was left out is made up for. A tick costs a monitor
 * call, so none comes that nobody needs. */
#include "net/tick.h"

#include <lwip/dhcp.h>
#include <lwip/etharp.h>
#include <lwip/igmp.h>
#include <lwip/ip4_frag.h>
#include <lwip/ip6_frag.h>
#include <lwip/mld6.h>
#include <lwip/nd6.h>
#include <lwip/priv/tcp_priv.h>
#include <lwip/sys.h>
#include <lwip/timeouts.h>

#include "kernel/timer.h"
#include "net/tcplimit.h"
#include "platform/clock.h"

#define NSEC_PER_MSEC 1000000UL
#define UNIT_MS TCP_TMR_INTERVAL
#define FAST_NS (UNIT_MS * NSEC_PER_MSEC)
#define SLOW_NS NSEC_PER_SEC
#define CATCH_UP_MAX 1200 /* units: a minute; a machine that was stopped longer has lost time */

struct cycle {
    unsigned units; /* between two runs */
    void (*run)(void);
};

/* All but TCP's. Source: the intervals of lwIP's headers. */
static const struct cycle cycles[] = {
    {IP_TMR_INTERVAL / UNIT_MS, ip_reass_tmr},
    {ARP_TMR_INTERVAL / UNIT_MS, etharp_tmr},
    {DHCP_COARSE_TIMER_MSECS / UNIT_MS, dhcp_coarse_tmr},
    {DHCP_FINE_TIMER_MSECS / UNIT_MS, dhcp_fine_tmr},
    {IGMP_TMR_INTERVAL / UNIT_MS, igmp_tmr},
    {ND6_TMR_INTERVAL / UNIT_MS, nd6_tmr},
    {IP6_REASS_TMR_INTERVAL / UNIT_MS, ip6_reass_tmr},
    {MLD6_TMR_INTERVAL / UNIT_MS, mld6_tmr},
};

static struct timer timer; /* [net_core] */
static bool fast; /* [net_core] it is set to the next unit */
static uint64_t done_ns; /* [net_core] units up to here have been run */
static uint64_t unit; /* [net_core] their number */

/* TCP may have to do something in the next unit: acknowledge, retransmit, probe, give up. */
static bool tcp_busy(void)
{
    for (const struct tcp_pcb *p = tcp_active_pcbs; p != NULL; p = p->next) {
        if (p->state != ESTABLISHED || p->unacked != NULL || p->unsent != NULL ||
            p->refused_data != NULL || p->ooseq != NULL || (p->flags & TF_ACK_DELAY) != 0 ||
            p->persist_backoff != 0) {
            return true;
        }
    }
    return false;
}

static void run_unit(void) NEEDS(net_core)
{
    unit++;
    if (tcp_active_pcbs != NULL || tcp_tw_pcbs != NULL) {
        tcp_tmr();
        tcp_limit_time_wait_locked();
    }
    for (unsigned i = 0; i < ARRAY_LEN(cycles); i++) {
        if (unit % cycles[i].units == 0) {
            cycles[i].run();
        }
    }
}

static void arm(uint64_t now) NEEDS(net_core)
{
    fast = tcp_busy();
    timer_set(&timer, fast ? done_ns + FAST_NS : max(done_ns + SLOW_NS, now + FAST_NS));
}

static void fire(struct timer *t)
{
    (void)t;
    net_lock();
    uint64_t now = clock_ns();
    if (now - done_ns > CATCH_UP_MAX * FAST_NS) {
        done_ns = now - CATCH_UP_MAX * FAST_NS;
    }
    for (; done_ns + FAST_NS <= now; done_ns += FAST_NS) {
        run_unit();
    }
    arm(now);
    net_unlock();
}

void tick_soon_locked(void)
{
    if (!fast) {
        fast = true;
        timer_set(&timer, clock_ns() + FAST_NS);
    }
}

void tick_start(void)
{
    timer_init(&timer, fire);
}

/* lwIP's names. */
void sys_timeouts_init(void)
{
    lock_assert_held(&net_core);
    done_ns = clock_ns();
    arm(done_ns);
}

void tcp_timer_needed(void)
{
    lock_assert_held(&net_core);
    tick_soon_locked();
}
