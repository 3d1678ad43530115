/* SPDX-License-Identifier: MIT */
/* The per-CPU block and the processor state that ring 3 may touch itself.
 *
 * GS base is the block of the running CPU (set by the monitor); FS base is the program's. Vector
 * registers are the program's as well: the library OS is compiled without them.
 * Source: AMD64 APM vol. 1 ch. 11 (XSAVE), vol. 3 (RDFSBASE). */
#include "platform/cpu.h"

#include "platform/boot.h"
#include "platform/moncall.h"
#include "platform/offsets.h"

static_assert(offsetof(struct cpu, self) == 0x80, "entry.S");
static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "entry.S");
static_assert(offsetof(struct cpu, kernel_rsp) == CPU_KERNEL_RSP, "entry.S");
static_assert(offsetof(struct cpu, thread) == 0x98, "thread_this");
static_assert(offsetof(struct cpu, canary) == CPU_CANARY, "entry.S and Makefile");
static_assert(offsetof(struct cpu, exit_frame) == CPU_EXIT_FRAME, "entry.S");
static_assert(offsetof(struct cpu, scratch) == CPU_SCRATCH0, "entry.S");
static_assert(offsetof(struct cpu, calls) == CPU_CALLS, "entry.S");
static_assert(offsetof(struct cpu, raw_calls) == CPU_RAW_CALLS, "entry.S");
static_assert(offsetof(struct cpu, moncalls) == CPU_MONCALLS, "entry.S");
static_assert(offsetof(struct frame, rip) == FRAME_RIP, "entry.S");
static_assert(offsetof(struct frame, rflags) == FRAME_RFLAGS, "entry.S");
static_assert(offsetof(struct frame, rsp) == FRAME_RSP, "entry.S");
static_assert(sizeof(struct frame) == FRAME_SIZE, "entry.S");
static_assert(sizeof(struct call_frame) == CALL_SIZE, "entry.S");
static_assert(offsetof(struct call_frame, rip) == CALL_RIP, "entry.S");
static_assert(offsetof(struct call_frame, rdi) == CALL_RDI, "entry.S");
static_assert(offsetof(struct call_frame, r9) == CALL_R9, "entry.S");
static_assert(offsetof(struct call_frame, flags) == CALL_FLAGS, "entry.S");
static_assert(offsetof(struct boot_info, entropy) == 48, "entry.S");
static_assert(offsetof(struct trap_page, vector) == TRAP_VECTOR, "monitor");
static_assert(offsetof(struct trap_page, cr2) == TRAP_CR2, "monitor");

#define LEGACY_AREA 512 /* FXSAVE */
#define XSAVE_HEADER 64

static unsigned ncpus = 1; /* [A] */
static void (*begin_function)(void); /* of the CPU being started */
static size_t xsave_size = LEGACY_AREA;

struct cpu *cpu_of(unsigned id)
{
    return (struct cpu *)(uintptr_t)(boot_info()->shared + SHARED_CPU + id * CPU_STRIDE);
}

void cpu_init(unsigned id)
{
    const struct boot_info *info = boot_info();
    struct cpu *c = cpu_of(id);
    c->self = c;
    c->id = id;
    c->call_page = (struct call_page *)(void *)((char *)c + PAGE_SIZE);
    if (info->features & FEATURE_XSAVE) {
        uint32_t a = 0xd;
        uint32_t b;
        uint32_t cx = 0;
        uint32_t d;
        __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(cx), "=d"(d));
        xsave_size = b; /* for the components enabled now */
    }
}

int cpu_start(unsigned id, struct thread *t, uint64_t stack_top, void (*begin)(void))
{
    struct cpu *c = cpu_of(id);
    cpu_init(id);
    c->kernel_rsp = stack_top;
    c->thread = t;
    c->canary = cpu_this()->canary; /* a function may end on another CPU than it began on */
    begin_function = begin;
    long err = moncall(MON_CPU_START, id, 0, 0);
    if (err == 0) {
        __atomic_store_n(&ncpus, id + 1, __ATOMIC_RELEASE);
    }
    return (int)err;
}

/* From entry.S: a CPU's first C function. */
NORETURN void cpu_begin(void);
void cpu_begin(void)
{
    begin_function();
    __builtin_unreachable();
}

unsigned cpu_count(void)
{
    return __atomic_load_n(&ncpus, __ATOMIC_ACQUIRE);
}

void cpu_interrupt(unsigned id)
{
    moncall(MON_IPI, id, 0, 0);
}

void cpu_serialize_others(void)
{
    if (cpu_count() > 1) {
        moncall(MON_SERIALIZE, 0, 0, 0);
    }
}

void cpu_lazy_begin(void)
{
    __atomic_store_n(&cpu_this()->trap.lazy, 1, __ATOMIC_RELEASE);
}

void cpu_lazy_end(void)
{
    struct trap_page *t = &cpu_this()->trap;
    if (t->lazy == 0) {
        return;
    }
    /* sequentially consistent: pairs with the monitor's look at lazy after it has set stale */
    __atomic_exchange_n(&t->lazy, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&t->stale, __ATOMIC_SEQ_CST) != 0) {
        __atomic_store_n(&t->stale, 0, __ATOMIC_SEQ_CST); /* before: what comes later interrupts */
        moncall(MON_FLUSH, 0, 0, 0);
    }
}

bool cpu_is_lazy(void)
{
    return cpu_this()->trap.lazy != 0;
}

uint32_t cpu_id(void)
{
    return cpu_this()->id;
}

void cpu_attention(struct cpu *cpu, unsigned bit)
{
    __atomic_fetch_or(&cpu->trap.pending, 1UL << bit, __ATOMIC_RELEASE);
}

void cpu_set_fs_base(uint64_t base)
{
    if (boot_info()->features & FEATURE_FSGSBASE) {
        __asm__ volatile("wrfsbase %0" ::"r"(base));
        return;
    }
    cpu_this()->fs_base = base;
    moncall(MON_FSBASE, base, 0, 0);
}

uint64_t cpu_fs_base(void)
{
    if (!(boot_info()->features & FEATURE_FSGSBASE)) {
        return cpu_this()->fs_base;
    }
    uint64_t base;
    __asm__ volatile("rdfsbase %0" : "=r"(base));
    return base;
}

size_t cpu_xsave_size(void)
{
    return xsave_size;
}

uint64_t cpu_xsave_mask(void)
{
    return boot_info()->xcr0;
}

void cpu_xsave(void *area)
{
    uint64_t mask = cpu_xsave_mask();
    if (mask == 0) {
        __asm__ volatile("fxsave64 (%0)" ::"r"(area) : "memory");
        return;
    }
    __builtin_memset((char *)area + LEGACY_AREA, 0, XSAVE_HEADER);
    __asm__ volatile("xsave64 (%0)" ::"r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

void cpu_xrstor(const void *area)
{
    uint64_t mask = cpu_xsave_mask();
    if (mask == 0) {
        __asm__ volatile("fxrstor64 (%0)" ::"r"(area) : "memory");
        return;
    }
    __asm__ volatile("xrstor64 (%0)" ::"r"(area), "a"((uint32_t)mask), "d"((uint32_t)(mask >> 32))
                     : "memory");
}

bool cpu_random(uint64_t *out)
{
    if (!(boot_info()->features & FEATURE_RDRAND)) {
        return false;
    }
    for (unsigned tries = 0; tries < 16; tries++) {
        unsigned char ok;
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*out), "=qm"(ok)::"cc");
        if (ok) {
            return true;
        }
    }
    return false;
}

void cpu_serialize(void)
{
    uint64_t rsp;
    uint64_t part;
    __asm__ volatile("mov %%rsp, %0\n\t"
                     "mov %%ss, %k1\n\t"
                     "push %1\n\t"
                     "push %0\n\t"
                     "pushfq\n\t"
                     "mov %%cs, %k1\n\t"
                     "push %1\n\t"
                     "lea 1f(%%rip), %1\n\t"
                     "push %1\n\t"
                     "iretq\n"
                     "1:"
                     : "=&r"(rsp), "=&r"(part)
                     :
                     : "memory", "cc");
}
