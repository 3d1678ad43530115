/* SPDX-License-Identifier: MIT */
/* Where things lie inside the monitor's slot, and in its per-CPU stacks. C and assembly read it. */
#ifndef PLATFORM_MONITOR_LAYOUT_H
#define PLATFORM_MONITOR_LAYOUT_H

#include "platform/monitor/abi.h"

/* The slot maps physical 0..2 MiB at MONITOR_SLOT + pa, but for the hole of the old video memory:
 * there the local APIC, the IOAPIC and aliases of the pages shared with ring 3 are mapped. */
#define SLOT_LAPIC 0xa0000
#define SLOT_IOAPIC 0xa1000
#define SLOT_BOOT 0xa2000 /* struct boot_info */
#define SLOT_CPU 0xb0000 /* MAX_CPUS times CPU_STRIDE: trap page, call page */

#define LAPIC_PA 0xfee00000
#define IOAPIC_PA 0xfec00000

/* Monitor stacks: one per CPU, CPU_STRIDE apart, so that trap page and stack have a constant
 * distance and RSP alone tells which CPU this is. The last FRAME_LEN bytes above RSP0 hold the
 * interrupt-return frame that starts an upcall: after the five words of the hardware's frame have
 * been popped, iretq finds it. */
#define FRAME_LEN 64
#define STACK_PA 0x110000 /* first stack; assembly needs it as a constant */
#define STACK_TOP(cpu) (MONITOR_SLOT + STACK_PA + (cpu)*CPU_STRIDE + CPU_STRIDE - FRAME_LEN)
/* Offset from RSP to a field of the trap page when RSP is depth bytes below RSP0. */
#define TRAP_AT(field, depth) (SLOT_CPU - STACK_PA - CPU_STRIDE + FRAME_LEN + (field) + (depth))

/* What the monitor keeps of each CPU, at the low end of its stack's page. */
#define CPU_DATA_OFFSET 0x1000
#define CPU_DATA_PA(cpu) (STACK_PA + (cpu)*CPU_STRIDE + CPU_DATA_OFFSET)
#define DATA_FLUSH 0x00 /* 0, or another CPU waits until this one has flushed: awake, */
#define FLUSH_AWAKE 1
#define FLUSH_ASLEEP 2 /* or halted: this plus its number */
#define DATA_HALTED 0x04 /* waits inside the monitor: flushes before it goes on */
/* MON_MAP_RUN and its kin: the table used last (which 2 MiB of addresses it maps, where it is), and
 * others that paging.c walked to, as pairs of the same, by unit modulo RUN_CACHE. A table that goes
 * is taken out of all first. */
#define DATA_RUN_UNIT 0x08
#define DATA_RUN_TABLE 0x10
#define DATA_RUN_CACHE 0x20
#define RUN_CACHE 64 /* a power of two */
/* Offset from RSP to a field of them, as TRAP_AT. */
#define DATA_AT(field, depth) (CPU_DATA_OFFSET - CPU_STRIDE + FRAME_LEN + (field) + (depth))

/* The image of the monitor: text, read-only data, stacks, then what it writes. */
#define MONITOR_TEXT_PAGES 8
#define MONITOR_RODATA_PAGES 8
#define TSS_PLACE (MONITOR_SLOT + 0x120000)
#define TSS_LEN 104
#define TSS_STRIDE 128

#define KERNEL_CS 0x10
#define KERNEL_DS 0x18
#define USER_CS 0x33
#define USER_SS 0x2b
#define TSS_SELECTOR 0x40
#define GDT_LEN (TSS_SELECTOR + 16 * MAX_CPUS)

/* Control registers with which 64-bit mode is entered. */
#define CR0_BITS 0x80010033 /* PG WP NE ET MP PE */
#define CR4_BITS 0x620 /* OSXMMEXCPT OSFXSR PAE */
#define EFER_MSR 0xc0000080
#define EFER_BITS 0x901 /* NXE LME SCE */

/* Trap stubs: one per vector below NVECTORS, STUB_SIZE apart from the start of the text. */
#define NVECTORS 64
#define STUB_SIZE 128
#define VECTOR_IRQ0 32 /* vector of pending bit 0 */
#define SHOOTDOWN_VECTOR (VECTOR_IRQ0 + SHOOTDOWN_BIT)
#define SPURIOUS_VECTOR 0xff

/* Where another CPU starts, in real mode: conventional memory, put back afterwards. */
#define TRAMPOLINE_PA 0x8000

/* Page-table entries. */
#define PTE_P 0x1
#define PTE_W 0x2
#define PTE_U 0x4
#define PTE_PCD 0x10
#define PTE_A 0x20
#define PTE_D 0x40
#define PTE_PS 0x80
#define PTE_NX 0x8000000000000000

#endif
