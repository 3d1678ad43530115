/* SPDX-License-Identifier: MIT */
/* What the monitor's files share. */
#ifndef PLATFORM_MONITOR_MONITOR_H
#define PLATFORM_MONITOR_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "platform/monitor/layout.h"

#pragma GCC visibility push(hidden) /* one link: no detour through an offset table */

#define PAGE 4096UL
#define HUGE (1UL << 21)
#define GIGA (1UL << 30)

static inline void *slot_va(uint64_t pa_or_offset)
{
    return (void *)(MONITOR_SLOT + pa_or_offset);
}

static inline void msr_write(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
}

static inline uint64_t tsc_read(void)
{
    uint32_t lo;
    uint32_t hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return lo | (uint64_t)hi << 32;
}

static inline void port_out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port));
}

static inline uint8_t port_in8(uint16_t port)
{
    uint8_t value;
    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

/* The CPU whose monitor stack this is. */
static inline unsigned cpu_index(void)
{
    uint64_t rsp;
    __asm__("mov %%rsp, %0" : "=r"(rsp));
    return (unsigned)((rsp - (MONITOR_SLOT + STACK_PA)) / CPU_STRIDE);
}

/* What the monitor keeps of a CPU; offsets in layout.h. */
struct run_slot {
    uint64_t unit; /* 0: free; the table of the first 2 MiB is never in it */
    uint64_t *table;
};

struct cpu_data {
    uint32_t flush, halted; /* [A] */
    uint64_t run_unit;
    uint64_t *run_table;
    uint32_t lock_wait; /* [A] halted for smp_lock */
    uint32_t reserved;
    struct run_slot run_cache[RUN_CACHE];
};

static inline struct trap_page *trap_page(unsigned cpu)
{
    return slot_va(SLOT_CPU + cpu * CPU_STRIDE);
}

static inline struct cpu_data *cpu_data(unsigned cpu)
{
    return slot_va(CPU_DATA_PA(cpu));
}

/* smp.c. smp_lock: the one lock of the monitor, taken by every call that changes page tables or
 * the IOAPIC; a no-op until a second CPU has been started. smp_flush_others: every other running
 * CPU has flushed its translations since and was in no monitor call; a halted one will before it
 * leaves; spare_lazy: or a lazy one before it touches the program's half. Needs the lock.
 * smp_serialize: the same for a change at va. */
void smp_lock(void);
void smp_unlock(void);
void smp_flush_others(bool spare_lazy);
long smp_start(uint64_t cpu);
long smp_ipi(uint64_t cpu);
long smp_serialize(uint64_t va);
long smp_wait(void);

/* start.c: what every CPU sets up, on its own stack, before it leaves ring 0. */
void cpu_setup(unsigned cpu);

/* paging.c: monitor calls. n ranges in the calling CPU's call page; see abi.h. */
long paging_map(uint64_t n);
long paging_unmap(uint64_t n);
long paging_protect(uint64_t n);
long paging_map_run(uint64_t va, uint64_t pa_flags, uint64_t npages);
long paging_unmap_run(uint64_t va, uint64_t b, uint64_t npages);
long paging_replace_run(uint64_t va, uint64_t pa_flags, uint64_t npages);
/* paging_frames_allowed: ring 3 may map the frames [pa, pa + len). */
bool paging_frames_allowed(uint64_t pa, uint64_t len);
/* paging_init: image and direct map are at these addresses; [0, image_end) is not ring 3's to
 * map. */
void paging_init(uint64_t libos_base, uint64_t direct_base, uint64_t image_end_pa, bool giga);

/* tables.c */
long tables_donate(uint64_t pa);
long tables_pool(void);
/* tables_own: a frame in [pa, pa + len) belongs to a donated unit. */
bool tables_own(uint64_t pa, uint64_t len);
/* tables_find: the table that holds the entries of level (0: 4 KiB pages, 1: 2 MiB, 2: 1 GiB) for
 * va. NULL with *err: 0 absent (alloc false), -ENOMEM no table frame, -EEXIST a larger page is in
 * the way. */
uint64_t *tables_find(uint64_t va, unsigned level, bool alloc, long *err);
/* tables_drop: take the table of small pages at entry away, for a 2 MiB page at va; false when it
 * is in use. */
bool tables_drop(uint64_t *entry, uint64_t va);

static inline void flush_all(void)
{
    uint64_t cr3;
    __asm__ volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3)::"memory");
}

/* apic.c */
void apic_init(bool tsc_deadline);
void apic_init_cpu(void);
void apic_send(unsigned cpu, uint32_t command);
long apic_timer(uint64_t deadline_tsc, uint64_t ns);
long apic_count(void);
long apic_route(uint64_t gsi, uint64_t level);
long apic_mask(uint64_t gsi, uint64_t masked);

/* trap.c: everything that ends the machine. */
struct trap_regs {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error, rip, cs, rflags, rsp, ss;
};
__attribute__((noreturn)) void trap_report(const struct trap_regs *r);
__attribute__((noreturn)) long power_off(uint64_t status);

/* trap.S, boot.S */
void syscall_landing(void);
void probe_landing(void);
void probe_start(void);
void probe_gate(void);
extern const char ap_start[], ap_end[];
__attribute__((noreturn)) void ring3_enter(uint64_t rip, uint64_t rsp, uint64_t argument);
__attribute__((noreturn)) void boot_continue(void);

/* call.c */
typedef long (*call_fn)(uint64_t a, uint64_t b, uint64_t c);
extern const call_fn call_table[MON_NCALLS];

#pragma GCC visibility pop

#endif
