/* SPDX-License-Identifier: MIT */
/* The monitor-call table. Each entry validates everything it is given before it acts; arguments
 * arrive as the three words of the gate. Source: platform/monitor/abi.h. */
#include "platform/monitor/monitor.h"

#include <asm/errno.h>

#define SERIAL_FIRST 0x3f8
#define SERIAL_LAST 0x3ff
#define CMOS_INDEX 0x70
#define CMOS_DATA 0x71
#define MSR_FS_BASE 0xc0000100

static long call_map(uint64_t n, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    smp_lock();
    long err = paging_map(n);
    smp_unlock();
    return err;
}

static long call_unmap(uint64_t n, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    smp_lock();
    long err = paging_unmap(n);
    smp_unlock();
    return err;
}

static long call_protect(uint64_t n, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    smp_lock();
    long err = paging_protect(n);
    smp_unlock();
    return err;
}

static long call_wait(uint64_t a, uint64_t b, uint64_t c)
{
    (void)a, (void)b, (void)c;
    return smp_wait();
}

static long call_timer(uint64_t deadline_tsc, uint64_t ns, uint64_t c)
{
    (void)c;
    return apic_timer(deadline_tsc, ns);
}

static long call_irq_route(uint64_t gsi, uint64_t level, uint64_t c)
{
    (void)c;
    smp_lock();
    long err = apic_route(gsi, level);
    smp_unlock();
    return err;
}

static long call_irq_mask(uint64_t gsi, uint64_t masked, uint64_t c)
{
    (void)c;
    smp_lock();
    long err = apic_mask(gsi, masked);
    smp_unlock();
    return err;
}

static bool port_allowed(uint64_t port)
{
    return (port >= SERIAL_FIRST && port <= SERIAL_LAST) || port == CMOS_INDEX || port == CMOS_DATA;
}

static long call_port(uint64_t port, uint64_t op, uint64_t value)
{
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

static long call_fsbase(uint64_t base, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    if (base >= KERNEL_AREA_END) { /* a non-canonical value would fault in ring 0 */
        return -EPERM;
    }
    msr_write(MSR_FS_BASE, base);
    return 0;
}

static long call_poweroff(uint64_t status, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    power_off(status);
}

static long call_donate(uint64_t pa, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    smp_lock();
    long err = tables_donate(pa);
    smp_unlock();
    return err;
}

static long call_pool(uint64_t a, uint64_t b, uint64_t c)
{
    (void)a, (void)b, (void)c;
    return tables_pool();
}

static long call_map_run(uint64_t va, uint64_t pa_flags, uint64_t npages)
{
    smp_lock();
    long err = paging_map_run(va, pa_flags, npages);
    smp_unlock();
    return err;
}

static long call_unmap_run(uint64_t va, uint64_t b, uint64_t npages)
{
    smp_lock();
    long err = paging_unmap_run(va, b, npages);
    smp_unlock();
    return err;
}

static long call_replace_run(uint64_t va, uint64_t pa_flags, uint64_t npages)
{
    smp_lock();
    long err = paging_replace_run(va, pa_flags, npages);
    smp_unlock();
    return err;
}

static long call_cpu_start(uint64_t cpu, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    return smp_start(cpu);
}

static long call_ipi(uint64_t cpu, uint64_t b, uint64_t c)
{
    (void)b, (void)c;
    return smp_ipi(cpu);
}

static long call_serialize(uint64_t a, uint64_t b, uint64_t c)
{
    (void)a, (void)b, (void)c;
    return smp_serialize();
}

static long call_lapic_count(uint64_t a, uint64_t b, uint64_t c)
{
    (void)a, (void)b, (void)c;
    return apic_count();
}

const call_fn call_table[MON_NCALLS] = {
    [MON_MAP] = call_map,
    [MON_UNMAP] = call_unmap,
    [MON_PROTECT] = call_protect,
    [MON_WAIT] = call_wait,
    [MON_TIMER] = call_timer,
    [MON_IRQ_ROUTE] = call_irq_route,
    [MON_IRQ_MASK] = call_irq_mask,
    [MON_PORT] = call_port,
    [MON_FSBASE] = call_fsbase,
    [MON_POWEROFF] = call_poweroff,
    [MON_DONATE] = call_donate,
    [MON_POOL] = call_pool,
    [MON_LAPIC_COUNT] = call_lapic_count,
    [MON_MAP_RUN] = call_map_run,
    [MON_UNMAP_RUN] = call_unmap_run,
    [MON_REPLACE_RUN] = call_replace_run,
    [MON_CPU_START] = call_cpu_start,
    [MON_IPI] = call_ipi,
    [MON_SERIALIZE] = call_serialize,
};
