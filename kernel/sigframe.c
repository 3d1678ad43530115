/* SPDX-License-Identifier: MIT */
/* Builds and reads signal frames.
 *
 * The vector state goes through kernel memory of the thread, because XSAVE itself may not fault: it
 * is saved there and copied out, or copied in, checked, and restored.
 * Source: Linux arch/x86/include/uapi/asm/{ucontext,sigcontext}.h, psABI 3.2.2 (red zone). */
#include "kernel/sigframe.h"

#include <asm/errno.h>
#include <asm/sigcontext.h>
#include <asm/ucontext.h>
#include <linux/signal.h>

#include "kernel/base/string.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "platform/monitor/abi.h"

#define SYSCALL_LEN 2 /* bytes of the syscall instruction */
#define NR_RESTART_SYSCALL 219
#define RED_ZONE 128
#define FP_ALIGN 64
#define MIN_ALTSTACK 2048 /* MINSIGSTKSZ */
#define MXCSR_OFFSET 24
#define MXCSR_VALID 0xffff
#define XSAVE_HEADER_OFFSET 512
#define RFLAGS_USER 0x244dd5 /* ID AC OF DF TF SF ZF AF PF CF */
#define RFLAGS_FIXED 0x202
#define RFLAGS_ENTRY_CLEAR 0x10500 /* RF DF TF: clear when a handler starts */
#define USER_CS 0x33
#define USER_SS 0x2b

struct rt_sigframe {
    uint64_t pretcode;
    struct ucontext uc;
    siginfo_t info;
};

static bool is_inside(const stack_t *alt, uint64_t rsp)
{
    uint64_t base = (uint64_t)(uintptr_t)alt->ss_sp;
    return (alt->ss_flags & SS_DISABLE) == 0 && rsp > base && rsp - base <= alt->ss_size;
}

bool sigframe_on_altstack(uint64_t rsp)
{
    const stack_t *alt = &thread_this()->sig_altstack;
    /* one that disarms itself is never in use while it is registered */
    return ((unsigned)alt->ss_flags & SS_AUTODISARM) == 0 && is_inside(alt, rsp);
}

int sigframe_set_altstack(const stack_t *given, uint64_t rsp)
{
    unsigned mode = (unsigned)given->ss_flags & ~SS_AUTODISARM;
    stack_t *now = &thread_this()->sig_altstack;
    if (sigframe_on_altstack(rsp)) {
        return -EPERM;
    }
    if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0) {
        return -EINVAL;
    }
    if (mode == SS_DISABLE) {
        *now = (stack_t){.ss_flags = SS_DISABLE};
        return 0;
    }
    if (given->ss_size < MIN_ALTSTACK) {
        return -ENOMEM;
    }
    *now = *given;
    now->ss_flags = (int)((unsigned)given->ss_flags & SS_AUTODISARM);
    return 0;
}

/* Where the frame ends. *alternate: it must lie on the alternate stack. */
static uint64_t frame_stack(const struct frame *f, const struct sigaction *act, bool *alternate)
{
    const stack_t *alt = &thread_this()->sig_altstack;
    bool usable = (alt->ss_flags & SS_DISABLE) == 0 && alt->ss_size != 0;
    bool inside = sigframe_on_altstack(f->rsp);
    bool enter = (act->sa_flags & SA_ONSTACK) != 0 && usable && !inside;
    *alternate = enter || inside;
    return enter ? (uint64_t)(uintptr_t)alt->ss_sp + alt->ss_size : f->rsp - RED_ZONE;
}

static void save_registers(struct sigcontext *sc, const struct frame *f)
{
    sc->r8 = f->r8;
    sc->r9 = f->r9;
    sc->r10 = f->r10;
    sc->r11 = f->r11;
    sc->r12 = f->r12;
    sc->r13 = f->r13;
    sc->r14 = f->r14;
    sc->r15 = f->r15;
    sc->rdi = f->rdi;
    sc->rsi = f->rsi;
    sc->rbp = f->rbp;
    sc->rbx = f->rbx;
    sc->rdx = f->rdx;
    sc->rax = f->rax;
    sc->rcx = f->rcx;
    sc->rsp = f->rsp;
    sc->rip = f->rip;
    sc->eflags = f->rflags;
    sc->cs = USER_CS;
    sc->ss = USER_SS;
}

static void load_registers(struct frame *f, const struct sigcontext *sc)
{
    f->r8 = sc->r8;
    f->r9 = sc->r9;
    f->r10 = sc->r10;
    f->r11 = sc->r11;
    f->r12 = sc->r12;
    f->r13 = sc->r13;
    f->r14 = sc->r14;
    f->r15 = sc->r15;
    f->rdi = sc->rdi;
    f->rsi = sc->rsi;
    f->rbp = sc->rbp;
    f->rbx = sc->rbx;
    f->rdx = sc->rdx;
    f->rax = sc->rax;
    f->rcx = sc->rcx;
    f->rsp = sc->rsp;
    f->rip = sc->rip;
    f->rflags = (sc->eflags & RFLAGS_USER) | RFLAGS_FIXED;
    f->cs = USER_CS;
    f->ss = USER_SS;
}

/* Save the vector state at the program's address fp. */
static int save_vectors(uint64_t fp)
{
    uint8_t *fp_area = thread_this()->sig_vectors;
    size_t size = cpu_xsave_size();
    uint32_t magic2 = FP_XSTATE_MAGIC2;
    cpu_xsave(fp_area);
    struct _fpx_sw_bytes *sw = &((struct _fpstate *)(void *)fp_area)->sw_reserved;
    memset(sw, 0, sizeof(*sw));
    if (cpu_xsave_mask() != 0) {
        sw->magic1 = FP_XSTATE_MAGIC1;
        sw->extended_size = (uint32_t)(size + FP_XSTATE_MAGIC2_SIZE);
        sw->xfeatures = cpu_xsave_mask();
        sw->xstate_size = (uint32_t)size;
    }
    int err = uaccess_write(uptr(void, fp), fp_area, size);
    return err != 0 ? err : uaccess_write(uptr(void, fp + size), &magic2, sizeof(magic2));
}

/* Make what the program left in fp_area fit for XRSTOR, which faults on anything malformed. */
static void sanitize_vectors(uint8_t *fp_area, bool extended)
{
    uint32_t *mxcsr = (uint32_t *)(void *)(fp_area + MXCSR_OFFSET);
    uint64_t *header = (uint64_t *)(void *)(fp_area + XSAVE_HEADER_OFFSET);
    *mxcsr &= MXCSR_VALID;
    if (cpu_xsave_mask() == 0) {
        return;
    }
    uint64_t features = extended ? header[0] & cpu_xsave_mask() : 3; /* legacy: x87 and SSE */
    memset(header, 0, 64);
    header[0] = features;
}

static int load_vectors(uint64_t fp)
{
    uint8_t *fp_area = thread_this()->sig_vectors;
    size_t size = cpu_xsave_size();
    if (fp == 0) { /* as Linux: back to the initial state */
        memset(fp_area, 0, size);
        *(uint16_t *)(void *)fp_area = 0x37f;
        *(uint32_t *)(void *)(fp_area + MXCSR_OFFSET) = 0x1f80;
        sanitize_vectors(fp_area, true);
        cpu_xrstor(fp_area);
        return 0;
    }
    int err = uaccess_read(fp_area, uptr(void, fp), XSAVE_HEADER_OFFSET);
    if (err != 0) {
        return err;
    }
    const struct _fpx_sw_bytes *sw = &((struct _fpstate *)(void *)fp_area)->sw_reserved;
    bool extended = sw->magic1 == FP_XSTATE_MAGIC1 && sw->xstate_size == size && size > 512;
    if (extended) {
        err = uaccess_read(fp_area, uptr(void, fp), size);
        if (err != 0) {
            return err;
        }
    }
    sanitize_vectors(fp_area, extended);
    cpu_xrstor(fp_area);
    return 0;
}

int sigframe_push(struct frame *f, int sig, const siginfo_t *info, const struct sigaction *act,
                  uint64_t mask, const struct sigframe_fault *fault)
{
    struct thread *t = thread_this();
    bool alternate;
    uint64_t sp = frame_stack(f, act, &alternate);
    uint64_t fp = align_down(sp - cpu_xsave_size() - FP_XSTATE_MAGIC2_SIZE, FP_ALIGN);
    uint64_t at = align_down(fp - sizeof(struct rt_sigframe), 16) - 8;
    struct rt_sigframe rt;
    if (alternate && !is_inside(&t->sig_altstack, at)) {
        return -EFAULT; /* rather than write below the stack */
    }
    memset(&rt, 0, sizeof(rt));
    rt.pretcode = (uint64_t)(uintptr_t)act->sa_restorer;
    rt.uc.uc_flags = UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS;
    rt.uc.uc_flags |= cpu_xsave_mask() != 0 ? UC_FP_XSTATE : 0;
    rt.uc.uc_stack = t->sig_altstack;
    rt.uc.uc_sigmask = mask;
    save_registers(&rt.uc.uc_mcontext, f);
    rt.uc.uc_mcontext.trapno = fault->trapno;
    rt.uc.uc_mcontext.err = fault->err;
    rt.uc.uc_mcontext.cr2 = fault->cr2;
    rt.uc.uc_mcontext.oldmask = mask;
    rt.uc.uc_mcontext.fpstate = (struct _fpstate *)(uintptr_t)fp;
    rt.info = *info;
    if (save_vectors(fp) != 0 || uaccess_write(uptr(void, at), &rt, sizeof(rt)) != 0) {
        return -EFAULT;
    }
    f->rdi = (uint64_t)sig;
    f->rsi = at + offsetof(struct rt_sigframe, info);
    f->rdx = at + offsetof(struct rt_sigframe, uc);
    f->rax = 0;
    f->rip = (uint64_t)(uintptr_t)act->sa_handler;
    f->rsp = at;
    f->rflags &= ~(uint64_t)RFLAGS_ENTRY_CLEAR;
    if (((unsigned long)t->sig_altstack.ss_flags & SS_AUTODISARM) != 0) {
        t->sig_altstack = (stack_t){.ss_flags = SS_DISABLE};
    }
    return 0;
}

int sigframe_pop(uint64_t user_rsp, struct frame *f, uint64_t *mask)
{
    struct rt_sigframe rt;
    if (uaccess_read(&rt, uptr(void, user_rsp - 8), sizeof(rt)) != 0) {
        return -EFAULT;
    }
    const struct sigcontext *sc = &rt.uc.uc_mcontext;
    if (sc->rip >= KERNEL_AREA || load_vectors((uint64_t)(uintptr_t)sc->fpstate) != 0) {
        return -EFAULT;
    }
    memset(f, 0, sizeof(*f));
    load_registers(f, sc);
    *mask = rt.uc.uc_sigmask;
    (void)sigframe_set_altstack(&rt.uc.uc_stack, f->rsp); /* refused while it is in use: as Linux */
    return 0;
}

void sigframe_settle(struct frame *f, bool handler, uint64_t sa_flags)
{
    if (f->vector != FRAME_SYSCALL) {
        return;
    }
    long result = (long)f->rax;
    bool restart;
    switch (result) {
    case -ERESTARTNOINTR: restart = true; break;
    case -ERESTARTSYS: restart = !handler || (sa_flags & SA_RESTART) != 0; break;
    case -ERESTARTNOHAND:
    case -ERESTART_RESTARTBLOCK: restart = !handler; break;
    default: return;
    }
    f->vector = 0; /* settled: a second handler must not do it again */
    if (!restart) {
        f->rax = (uint64_t)-EINTR;
        return;
    }
    f->rax = result == -ERESTART_RESTARTBLOCK ? NR_RESTART_SYSCALL : f->error;
    f->rip -= SYSCALL_LEN;
}
