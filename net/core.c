/* SPDX-License-Identifier: MIT */
/* The lock of lwIP and the small functions that its port asks for (net/lwip/lwipopts.h). */
#include "net/core.h"

#include <lwip/init.h>
#include <lwip/sys.h>

#include "kernel/heap.h"
#include "kernel/random.h"
#include "net/inetinput.h"
#include "net/loopback.h"
#include "net/net.h"
#include "net/netif.h"
#include "net/secret.h"
#include "net/tcplimit.h"
#include "net/tick.h"
#include "platform/clock.h"

#define NSEC_PER_MSEC 1000000UL
#define RANDOM_STOCK 64

struct spinlock net_core;

static uint32_t stock[RANDOM_STOCK]; /* [net_core] */
static unsigned left; /* [net_core] */

void net_lock(void)
{
    spin_lock(&net_core);
}

void net_unlock(void)
{
    loopback_deliver_locked();
    bool notify = netif_flush_locked();
    spin_unlock(&net_core);
    if (notify) {
        netif_notify();
    }
}

void net_start(void)
{
    address_start();
    tick_start();
    secret_start();
    net_lock();
    lwip_init();
    tcp_limit_start_locked();
    loopback_start_locked();
    inetinput_start_locked();
    net_unlock();
}

uint32_t net_random32(void)
{
    lock_assert_held(&net_core);
    if (left == 0) {
        random_bytes(stock, sizeof(stock));
        left = RANDOM_STOCK;
    }
    uint32_t value = stock[--left];
    stock[left] = 0; /* nobody reads it here again */
    return value;
}

uint32_t sys_now(void)
{
    return (uint32_t)(clock_ns() / NSEC_PER_MSEC);
}

void *net_calloc(size_t n, size_t len)
{
    size_t total;
    return mul_ok(n, len, &total) ? heap_zalloc(total) : NULL;
}
