/* SPDX-License-Identifier: MIT */
/* Interrupt lines: the pending word of the CPU's trap page, and who handles which bit.
 * The table is written at boot and by drivers before their line is unmasked; read without a lock.
 * Source: platform/monitor/abi.h. */
#include "platform/irq.h"

#include <asm/errno.h>

#include "platform/cpu.h"
#include "platform/moncall.h"

#define MAX_HANDLERS 32
#define MONITOR_BITS 0xffffffffUL

struct handler {
    unsigned gsi;
    void (*fn)(void *arg);
    void *arg;
};

static struct handler handlers[MAX_HANDLERS];
static unsigned nhandlers;
static void (*timer_handler)(void);
static void (*ipi_handler)(void);

int irq_register(unsigned gsi, void (*handler)(void *arg), void *arg)
{
    if (gsi >= MAX_GSI) {
        return -EINVAL;
    }
    if (nhandlers == MAX_HANDLERS) {
        return -ENOSPC;
    }
    handlers[nhandlers++] = (struct handler){gsi, handler, arg};
    long err = moncall(MON_IRQ_ROUTE, gsi, 0, 0);
    return (int)(err != 0 ? err : moncall(MON_IRQ_MASK, gsi, 0, 0));
}

void irq_set_timer(void (*handler)(void))
{
    timer_handler = handler;
}

void irq_set_ipi(void (*handler)(void))
{
    ipi_handler = handler;
}

bool irq_poll(void)
{
    uint64_t *pending = &cpu_this()->trap.pending;
    if ((__atomic_load_n(pending, __ATOMIC_RELAXED) & MONITOR_BITS) == 0) {
        return false;
    }
    /* acquire: what the device wrote before its interrupt is visible to the handler */
    uint64_t bits = __atomic_fetch_and(pending, ~MONITOR_BITS, __ATOMIC_ACQUIRE);
    if ((bits >> PENDING_TIMER & 1) != 0 && timer_handler != NULL) {
        timer_handler();
    }
    if ((bits >> PENDING_IPI & 1) != 0 && ipi_handler != NULL) {
        ipi_handler();
    }
    for (unsigned i = 0; i < nhandlers; i++) {
        if ((bits >> (PENDING_GSI0 + handlers[i].gsi) & 1) != 0) {
            handlers[i].fn(handlers[i].arg);
        }
    }
    return true;
}
