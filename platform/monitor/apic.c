/* SPDX-License-Identifier: MIT */
/* Local APIC timer and IOAPIC lines. The timer is the TSC-deadline one where the processor has it,
 * else one-shot; every hypervisor clocks the APIC at 1 GHz, so one tick is one nanosecond.
 * Source: Intel SDM vol. 3 ch. 11; 82093AA (IOAPIC) data sheet. */
#include "platform/monitor/monitor.h"

#include <asm/errno.h>

#define LAPIC_SVR 0xf0
#define LAPIC_ICR_LOW 0x300
#define LAPIC_ICR_HIGH 0x310
#define ICR_BUSY 0x1000
#define LAPIC_LVT_TIMER 0x320
#define LAPIC_LVT_LINT1 0x360
#define LAPIC_TIMER_INITIAL 0x380
#define LAPIC_TIMER_CURRENT 0x390
#define LAPIC_TIMER_DIVIDE 0x3e0
#define SVR_ENABLE 0x100
#define DIVIDE_BY_1 0xb
#define LVT_MASKED 0x10000
#define LVT_NMI 0x400
#define LVT_TSC_DEADLINE 0x40000
#define TIMER_VECTOR (VECTOR_IRQ0 + PENDING_TIMER)
#define MSR_TSC_DEADLINE 0x6e0

#define IOAPIC_REDIRECTION 0x10
#define IOAPIC_MASKED 0x10000
#define IOAPIC_LEVEL 0x8000

static bool deadline_mode;
static bool timer_used[MAX_CPUS];
static uint32_t gsi_entry[MAX_GSI]; /* low half of each redirection entry */

static volatile uint32_t *lapic(unsigned reg)
{
    return slot_va(SLOT_LAPIC + reg);
}

static void ioapic_write(uint32_t reg, uint32_t value)
{
    volatile uint32_t *base = slot_va(SLOT_IOAPIC);
    base[0] = reg;
    base[4] = value;
}

void apic_init(bool tsc_deadline)
{
    deadline_mode = tsc_deadline;
    apic_init_cpu();
    if (!deadline_mode) {
        *lapic(LAPIC_TIMER_INITIAL) = UINT32_MAX; /* runs for apic_count */
    }
}

void apic_init_cpu(void)
{
    *lapic(LAPIC_SVR) = SVR_ENABLE | SPURIOUS_VECTOR;
    *lapic(LAPIC_LVT_LINT1) = LVT_NMI; /* where a hypervisor's "inject NMI" comes in */
    if (deadline_mode) {
        *lapic(LAPIC_LVT_TIMER) = LVT_TSC_DEADLINE | TIMER_VECTOR;
        return;
    }
    *lapic(LAPIC_TIMER_DIVIDE) = DIVIDE_BY_1;
    *lapic(LAPIC_LVT_TIMER) = LVT_MASKED | TIMER_VECTOR;
}

void apic_send(unsigned cpu, uint32_t command)
{
    while (*lapic(LAPIC_ICR_LOW) & ICR_BUSY) {
    }
    *lapic(LAPIC_ICR_HIGH) = cpu << 24; /* APIC ids count from 0 on every machine we start on */
    *lapic(LAPIC_ICR_LOW) = command;
}

long apic_timer(uint64_t deadline_tsc, uint64_t ns)
{
    if (deadline_mode) {
        msr_write(MSR_TSC_DEADLINE, deadline_tsc);
        return 0;
    }
    if (!timer_used[cpu_index()]) {
        timer_used[cpu_index()] = true;
        *lapic(LAPIC_LVT_TIMER) = TIMER_VECTOR;
    }
    uint64_t ticks = ns > UINT32_MAX ? UINT32_MAX : ns;
    if (deadline_tsc == 0) {
        ticks = 0;
    } else if (ticks == 0) {
        ticks = 1; /* 0 would stop the timer */
    }
    *lapic(LAPIC_TIMER_INITIAL) = (uint32_t)ticks;
    return 0;
}

long apic_count(void)
{
    if (deadline_mode || timer_used[cpu_index()]) {
        return -EBUSY;
    }
    return UINT32_MAX - *lapic(LAPIC_TIMER_CURRENT);
}

long apic_route(uint64_t gsi, uint64_t level)
{
    if (gsi >= MAX_GSI || level > 1) {
        return -EINVAL;
    }
    uint32_t entry = (uint32_t)(VECTOR_IRQ0 + PENDING_GSI0 + gsi);
    gsi_entry[gsi] = entry | (level ? IOAPIC_LEVEL : 0);
    smp_lock();
    ioapic_write(IOAPIC_REDIRECTION + 2 * (uint32_t)gsi + 1, 0); /* to CPU 0 */
    ioapic_write(IOAPIC_REDIRECTION + 2 * (uint32_t)gsi, gsi_entry[gsi] | IOAPIC_MASKED);
    smp_unlock();
    return 0;
}

long apic_mask(uint64_t gsi, uint64_t masked)
{
    if (gsi >= MAX_GSI || masked > 1 || gsi_entry[gsi] == 0) {
        return -EINVAL;
    }
    smp_lock();
    ioapic_write(IOAPIC_REDIRECTION + 2 * (uint32_t)gsi,
                 gsi_entry[gsi] | (masked ? IOAPIC_MASKED : 0));
    smp_unlock();
    return 0;
}
