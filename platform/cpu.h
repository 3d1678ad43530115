/* SPDX-License-Identifier: MIT */
/* The per-CPU block, trap frames, FS base and vector state. */
#ifndef PLATFORM_CPU_H
#define PLATFORM_CPU_H

#include "kernel/base/base.h"
#include "platform/monitor/abi.h"

/* General registers and interrupt frame of an interrupted or trapped context. Pushed by entry.S. */
struct frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector; /* 0..31 exception, 32.. interrupt, FRAME_SYSCALL: in a system call */
    uint64_t error; /* error code; for FRAME_SYSCALL the call's number (as orig_rax of Linux) */
    uint64_t rip, cs, rflags, rsp, ss;
};
#define FRAME_SYSCALL 256

/* What the gate keeps of a system call, at the top of the thread's kernel stack; offsets.h names
 * the same places for assembly. */
struct call_frame {
    uint64_t result, number, flags, r9, r8, r10, rdx, rsi, rdi, rip;
};

/* The registers that C functions preserve, as platform/switch.S pushes them. */
struct saved_registers {
    uint64_t r15, r14, r13, r12, rbx, rbp;
};

struct thread;

/* The trap page: the monitor's part, then ours. GS base points at it. [C] but for pending. */
struct cpu {
    struct trap_page trap;
    uint8_t pad[TRAP_LIBOS - sizeof(struct trap_page)];
    struct cpu *self; /* 0x80 [I] */
    uint64_t user_rsp; /* 0x88 the program's RSP while in a call */
    uint64_t kernel_rsp; /* 0x90 top of the current thread's kernel stack */
    struct thread *thread; /* 0x98 the current thread */
    uint64_t canary; /* 0xa0 stack protector's value [I] */
    uint64_t exit_frame; /* 0xa8 frame that the trap-exit window restores */
    uint64_t scratch[2]; /* 0xb0 for entry.S */
    uint64_t calls; /* 0xc0 system calls entered by jump or trap */
    uint64_t raw_calls; /* 0xc8 of them, by trap */
    struct call_page *call_page; /* 0xd0 [I] */
    uint32_t id; /* 0xd8 [I] */
    uint64_t fs_base; /* 0xe0 the program's, where the processor cannot read it back in ring 3 */
    uint64_t moncalls[MON_NCALLS + 1]; /* 0xe8 monitor calls made, by number */
};

/* cpu_this: the running CPU's block. */
static inline struct cpu *cpu_this(void)
{
    struct cpu *c;
    __asm__ volatile("mov %%gs:0x80, %0" : "=r"(c));
    return c;
}

/* cpu_call_frame: of the system call that the current thread is in. */
static inline struct call_frame *cpu_call_frame(void)
{
    return (struct call_frame *)(uintptr_t)(cpu_this()->kernel_rsp - sizeof(struct call_frame));
}

/* context_switch: push the preserved registers, store RSP in *save_rsp, go on with load_rsp's.
 * Returns when somebody switches back. context_begin, context_begin_kernel: where a new thread's
 * saved context returns to; see platform/switch.S. */
void context_switch(uint64_t *save_rsp, uint64_t load_rsp);
void context_begin(void);
void context_begin_kernel(void);

/* cpu_init: set up the block of CPU id; boot_init comes first. cpu_of: the block. */
void cpu_init(unsigned id);
struct cpu *cpu_of(unsigned id);

/* cpu_start: bring up CPU id (1..MAX_CPUS-1), which runs begin as thread t on t's stack and never
 * returns from it. Call in order of id. Returns 0, -EINVAL, -EBUSY (runs already), -ETIMEDOUT, -EIO
 * (it did not come). cpu_count: CPUs that run. */
MUST_CHECK int cpu_start(unsigned id, struct thread *t, uint64_t stack_top, void (*begin)(void));
unsigned cpu_count(void);

/* cpu_interrupt: make CPU id look at its pending word soon, wherever it is. cpu_serialize_others:
 * every other CPU executes a serialising instruction before this returns, or before it ends being
 * lazy. */
void cpu_interrupt(unsigned id);
void cpu_serialize_others(void);

/* cpu_lazy_begin: from here to cpu_lazy_end this CPU touches no memory of the program, and need not
 * be interrupted when the program's pages go. cpu_lazy_end makes up for what it was spared; nothing
 * happens when it was not lazy. cpu_is_lazy asks. */
void cpu_lazy_begin(void);
void cpu_lazy_end(void);
bool cpu_is_lazy(void);

/* cpu_resume: leave for the program with the registers of f (copied first); its RIP must lie below
 * KERNEL_AREA. What is pending is done on the way. */
NORETURN void cpu_resume(const struct frame *f);

/* cpu_id: index of the running CPU, 0.. */
uint32_t cpu_id(void);

/* cpu_attention: make the running program come through the kernel's exit path before it goes on
 * (a signal became pending, a reschedule is due). Sets the high half of the pending word. */
#define CPU_ATTENTION_SIGNAL 32
#define CPU_ATTENTION_RESCHED 33
void cpu_attention(struct cpu *cpu, unsigned bit);

/* cpu_set_fs_base: the program's FS base, from arch_prctl. cpu_fs_base reads it. */
void cpu_set_fs_base(uint64_t base);
uint64_t cpu_fs_base(void);

/* Vector state: size of the XSAVE area with all enabled components (64-byte aligned area), save to
 * and restore from it. restore faults (#GP) on a malformed area: callers pass checked data. */
size_t cpu_xsave_size(void);
uint64_t cpu_xsave_mask(void);
void cpu_xsave(void *area);
void cpu_xrstor(const void *area);

/* cpu_serialize: code written through another address is fetched anew from here on. Any serialising
 * instruction does; iretq to itself is the one that is cheap on every host. */
void cpu_serialize(void);

/* cpu_cycles: the TSC, not serialised. */
static inline uint64_t cpu_cycles(void)
{
    uint32_t lo;
    uint32_t hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return lo | (uint64_t)hi << 32;
}

/* cpu_random: 64 bits of RDRAND, false when the processor has none or it failed. */
bool cpu_random(uint64_t *out);

#endif
