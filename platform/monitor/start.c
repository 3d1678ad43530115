/* SPDX-License-Identifier: MIT */
/* From the 64-bit entry to ring 3: check the processor, let the probe run, place the library OS at
 * a random address, set up system-call entry, clock and interrupts, and leave ring 0.
 * Source: AMD64 APM vol. 2 ch. 3, 6; KVM Documentation/virt/kvm/x86/{cpuid,msr}.rst. */
#include "platform/monitor/monitor.h"

#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_FMASK 0xc0000084
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_KVM_WALL_CLOCK 0x4b564d00
#define MSR_KVM_SYSTEM_TIME 0x4b564d01
#define STAR_VALUE ((uint64_t)(USER_SS - 8) << 48 | (uint64_t)KERNEL_CS << 32)
#define FMASK_VALUE 0x44700 /* AC NT DF IF TF */

#define PIC_MASTER_MASK 0x21
#define PIC_SLAVE_MASK 0xa1

#define CR4_UMIP 0x800
#define CR4_FSGSBASE 0x10000
#define CR4_OSXSAVE 0x40000
#define CR4_SMEP 0x100000
#define CR4_SMAP 0x200000

#define CPUID1_ECX_XSAVE (1u << 26)
#define CPUID1_ECX_TSC_DEADLINE (1u << 24)
#define CPUID1_ECX_RDRAND (1u << 30)
#define CPUID1_ECX_HYPERVISOR (1u << 31)
#define CPUID7_EBX_FSGSBASE (1u << 0)
#define CPUID7_EBX_SMEP (1u << 7)
#define CPUID7_EBX_SMAP (1u << 20)
#define CPUID7_ECX_UMIP (1u << 2)
#define CPUID_EXT1_EDX_GIGA (1u << 26)
#define CPUID_TCG_EBX 0x54474354 /* "TCGT" */
#define CPUID_KVM_CLOCK (1u << 3)
#define XCR0_WANTED 0xe7 /* x87 SSE AVX, AVX-512 */

#define RFLAGS_IF 0x202
#define PLACES_GIB 512 /* the library OS: any GiB of its PML4 entry, */
#define PLACES_HUGE 256 /* any 2 MiB of that GiB's first half */
#define PLACES_DIRECT (510 - MAX_RAM_GIB)

extern uint64_t pml4[512], pdpt_libos[512], pd_libos[512], pdpt_monitor[512];
extern uint64_t pt_libos[512], pt_shared[512], pd_direct[512];
extern uint64_t boot_tsc;
extern uint32_t boot_start_info;
extern uint64_t gate_rip, boot_gate, libos_text, libos_text_len, syscall_rip, ring3_flags;
extern uint64_t windows[2][3];
extern uint64_t cpu_entry_rip;

struct cpuid {
    uint32_t a, b, c, d;
};

static struct cpuid features1, features7;
static uint64_t syscall_stack[MAX_CPUS][2]; /* KERNEL_GS_BASE: stack for the landing, scratch */
static uint64_t upcall_rip;

static struct cpuid cpuid(uint32_t leaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(0));
    return r;
}

static uint64_t table_entry(const void *table)
{
    return ((uint64_t)table - MONITOR_SLOT) | PTE_P | PTE_W | PTE_U | PTE_A;
}

/* start_machine: from boot.S. Runs the probe in ring 3, interrupts off. */
__attribute__((noreturn)) void start_machine(void);
void start_machine(void)
{
    /* A PC's firmware leaves its timer running on vector 8, and a paravirtual host runs ring 3 with
     * interrupts on whatever RFLAGS says. */
    port_out8(PIC_MASTER_MASK, 0xff);
    port_out8(PIC_SLAVE_MASK, 0xff);
    features1 = cpuid(1);
    features7 = cpuid(7);
    msr_write(MSR_STAR, STAR_VALUE);
    msr_write(MSR_LSTAR, (uint64_t)probe_landing - MONITOR_SLOT);
    boot_gate = (uint64_t)boot_continue;
    gate_rip = (uint64_t)probe_gate - MONITOR_SLOT + 5; /* behind mov $MON_BOOT, %eax */
    ring3_enter((uint64_t)probe_start - MONITOR_SLOT, 0, features1.c & CPUID1_ECX_RDRAND);
}

/* Murmur's finaliser: spreads the host's seed and the TSC over all bits. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
    return x ^ x >> 33;
}

/* The command line starts with "seed=" and 16 digits; taken raw, they are 64 more bits to mix. The
 * start info and the command line lie in the first MiB, else there is no seed. */
static uint64_t host_seed(void)
{
    if (boot_start_info >= SHARED_LOWMEM_LEN - 64) {
        return 0;
    }
    const uint64_t *info = (const void *)(uint64_t)boot_start_info; /* identity-mapped still */
    uint64_t cmdline = info[3]; /* hvm_start_info.cmdline_paddr */
    if (cmdline >= SHARED_LOWMEM_LEN - 32) {
        return 0;
    }
    const char *text = (const void *)cmdline;
    uint64_t high;
    uint64_t low;
    __builtin_memcpy(&high, text + 5, 8);
    __builtin_memcpy(&low, text + 13, 8);
    return mix(high) ^ low;
}

static void collect_entropy(struct boot_info *info, const uint64_t random[4])
{
    uint64_t seed = host_seed() ^ tsc_read();
    for (unsigned i = 0; i < 4; i++) {
        seed = mix(seed + 0x9e3779b97f4a7c15);
        info->entropy[i] = random[i] ^ seed;
    }
}

/* Place image and direct map; entropy bits used here are not used again. */
static void place_library_os(struct boot_info *info)
{
    uint64_t pick = mix(info->entropy[0] ^ info->entropy[3]);
    uint64_t gib = pick % PLACES_GIB;
    uint64_t huge = (pick >> 16) % PLACES_HUGE;
    uint64_t direct = (pick >> 32) % PLACES_DIRECT;
    pdpt_libos[gib] = table_entry(pd_libos);
    pd_libos[huge] = table_entry(pt_libos);
    pd_libos[huge + 1] = table_entry(pt_shared);
    pdpt_monitor[direct] = table_entry(pd_direct);
    info->libos_base = KERNEL_AREA + gib * GIGA + huge * HUGE;
    info->shared = info->libos_base + SHARED_OFFSET;
    info->direct_map = DIRECT_AREA + direct * GIGA;
}

static void hook_image(const struct boot_info *info, const struct image_header *image)
{
    uint64_t base = info->libos_base;
    libos_text = base;
    libos_text_len = image->text_end;
    gate_rip = base + image->gate;
    syscall_rip = base + image->syscall;
    upcall_rip = base + image->upcall;
    cpu_entry_rip = base + image->cpu_entry;
    for (unsigned i = 0; i < 2; i++) {
        windows[i][0] = image->window[i][0];
        windows[i][1] = image->window[i][1];
        windows[i][2] = base + image->window[i][2];
    }
}

/* The frame that starts every upcall, and where a raw syscall lands. */
static void hook_cpu(const struct boot_info *info, unsigned cpu)
{
    uint64_t trap_page = info->shared + SHARED_CPU + cpu * CPU_STRIDE;
    uint64_t *frame = (uint64_t *)STACK_TOP(cpu);
    frame[0] = upcall_rip;
    frame[1] = USER_CS;
    frame[2] = RFLAGS_IF;
    frame[3] = trap_page + TRAP_STACK_TOP;
    frame[4] = USER_SS;
    cpu_data(cpu)->run_unit = UINT64_MAX;
    cpu_data(cpu)->run_cache[0].unit = UINT64_MAX;
    msr_write(MSR_GS_BASE, trap_page);
    if (info->features & FEATURE_SYSCALL_RING3) {
        msr_write(MSR_LSTAR, syscall_rip);
        return;
    }
    syscall_stack[cpu][0] = STACK_TOP(cpu);
    msr_write(MSR_KERNEL_GS_BASE, (uint64_t)syscall_stack[cpu]);
    msr_write(MSR_LSTAR, (uint64_t)syscall_landing);
    msr_write(MSR_FMASK, FMASK_VALUE);
}

/* TCG (QEMU 7.2) makes the stack reads of an iretq in ring 3 as supervisor: SMAP would refuse
 * them. */
static bool is_tcg(void)
{
    return (features1.c & CPUID1_ECX_HYPERVISOR) && cpuid(0x40000000).b == CPUID_TCG_EBX;
}

static void enable_processor(struct boot_info *info)
{
    uint64_t cr4;
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (features7.b & CPUID7_EBX_FSGSBASE) {
        cr4 |= CR4_FSGSBASE;
        info->features |= FEATURE_FSGSBASE;
    }
    cr4 |= features1.c & CPUID1_ECX_XSAVE ? CR4_OSXSAVE : 0;
    cr4 |= features7.b & CPUID7_EBX_SMEP ? CR4_SMEP : 0;
    cr4 |= (features7.b & CPUID7_EBX_SMAP) && !is_tcg() ? CR4_SMAP : 0;
    cr4 |= features7.c & CPUID7_ECX_UMIP ? CR4_UMIP : 0;
    __asm__ volatile("mov %0, %%cr4" ::"r"(cr4));
    if (features1.c & CPUID1_ECX_XSAVE) {
        info->xcr0 = cpuid(0xd).a & XCR0_WANTED;
        __asm__ volatile("xsetbv" ::"c"(0), "a"((uint32_t)info->xcr0), "d"(0));
        info->features |= FEATURE_XSAVE;
    }
}

static void find_clock(struct boot_info *info, uint64_t info_pa)
{
    if (!(features1.c & CPUID1_ECX_HYPERVISOR)) {
        return;
    }
    struct cpuid sig = cpuid(0x40000000);
    bool kvm = sig.b == 0x4b4d564b && sig.c == 0x564b4d56 && sig.d == 0x4d;
    if (!kvm || !(cpuid(0x40000001).a & CPUID_KVM_CLOCK)) {
        return;
    }
    msr_write(MSR_KVM_WALL_CLOCK, info_pa + offsetof(struct boot_info, wall));
    msr_write(MSR_KVM_SYSTEM_TIME, (info_pa + offsetof(struct boot_info, kvmclock)) | 1);
    info->features |= FEATURE_KVMCLOCK;
}

static void find_features(struct boot_info *info, uint64_t stayed_in_ring3, uint64_t nrandom)
{
    info->features |= stayed_in_ring3 ? FEATURE_SYSCALL_RING3 : 0;
    info->features |= features1.c & CPUID1_ECX_TSC_DEADLINE ? FEATURE_TSC_DEADLINE : 0;
    info->features |= nrandom == 4 ? FEATURE_RDRAND : 0;
    info->features |= cpuid(0x80000001).d & CPUID_EXT1_EDX_GIGA ? FEATURE_GIGA : 0;
}

void cpu_setup(unsigned cpu)
{
    struct boot_info *info = slot_va(SLOT_BOOT);
    msr_write(MSR_STAR, STAR_VALUE);
    hook_cpu(info, cpu);
    apic_init_cpu();
    enable_processor(info);
}

/* boot_finish: from boot_continue in boot.S, with what the probe found. */
__attribute__((noreturn)) void boot_finish(const uint64_t random[4], uint64_t nrandom,
                                           uint64_t stayed_in_ring3);
void boot_finish(const uint64_t random[4], uint64_t nrandom, uint64_t stayed_in_ring3)
{
    const struct image_header *image = (const void *)LIBOS_PA; /* identity-mapped still */
    struct boot_info *info = slot_va(SLOT_BOOT);
    uint64_t image_end = LIBOS_PA + image->bss_end + SHARED_PAGES * PAGE;
    info->version = ABI_VERSION;
    info->tsc_start = boot_tsc;
    info->start_info_pa = boot_start_info;
    info->image_end_pa = image_end;
    find_features(info, stayed_in_ring3, nrandom);
    collect_entropy(info, random);
    place_library_os(info);
    hook_image(info, image);
    hook_cpu(info, 0);
    find_clock(info, image_end - SHARED_PAGES * PAGE);
    paging_init(info->libos_base, info->direct_map, image_end, info->features & FEATURE_GIGA);
    apic_init(info->features & FEATURE_TSC_DEADLINE);
    uint64_t entry = info->libos_base + image->entry;
    pml4[0] = 0; /* the identity mapping goes */
    __asm__ volatile("mov %0, %%cr3" ::"r"((uint64_t)pml4 - MONITOR_SLOT) : "memory");
    enable_processor(info);
    ring3_flags = RFLAGS_IF;
    ring3_enter(entry, info->shared + SHARED_CPU + TRAP_STACK_TOP, info->shared + SHARED_BOOT);
}
