/* SPDX-License-Identifier: MIT */
/* More than one CPU: how they start, the monitor's lock, and the shootdown of translations.
 *
 * The lock is taken with interrupts off, so a CPU that waits for it cannot answer the holder's
 * shootdown by interrupt: it answers while it waits. A CPU halted in MON_WAIT is told and not
 * waited for. Until a second CPU has been asked for, nothing here costs more than one test.
 * Source: Intel SDM vol. 3, 4.10.5 (propagation of paging changes), 8.4 (MP initialisation). */
#include "platform/monitor/monitor.h"

#include <asm/errno.h>

#define ICR_INIT 0x4500
#define ICR_STARTUP 0x4600
#define INIT_CYCLES 20000000UL /* 10 ms at 2 GHz: the manual's wait after INIT */
#define START_CYCLES 4000000000UL

extern uint32_t ap_cpu;
extern uint8_t run_alone;
extern uint64_t cpu_entry_rip;

_Static_assert(offsetof(struct cpu_data, flush) == DATA_FLUSH, "trap.S");
_Static_assert(offsetof(struct cpu_data, halted) == DATA_HALTED, "trap.S");
_Static_assert(offsetof(struct cpu_data, run_unit) == DATA_RUN_UNIT, "trap.S");
_Static_assert(offsetof(struct cpu_data, run_table) == DATA_RUN_TABLE, "trap.S");
_Static_assert(offsetof(struct cpu_data, run_cache) == DATA_RUN_CACHE, "trap.S");

static uint32_t lock; /* [A] 0 free, 1 held */
static bool several; /* a second CPU was asked for; never false again */
static bool online[MAX_CPUS] = {true}; /* [A] */
static char saved[128]; /* what the trampoline overwrites */

static void flush_self(void)
{
    uint64_t cr3;
    __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3)::"memory");
    __atomic_store_n(&cpu_data(cpu_index())->flush, 0, __ATOMIC_RELEASE);
}

void smp_lock(void)
{
    if (!several) {
        return;
    }
    while (__atomic_exchange_n(&lock, 1, __ATOMIC_ACQUIRE) != 0) {
        if (__atomic_load_n(&cpu_data(cpu_index())->flush, __ATOMIC_ACQUIRE) != 0) {
            flush_self();
        }
        __builtin_ia32_pause();
    }
}

void smp_unlock(void)
{
    if (several) {
        __atomic_store_n(&lock, 0, __ATOMIC_RELEASE);
    }
}

void smp_flush_others(void)
{
    if (!several) {
        return;
    }
    unsigned me = cpu_index();
    bool asked[MAX_CPUS] = {false};
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        if (cpu == me || !online[cpu]) {
            continue;
        }
        /* The exchange is a full barrier: either we see that the CPU halts, or it sees flush when
         * it wakes; and the changed entries are visible before. */
        __atomic_exchange_n(&cpu_data(cpu)->flush, 1, __ATOMIC_SEQ_CST);
        asked[cpu] = __atomic_load_n(&cpu_data(cpu)->halted, __ATOMIC_SEQ_CST) == 0;
        if (asked[cpu]) {
            apic_send(cpu, SHOOTDOWN_VECTOR);
        }
    }
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        while (asked[cpu] && __atomic_load_n(&cpu_data(cpu)->flush, __ATOMIC_ACQUIRE) != 0 &&
               __atomic_load_n(&cpu_data(cpu)->halted, __ATOMIC_ACQUIRE) == 0) {
            __builtin_ia32_pause();
        }
    }
}

long smp_serialize(void)
{
    smp_lock();
    smp_flush_others();
    smp_unlock();
    return 0;
}

static void wait_cycles(uint64_t cycles)
{
    for (uint64_t start = tsc_read(); tsc_read() - start < cycles;) {
        __builtin_ia32_pause();
    }
}

static void copy(void *to, const void *from, size_t len)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len)::"memory");
}

static void kick_awake(unsigned cpu)
{
    apic_send(cpu, ICR_INIT);
    wait_cycles(INIT_CYCLES);
    apic_send(cpu, ICR_STARTUP | TRAMPOLINE_PA / PAGE);
}

long smp_start(uint64_t cpu)
{
    if (cpu == 0 || cpu >= MAX_CPUS) {
        return -EINVAL;
    }
    several = true;
    run_alone = 0;
    smp_lock();
    long err = online[cpu] ? -EBUSY : 0;
    if (err == 0) {
        char *place = slot_va(TRAMPOLINE_PA);
        size_t len = (size_t)(ap_end - ap_start);
        copy(saved, place, len);
        copy(place, ap_start, len);
        __atomic_store_n(&ap_cpu, (uint32_t)cpu, __ATOMIC_RELEASE);
        kick_awake((unsigned)cpu);
        uint64_t start = tsc_read();
        while (!__atomic_load_n(&online[cpu], __ATOMIC_ACQUIRE) && err == 0) {
            err = tsc_read() - start > START_CYCLES ? -ETIMEDOUT : 0;
            __builtin_ia32_pause();
        }
        if (err != 0 && __atomic_exchange_n(&ap_cpu, 0, __ATOMIC_ACQ_REL) == 0) {
            err = -EIO; /* it took its number and got no further */
        }
        copy(place, saved, len);
    }
    smp_unlock();
    return err;
}

/* ap_main: from ap.S, on the CPU's own stack. */
__attribute__((noreturn)) void ap_main(void);
void ap_main(void)
{
    unsigned cpu = cpu_index();
    cpu_setup(cpu);
    uint64_t shared = ((struct boot_info *)slot_va(SLOT_BOOT))->shared;
    __atomic_store_n(&online[cpu], true, __ATOMIC_RELEASE);
    ring3_enter(cpu_entry_rip, shared + SHARED_CPU + cpu * CPU_STRIDE + TRAP_STACK_TOP, cpu);
}

long smp_ipi(uint64_t cpu)
{
    if (cpu >= MAX_CPUS || !online[cpu]) {
        return -EINVAL;
    }
    apic_send((unsigned)cpu, VECTOR_IRQ0 + PENDING_IPI);
    return 0;
}
