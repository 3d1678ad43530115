/* SPDX-License-Identifier: MIT */
/* Reflected traps: page faults are resolved, the program's other exceptions become signals, those
 * of the library OS itself are user accesses that fail or a panic.
 *
 * Runs on the current thread's kernel stack with no locks held by this file.
 * Source: Linux arch/x86 exception to signal mapping (signal(7), sigaction(2)). */
#include "kernel/trap.h"

#include <asm/siginfo.h>
#include <asm/signal.h>

#include "kernel/base/print.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/rseq.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "platform/boot.h"
#include "platform/irq.h"
#include "platform/monitor/abi.h"

#define VECTOR_UD 6
#define VECTOR_GP 13
#define VECTOR_PF 14
#define VECTOR_INTERRUPTS 32
#define ATTENTION_MASK 0xffffffff00000000UL

static const struct trap_hooks *hooks;

void trap_set_hooks(const struct trap_hooks *h)
{
    hooks = h;
}

uint64_t trap_site_rip(uint64_t rip)
{
    uint64_t site;
    if (hooks != NULL && hooks->resolve(rip, &site)) {
        return site;
    }
    return rip;
}

/* The signal of each exception; vectors that are not here cannot come from a program. */
static const struct {
    int sig, code;
} exception_signal[VECTOR_INTERRUPTS] = {
    [0] = {SIGFPE, FPE_INTDIV},         [1] = {SIGTRAP, TRAP_TRACE},
    [3] = {SIGTRAP, SI_KERNEL},         [4] = {SIGSEGV, SI_KERNEL},
    [5] = {SIGSEGV, SI_KERNEL},         [VECTOR_UD] = {SIGILL, ILL_ILLOPN},
    [7] = {SIGFPE, SI_KERNEL},          [10] = {SIGSEGV, SI_KERNEL},
    [11] = {SIGBUS, SI_KERNEL},         [12] = {SIGBUS, SI_KERNEL},
    [VECTOR_GP] = {SIGSEGV, SI_KERNEL}, [16] = {SIGFPE, FPE_FLTINV},
    [17] = {SIGBUS, BUS_ADRALN},        [19] = {SIGFPE, FPE_FLTINV},
};

static bool from_program(const struct frame *f)
{
    return f->rip < KERNEL_AREA;
}

NORETURN static void panic_with_frame(const struct frame *f, uint64_t cr2)
{
    uint64_t base = boot_info()->libos_base;
    log(BOOT, ERROR, "kernel trap %lu error %lx at %lx (image+%lx) address %lx", f->vector,
        f->error, f->rip, f->rip - base, cr2);
    log(BOOT, ERROR, "  rax %lx rbx %lx rcx %lx rdx %lx rsi %lx rdi %lx", f->rax, f->rbx, f->rcx,
        f->rdx, f->rsi, f->rdi);
    log(BOOT, ERROR, "  rbp %lx rsp %lx r8 %lx r9 %lx r10 %lx r11 %lx", f->rbp, f->rsp, f->r8,
        f->r9, f->r10, f->r11);
    const uint64_t *fp = (const uint64_t *)(uintptr_t)f->rbp;
    for (int i = 0; i < 16 && (uint64_t)(uintptr_t)fp >= KERNEL_AREA; i++) {
        log(BOOT, ERROR, "  called from image+%lx", fp[1] - base);
        fp = (const uint64_t *)(uintptr_t)fp[0];
    }
    panic("unexpected trap in the kernel");
}

static void page_fault(struct frame *f, uint64_t addr)
{
    int code = SEGV_MAPERR;
    int sig = SIGSEGV;
    bool may_sleep = from_program(f) || !thread_this()->faults_off;
    if (addr >= USER_MIN && addr < KERNEL_AREA && may_sleep) {
        sig = mmap_fault(addr, (unsigned)f->error, f->rsp, &code);
    }
    if (sig == 0) {
        if ((f->error & FAULT_EXEC) != 0 && hooks != NULL) {
            hooks->text(addr);
        }
        return;
    }
    if (sig == SIGKILL) { /* also when a call needs the page: the program could not handle it */
        mmap_report_full();
        process_exit(128 + SIGKILL);
    }
    if (!from_program(f)) {
        uint64_t landing = uaccess_fixup(f->rip);
        if (landing == 0) {
            panic_with_frame(f, addr);
        }
        f->rip = landing;
        return;
    }
    signal_send_fault(sig, code, addr, f);
}

void trap_dispatch(struct frame *f, uint64_t cr2)
{
    if (f->vector >= VECTOR_INTERRUPTS) {
        return; /* its bit is pending: trap_exit_work */
    }
    if (f->vector == VECTOR_PF && !from_program(f)) {
        page_fault(f, cr2);
        return;
    }
    if (f->vector == VECTOR_PF) {
        cputime_enter();
        page_fault(f, cr2);
        cputime_leave();
        return;
    }
    if (!from_program(f)) {
        panic_with_frame(f, 0);
    }
    uint64_t copy;
    if ((f->vector == VECTOR_UD || f->vector == VECTOR_GP) && hooks != NULL &&
        hooks->stray(f->rip, &copy)) {
        f->rip = copy;
        return;
    }
    int sig = exception_signal[f->vector].sig;
    int code = exception_signal[f->vector].code;
    bool no_address = code == SI_KERNEL;
    signal_send_fault(sig == 0 ? SIGSEGV : sig, code, no_address ? 0 : trap_site_rip(f->rip), f);
}

void trap_exit_work(struct frame *f)
{
    irq_poll();
    uint64_t bits =
        __atomic_fetch_and(&cpu_this()->trap.pending, ~ATTENTION_MASK, __ATOMIC_ACQUIRE);
    bool preempted = (bits >> CPU_ATTENTION_RESCHED & 1) != 0;
    if (preempted) {
        sched_preempt();
    }
    sched_leaving();
    if ((preempted || rseq_moved()) && rseq_resume(f) != 0) {
        signal_send_fault(SIGSEGV, SI_KERNEL, 0, f);
    }
    signal_deliver(f);
}

void trap_stack_overflow(void)
{
    panic("kernel stack overflow");
}
