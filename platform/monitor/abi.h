/* SPDX-License-Identifier: MIT */
/* The contract between the monitor (ring 0) and the library OS (ring 3): the only header that both
 * sides include. C and assembly read it; layouts are asserted on both sides.
 *
 * IN = written by the library OS, read by the monitor; OUT = the other way. The monitor never
 * follows a pointer of ring 3: bulk arguments go through the per-CPU call page at a fixed place. */
#ifndef PLATFORM_MONITOR_ABI_H
#define PLATFORM_MONITOR_ABI_H

#define ABI_VERSION 1
#define MAX_CPUS 8

/* Address space. Everything at or above KERNEL_AREA belongs to the kernel. */
/* PML4 254: library OS image, its shared pages, dynamic mappings */
#define KERNEL_AREA 0x7f0000000000
#define DIRECT_AREA 0x7f8000000000 /* PML4 255: direct map of RAM at a random GiB */
/* 2 MiB, supervisor only; maps physical 0..2 MiB and the APICs */
#define MONITOR_SLOT 0x7fffffc00000
#define KERNEL_AREA_END 0x7ffffffff000
#define MAX_RAM_GIB 128 /* the direct map ends there */

/* Physical layout: the monitor owns 0..2 MiB (and donated units), the library OS image follows. */
#define MONITOR_PA 0x100000
#define LIBOS_PA 0x200000

/* Offsets from the (random, 2 MiB-aligned) base of the library OS. */
#define SHARED_OFFSET 0x200000 /* the shared slot; see below */
#define DEVICE_OFFSET 0x400000 /* 2 MiB: device registers, mapped by platform/virtio */
#define DYNAMIC_OFFSET 0x600000 /* from here to the end of the GiB: kernel stacks and the like */

/* The shared slot: pages that both sides see. */
#define SHARED_LOWMEM 0x000000 /* physical 0..1 MiB read-only: PVH start info, command line */
#define SHARED_LOWMEM_LEN 0x100000 /* firmware may keep them in its own segment below 1 MiB */
#define SHARED_BOOT 0x100000 /* struct boot_info, read-only for ring 3 */
#define SHARED_CPU 0x101000 /* MAX_CPUS times CPU_STRIDE: trap page, call page */
#define CPU_STRIDE 0x2000
#define SHARED_PAGES (1 + 2 * MAX_CPUS) /* pages from SHARED_BOOT on */

/* The trap page (struct trap_page): GS base of its CPU in ring 3. Offsets used by assembly. */
#define TRAP_PENDING 0x00
#define TRAP_VECTOR 0x08
#define TRAP_ERROR 0x10
#define TRAP_RIP 0x18
#define TRAP_CS 0x20
#define TRAP_RFLAGS 0x28
#define TRAP_RSP 0x30
#define TRAP_SS 0x38
#define TRAP_CR2 0x40
#define TRAP_LAZY 0x48
#define TRAP_STALE 0x4c
#define TRAP_LIBOS 0x80 /* from here to TRAP_STACK_TOP the page is the library OS's own */
#define TRAP_STACK_TOP 0x1000 /* upcalls start with RSP here */

/* Bits of the pending word. The monitor sets the low half; the high half is the library OS's. */
#define PENDING_TIMER 0
#define PENDING_IPI 1
#define SHOOTDOWN_BIT 2 /* never pending: this vector is the monitor's own */
#define PENDING_GSI0 8 /* interrupt line n of the IOAPIC is bit PENDING_GSI0 + n, n < MAX_GSI */
#define MAX_GSI 24

/* Monitor calls: hlt at image_header.gate; what raises #UD costs 20,000 cycles more on paravirtual
 * hosts, because hypervisors look into it. Number in RAX, arguments in RDI RSI RDX, result in RAX
 * (0 or a count, else a negative errno). Clobbers what a C function may. */
#define MON_MAP 0 /* RDI = n ranges in the call page: make them present */
#define MON_UNMAP 1 /* RDI = n ranges: make them not present, flush */
#define MON_PROTECT 2 /* RDI = n ranges: change flags of present entries, skip absent ones, flush */
#define MON_WAIT 3 /* halt until a bit of the pending word's low half is set */
/* RDI = TSC deadline (0: disarm), RSI = the same in ns from now: set PENDING_TIMER then, or earlier
 * when RSI exceeds the timer's 4.2 s range */
#define MON_TIMER 4
#define MON_IRQ_ROUTE 5 /* RDI = GSI, RSI = 1 level, 0 edge: deliver line to its pending bit */
#define MON_IRQ_MASK 6 /* RDI = GSI, RSI = 1 mask, 0 unmask */
#define MON_PORT 7 /* RDI = port, RSI = PORT_*, RDX = value: whitelisted I/O */
#define MON_FSBASE 8 /* RDI = FS base, for processors without WRFSBASE */
#define MON_POWEROFF 9 /* RDI = status: never returns */
#define MON_DONATE 10 /* RDI = physical address of a 2 MiB unit that becomes table frames */
#define MON_POOL 11 /* returns the number of table frames left in the pool */
/* ns (1 GHz ticks) since boot, until the first MON_TIMER: calibrates the TSC */
#define MON_LAPIC_COUNT 12
/* RDI = va, RSI = pa | MAP_* flags, RDX = npages: MON_MAP of one range, faster */
#define MON_MAP_RUN 13
#define MON_UNMAP_RUN 14 /* RDI = va, RDX = npages: MON_UNMAP of one range of small pages */
#define MON_REPLACE_RUN 15 /* MON_MAP_RUN with MAP_REPLACE */
#define MON_CPU_START 16 /* RDI = CPU 1..MAX_CPUS-1: it enters image_header.cpu_entry; -ETIMEDOUT */
#define MON_IPI 17 /* RDI = CPU: set its PENDING_IPI */
/* RDI = 0: every other running CPU has executed a serialising instruction, or is lazy */
#define MON_SERIALIZE 18
#define MON_FLUSH 19 /* flush this CPU's translations */
#define MON_NCALLS 20
#define MON_BOOT 0x100 /* the boot probe's, once */

#define PORT_IN 0
#define PORT_OUT 1
#define PORT_IN32 2 /* 32 bits: the two ports of PCI's configuration space */
#define PORT_OUT32 3

/* Flags of a range. */
#define MAP_R 0x1
#define MAP_W 0x2
#define MAP_X 0x4 /* with MAP_W only below KERNEL_AREA (a JIT's page), see MAP_JIT */
#define MAP_HUGE 0x8 /* 2 MiB entries; va, pa 2 MiB-aligned, npages counts 2 MiB pages */
#define MAP_DEVICE 0x10 /* uncached; pa outside RAM; never MAP_X */
#define MAP_JIT 0x20 /* the program asked for write and execute at once: allow it */
#define MAP_GIGA 0x40 /* 1 GiB entries (boot_info.features FEATURE_GIGA): the direct map only */
/* any entry of the run may be present: flush (else only the first may be) */
#define MAP_REPLACE 0x80
#define CALL_MAX_RANGES 128

/* Features, as the monitor found them. */
#define FEATURE_SYSCALL_RING3 0x1 /* a raw syscall arrives still in ring 3 (paravirtual host) */
#define FEATURE_FSGSBASE 0x2
#define FEATURE_TSC_DEADLINE 0x4
#define FEATURE_GIGA 0x8
#define FEATURE_XSAVE 0x10
#define FEATURE_KVMCLOCK 0x20 /* boot_info page holds the kvmclock areas */
#define FEATURE_RDRAND 0x40

#ifndef __ASSEMBLER__
#include <stdint.h>

/* One run of a map, unmap or protect call. */
struct mon_range {
    uint64_t va; /* IN first address, page-aligned */
    uint64_t pa; /* IN first frame (MON_MAP), contiguous from there */
    uint32_t npages; /* IN length in pages of the size that flags name */
    uint32_t flags; /* IN MAP_* */
    uint64_t reserved; /* IN 0 */
};

/* The call page: second page of a CPU's shared pair. */
struct call_page {
    struct mon_range range[CALL_MAX_RANGES]; /* IN */
};

/* The monitor's part of the trap page. */
struct trap_page {
    uint64_t pending; /* OUT low half set by interrupts; atomic */
    uint64_t vector; /* OUT 0..31 exception, 32.. interrupt (PENDING_* bit + 32) */
    uint64_t error; /* OUT error code, 0 when the vector has none */
    uint64_t rip, cs, rflags, rsp, ss; /* OUT the interrupt frame */
    uint64_t cr2; /* OUT valid for vector 14 */
    /* IN: not 0: this CPU touches nothing below KERNEL_AREA. It is not interrupted when a page goes
     * there, but told: */
    uint32_t lazy; /* atomic */
    uint32_t stale; /* OUT not 0: MON_FLUSH comes after lazy is 0 and before such a touch; atomic */
};

/* Layout of a kvmclock time page (KVM's paravirtual clock, Documentation/virt/kvm/x86/msr.rst). */
struct kvmclock {
    uint32_t version, pad;
    uint64_t tsc_timestamp, system_time_ns;
    uint32_t tsc_to_system_mul;
    int8_t tsc_shift;
    uint8_t flags, pad2[2];
};

/* OUT, all of it: what the monitor tells at boot. Read-only in ring 3. */
struct boot_info {
    uint32_t version; /* ABI_VERSION */
    uint32_t features; /* FEATURE_* */
    uint64_t tsc_start; /* TSC at the kernel's first instruction */
    uint64_t libos_base; /* virtual address of the image */
    uint64_t shared; /* virtual address of the shared slot */
    uint64_t direct_map; /* virtual address of physical 0 */
    uint64_t start_info_pa; /* struct hvm_start_info of PVH */
    uint64_t entropy[4]; /* RDRAND or the host's seed, mixed with the TSC */
    uint64_t xcr0; /* enabled state components; 0 without XSAVE */
    uint64_t image_end_pa; /* first free byte after the image in memory, page-aligned */
    struct kvmclock kvmclock; /* with FEATURE_KVMCLOCK; updated by the host */
    struct {
        uint32_t version, sec, nsec;
    } wall; /* with FEATURE_KVMCLOCK: wall time at boot */
};

/* First bytes of the library OS image. Offsets are from its base. */
struct image_header {
    uint32_t magic; /* IMAGE_MAGIC */
    uint32_t version; /* ABI_VERSION */
    uint32_t text_end; /* [0, text_end) is R-X; the ends are page-aligned */
    uint32_t rodata_end; /* [text_end, rodata_end) is R-- */
    uint32_t data_end; /* [rodata_end, data_end) is RW-, file content */
    uint32_t bss_end; /* [data_end, bss_end) is RW-, zero */
    uint32_t entry; /* first instruction in ring 3; RDI = boot_info */
    uint32_t cpu_entry; /* first instruction of every other CPU */
    uint32_t upcall; /* where reflected traps land */
    uint32_t syscall; /* where raw syscalls land */
    uint32_t gate; /* the one hlt that is a monitor call */
    uint32_t relro_end; /* [rodata_end, relro_end) becomes R-- once relocated */
    uint32_t window[2][3]; /* exit windows: start, end, restart label */
};
#define IMAGE_MAGIC 0x4e464c45 /* "ELFN" */
#endif

#endif
