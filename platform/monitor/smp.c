/* SPDX-License-Identifier: MIT */
/* More than one CPU: how they start, the monitor's lock, and the shootdown of translations.
 *
 * A CPU that waits inside the monitor, for an interrupt or for the lock, is told of a shootdown and
 * not waited for: it flushes before it goes on; so is one whose library OS is idle (abi.h: lazy),
 * when only the program's half changes. Its word is not relied on: where the monitor itself needs a
 * flush, nobody is spared. Who waits for long halts, because the CPU it waits
 * for may be a thread of the host that has lost its processor to this one: it is woken by the
 * shootdown vector, whose handler can come at any depth of the stack. Until a second CPU has been
 * asked for, nothing here costs more than one test.
 * Source: Intel SDM vol. 3, 4.10.5 (propagation of paging changes), 8.4 (MP initialisation). */
#include "platform/monitor/monitor.h"

#include <asm/errno.h>

#define ICR_INIT 0x4500
#define ICR_STARTUP 0x4600
#define INIT_CYCLES 400000UL /* 200 us at 2 GHz; the manual's 10 ms are for real ones */
#define SIPI_CYCLES 40000000UL /* 20 ms: then once more */
#define SIPI_TRIES 100

extern uint32_t ap_cpu;
extern uint8_t run_alone;
extern uint64_t cpu_entry_rip;

_Static_assert(offsetof(struct cpu_data, flush) == DATA_FLUSH, "trap.S");
_Static_assert(offsetof(struct cpu_data, halted) == DATA_HALTED, "trap.S");
_Static_assert(offsetof(struct cpu_data, run_unit) == DATA_RUN_UNIT, "trap.S");
_Static_assert(offsetof(struct cpu_data, run_table) == DATA_RUN_TABLE, "trap.S");
_Static_assert(offsetof(struct cpu_data, run_cache) == DATA_RUN_CACHE, "trap.S");

#define AWAKE_CYCLES 100000 /* about 50 us: as long as it takes to halt and be woken */
enum lock_state { FREE, HELD, CONTENDED }; /* CONTENDED: somebody may halt for it */

static uint32_t lock; /* [A] enum lock_state */
static bool several; /* a second CPU was asked for; never false again */
static bool online[MAX_CPUS] = {true}; /* [A] */
static unsigned ncpus = 1; /* [lock] started ones are below; never less again */
static char saved[128]; /* what the trampoline overwrites */

static inline void halt(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* Flush, if another CPU waits for it, and tell it. */
static void answer(struct cpu_data *me)
{
    if (__atomic_load_n(&me->flush, __ATOMIC_SEQ_CST) == 0) {
        return;
    }
    flush_all();
    uint32_t who = __atomic_exchange_n(&me->flush, 0, __ATOMIC_SEQ_CST);
    if (who >= FLUSH_ASLEEP) {
        apic_send(who - FLUSH_ASLEEP, SHOOTDOWN_VECTOR);
    }
}

/* Sequentially consistent, as is flush: either who asks sees that this CPU waits, or answer sees
 * that it is asked. */
static void wait_begin(struct cpu_data *me)
{
    __atomic_exchange_n(&me->halted, 1, __ATOMIC_SEQ_CST);
    answer(me);
}

static void wait_end(struct cpu_data *me)
{
    __atomic_exchange_n(&me->halted, 0, __ATOMIC_SEQ_CST);
    answer(me);
}

long smp_wait(void)
{
    struct cpu_data *me = cpu_data(cpu_index());
    struct trap_page *page = trap_page(cpu_index());
    if (several) {
        wait_begin(me);
    }
    if ((uint32_t)__atomic_load_n(&page->pending, __ATOMIC_RELAXED) == 0) {
        halt();
    }
    if (several) {
        wait_end(me);
        if (__atomic_load_n(&page->stale, __ATOMIC_RELAXED) != 0) {
            __atomic_exchange_n(&page->stale, 0, __ATOMIC_SEQ_CST);
            flush_all();
        }
    }
    return 0;
}

static void lock_slowly(void)
{
    struct cpu_data *me = cpu_data(cpu_index());
    uint64_t start = tsc_read();
    wait_begin(me);
    while (tsc_read() - start < AWAKE_CYCLES) {
        if (__atomic_load_n(&lock, __ATOMIC_RELAXED) == FREE &&
            __atomic_exchange_n(&lock, CONTENDED, __ATOMIC_ACQUIRE) == FREE) {
            wait_end(me);
            return;
        }
        __builtin_ia32_pause();
    }
    __atomic_store_n(&me->lock_wait, 1, __ATOMIC_SEQ_CST);
    while (__atomic_exchange_n(&lock, CONTENDED, __ATOMIC_SEQ_CST) != FREE) {
        halt();
    }
    __atomic_store_n(&me->lock_wait, 0, __ATOMIC_SEQ_CST);
    wait_end(me);
}

void smp_lock(void)
{
    uint32_t was = FREE;
    if (several && !__atomic_compare_exchange_n(&lock, &was, HELD, false, __ATOMIC_ACQUIRE,
                                                __ATOMIC_RELAXED)) {
        lock_slowly();
    }
}

void smp_unlock(void)
{
    if (!several || __atomic_exchange_n(&lock, FREE, __ATOMIC_SEQ_CST) != CONTENDED) {
        return;
    }
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) { /* who waits for something else looks again */
        if (cpu != cpu_index() && __atomic_load_n(&cpu_data(cpu)->lock_wait, __ATOMIC_SEQ_CST)) {
            apic_send(cpu, SHOOTDOWN_VECTOR);
        }
    }
}

static bool answered(unsigned cpu)
{
    return __atomic_load_n(&cpu_data(cpu)->flush, __ATOMIC_SEQ_CST) == 0 ||
           __atomic_load_n(&cpu_data(cpu)->halted, __ATOMIC_SEQ_CST) != 0;
}

static void wait_for(unsigned cpu)
{
    uint32_t awake = FLUSH_AWAKE;
    for (uint64_t start = tsc_read(); tsc_read() - start < AWAKE_CYCLES;) {
        if (answered(cpu)) {
            return;
        }
        __builtin_ia32_pause();
    }
    (void)__atomic_compare_exchange_n(&cpu_data(cpu)->flush, &awake, FLUSH_ASLEEP + cpu_index(),
                                      false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    while (!answered(cpu)) {
        halt();
    }
}

/* Sequentially consistent, as is the other side: either that CPU sees that it is stale, or this one
 * that it is not lazy. */
static bool is_lazy(unsigned cpu)
{
    struct trap_page *page = trap_page(cpu);
    if (__atomic_load_n(&page->lazy, __ATOMIC_RELAXED) == 0) {
        return false;
    }
    __atomic_exchange_n(&page->stale, 1, __ATOMIC_SEQ_CST);
    return __atomic_load_n(&page->lazy, __ATOMIC_SEQ_CST) != 0;
}

void smp_flush_others(bool spare_lazy)
{
    if (!several) {
        return;
    }
    unsigned me = cpu_index();
    unsigned asked = 0; /* bit n: CPU n */
    for (unsigned cpu = 0; cpu < ncpus; cpu++) {
        if (cpu == me || !online[cpu] || (spare_lazy && is_lazy(cpu))) {
            continue;
        }
        __atomic_exchange_n(&cpu_data(cpu)->flush, FLUSH_AWAKE, __ATOMIC_SEQ_CST);
        if (__atomic_load_n(&cpu_data(cpu)->halted, __ATOMIC_SEQ_CST) == 0) {
            asked |= 1U << cpu;
            apic_send(cpu, SHOOTDOWN_VECTOR);
        }
    }
    for (unsigned cpu = 0; asked != 0; cpu++, asked >>= 1) {
        if (asked & 1) {
            wait_for(cpu);
        }
    }
}

static bool others_lazy(void)
{
    unsigned me = cpu_index();
    for (unsigned cpu = 0; cpu < ncpus; cpu++) { /* who comes later, comes with nothing stale */
        if (cpu != me && !is_lazy(cpu)) {
            return false;
        }
    }
    return true;
}

long smp_serialize(uint64_t va)
{
    bool spare_lazy = va < KERNEL_AREA;
    if (spare_lazy && others_lazy()) { /* common, and much less than what follows */
        return 0;
    }
    smp_lock();
    smp_flush_others(spare_lazy);
    smp_unlock();
    return 0;
}

static bool wait_online(unsigned cpu, uint64_t cycles)
{
    for (uint64_t start = tsc_read(); tsc_read() - start < cycles;) {
        if (__atomic_load_n(&online[cpu], __ATOMIC_ACQUIRE)) {
            return true;
        }
        __builtin_ia32_pause();
    }
    return false;
}

static void copy(void *to, const void *from, size_t len)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(len)::"memory");
}

/* A start that INIT overtakes is lost: each gives the number out anew. */
static long wake(unsigned cpu)
{
    apic_send(cpu, ICR_INIT);
    (void)wait_online(cpu, INIT_CYCLES);
    for (unsigned i = 0; i < SIPI_TRIES; i++) {
        __atomic_store_n(&ap_cpu, cpu, __ATOMIC_RELEASE);
        apic_send(cpu, ICR_STARTUP | TRAMPOLINE_PA / PAGE);
        if (wait_online(cpu, SIPI_CYCLES)) {
            return 0;
        }
    }
    return __atomic_exchange_n(&ap_cpu, 0, __ATOMIC_ACQ_REL) == 0 ? -EIO : -ETIMEDOUT;
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
        ncpus = cpu >= ncpus ? (unsigned)cpu + 1 : ncpus;
        err = wake((unsigned)cpu);
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
