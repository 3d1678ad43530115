/* SPDX-License-Identifier: MIT */
/* Interrupt lines. Handlers run in ring 3 from irq_poll, never nested, on the CPU that saw the bit;
 * they do not block. */
#ifndef PLATFORM_IRQ_H
#define PLATFORM_IRQ_H

#include "kernel/base/base.h"

/* irq_register: call handler(arg) for interrupt line gsi (edge-triggered) and unmask it.
 * Several handlers may share a line. Returns 0, -EINVAL for a line that does not exist, -ENOSPC. */
MUST_CHECK int irq_register(unsigned gsi, void (*handler)(void *arg), void *arg);

/* What a device writes, and where, to interrupt. */
struct irq_message {
    uint64_t address;
    uint32_t data;
};

/* irq_message_line: a line for a device that sends messages to CPU cpu; give it to irq_register.
 * Lines may be shared when there are too many. */
unsigned irq_message_line(unsigned cpu, struct irq_message *out);

/* irq_set_timer: the handler of the timer bit. */
void irq_set_timer(void (*handler)(void));

/* irq_set_ipi: what a CPU does when another one interrupts it. */
void irq_set_ipi(void (*handler)(void));

/* irq_poll: take the pending bits of this CPU and run their handlers. Called by the exit path and
 * by whoever waits. Returns true when any ran. */
bool irq_poll(void);

#endif
