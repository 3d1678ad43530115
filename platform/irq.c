/* SPDX-License-Identifier: MIT */
/* Interrupt lines: the pending word of the CPU's trap page, and who handles which bit.
 * The table is written by drivers before their line is unmasked; read without a lock.
 * Source: platform/monitor/abi.h. */
#include "platform/irq.h"

#include <asm/errno.h>

#include "kernel/base/lock.h"
#include "platform/cpu.h"
#include "platform/moncall.h"

#define MAX_HANDLERS 32
#define MESSAGE_LINE 0x100 /* plus the line of the interrupt controller whose bit is used */
#define MESSAGE_ADDRESS 0xfee00000UL /* of the local APICs; Intel SDM vol. 3, 11.11 */
#define MESSAGE_CPU_SHIFT 12
#define VECTOR_PENDING0 32 /* vector of the pending word's bit 0: the monitor's choice */
#define MONITOR_BITS 0xffffffffUL

struct handler {
    unsigned gsi;
    void (*fn)(void *arg);
    void *arg;
};

static struct spinlock writing; /* innermost */
static struct handler handlers[MAX_HANDLERS];
static unsigned nhandlers; /* [writing] to write */
static void (*timer_handler)(void);
static void (*ipi_handler)(void);
static uint8_t users[MAX_GSI]; /* [writing] of each line's bit */

/* The bits of lines that nothing is wired to: they stay masked. From the end, because devices that
 * are wired have low lines on a PC; where they have high ones they are found first. */
unsigned irq_message_line(unsigned cpu, struct irq_message *out)
{
    unsigned best = MAX_GSI - 1;
    spin_lock(&writing);
    for (unsigned i = MAX_GSI; i-- != 0;) {
        best = users[i] < users[best] ? i : best;
    }
    users[best]++;
    spin_unlock(&writing);
    out->address = MESSAGE_ADDRESS | (uint64_t)cpu << MESSAGE_CPU_SHIFT;
    out->data = VECTOR_PENDING0 + PENDING_GSI0 + best;
    return MESSAGE_LINE | best;
}

int irq_register(unsigned gsi, void (*handler)(void *arg), void *arg)
{
    unsigned line = gsi & ~(unsigned)MESSAGE_LINE;
    if (line >= MAX_GSI) {
        return -EINVAL;
    }
    bool wired = line == gsi;
    spin_lock(&writing);
    if (nhandlers == MAX_HANDLERS) {
        spin_unlock(&writing);
        return -ENOSPC;
    }
    handlers[nhandlers] = (struct handler){line, handler, arg};
    __atomic_store_n(&nhandlers, nhandlers + 1, __ATOMIC_RELEASE); /* pairs with irq_poll's load */
    users[line] += wired;
    spin_unlock(&writing);
    if (!wired) {
        return 0;
    }
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
    unsigned n = __atomic_load_n(&nhandlers, __ATOMIC_ACQUIRE);
    for (unsigned i = 0; i < n; i++) {
        if ((bits >> (PENDING_GSI0 + handlers[i].gsi) & 1) != 0) {
            handlers[i].fn(handlers[i].arg);
        }
    }
    return true;
}
