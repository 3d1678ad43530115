/* SPDX-License-Identifier: MIT */
/* The monitor-call table. Each entry validates everything it is given before it acts; arguments
 * arrive as the three words of the gate. Source: platform/monitor/abi.h. */
#include "platform/monitor/monitor.h"

#include <asm/errno.h>

#define SERIAL_FIRST 0x3f8
#define SERIAL_LAST 0x3ff
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define PCI_ADDRESS 0xcf8
#define PCI_DATA 0xcfc
#define FW_CFG_DMA_HIGH 0x514
#define FW_CFG_DMA_LOW 0x518
#define MSR_FS_BASE 0xc0000100

static bool port_allowed(uint64_t port)
{
    return (port >= SERIAL_FIRST && port <= SERIAL_LAST) || port == CMOS_INDEX || port == CMOS_DATA;
}

static long call_port32(uint64_t port, uint64_t op, uint64_t value)
{
    uint32_t got = 0;
    if (port != PCI_ADDRESS && port != PCI_DATA && port != FW_CFG_DMA_HIGH &&
        port != FW_CFG_DMA_LOW) {
        return -EPERM;
    }
    if (op == PORT_IN32) {
        __asm__ volatile("inl %1, %0" : "=a"(got) : "Nd"((uint16_t)port));
        return got;
    }
    if (op != PORT_OUT32) {
        return -EINVAL;
    }
    __asm__ volatile("outl %0, %1" ::"a"((uint32_t)value), "Nd"((uint16_t)port));
    return 0;
}

static long call_port(uint64_t port, uint64_t op, uint64_t value)
{
    if (op > PORT_OUT) {
        return call_port32(port, op, value);
    }
    if (!port_allowed(port)) {
        return -EPERM;
    }
    if (op == PORT_IN) {
        return port_in8((uint16_t)port);
    }
    if (op != PORT_OUT || value > 0xff) {
        return -EINVAL;
    }
    port_out8((uint16_t)port, (uint8_t)value);
    return 0;
}

static long call_fsbase(uint64_t base)
{
    if (base >= KERNEL_AREA_END) { /* a non-canonical value would fault in ring 0 */
        return -EPERM;
    }
    msr_write(MSR_FS_BASE, base);
    return 0;
}

static long call_flush(void)
{
    flush_all();
    return 0;
}

static long call_poweroff(uint64_t status)
{
    power_off(status);
}

/* Functions that take fewer arguments ignore the rest: they are in registers. */
#define CALL(function) (call_fn)(void *)(function)
const call_fn call_table[MON_NCALLS] = {
    [MON_MAP] = CALL(paging_map),          [MON_UNMAP] = CALL(paging_unmap),
    [MON_PROTECT] = CALL(paging_protect),  [MON_WAIT] = CALL(smp_wait),
    [MON_TIMER] = CALL(apic_timer),        [MON_IRQ_ROUTE] = CALL(apic_route),
    [MON_IRQ_MASK] = CALL(apic_mask),      [MON_PORT] = call_port,
    [MON_FSBASE] = CALL(call_fsbase),      [MON_POWEROFF] = CALL(call_poweroff),
    [MON_DONATE] = CALL(tables_donate),    [MON_POOL] = CALL(tables_pool),
    [MON_LAPIC_COUNT] = CALL(apic_count),  [MON_MAP_RUN] = paging_map_run,
    [MON_UNMAP_RUN] = paging_unmap_run,    [MON_REPLACE_RUN] = paging_replace_run,
    [MON_CPU_START] = CALL(smp_start),     [MON_IPI] = CALL(smp_ipi),
    [MON_SERIALIZE] = CALL(smp_serialize), [MON_FLUSH] = CALL(call_flush),
};
