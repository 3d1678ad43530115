/* SPDX-License-Identifier: MIT */
/* What runtimes do with signal contexts: vector state over handlers that come at any moment, a
 * fault's handler that goes on elsewhere (null checks of Go and Java), preemption by tgkill whose
 * handler puts another context, with another stack, into the frame.
 * Source: sigaction(2) "The ucontext structure", System V ABI AMD64 supplement 3.2. */
// cflags: -pthread
// cpus: 1 2 4:kvm
// timeout: 30
#include "peers.h"

#include <signal.h>
#include <string.h>
#include <ucontext.h>

#define CREW 3
#define TIMES 500

static atomic_int handled, stop, broken;

static void set_handler(int sig, int flags, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(sig, &sa, NULL);
}

/* One vector of every register set that the machine has, before and after a signal. */
static void clobber_sse(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    __asm__ volatile("pcmpeqd %%xmm3, %%xmm3; movdqa %%xmm3, %%xmm15" ::: "xmm3", "xmm15");
    atomic_fetch_add(&handled, 1);
}

__attribute__((target("avx"))) static void clobber_avx(int sig, siginfo_t *info, void *context)
{
    clobber_sse(sig, info, context);
    __asm__ volatile("vzeroall" ::: "memory");
}

__attribute__((target("avx512f"))) static void clobber_avx512(int sig, siginfo_t *info,
                                                              void *context)
{
    clobber_avx(sig, info, context);
    __asm__ volatile("vpternlogd $0xff, %%zmm20, %%zmm20, %%zmm20; kxnorw %%k3, %%k3, %%k3" ::
                         : "memory");
}

/* Load, spin until handled changes or a while has passed, store: the registers are watched. */
#define SPIN                                                                              \
    "mov $200000, %%ecx\n1: mov %[handled], %%edx; cmp %[before], %%edx; jne 2f; pause\n" \
    "dec %%ecx; jnz 1b\n2:"

static int keep_sse(const char *in, char *out, int before)
{
    __asm__ volatile("movdqu (%[in]), %%xmm3; movdqu 16(%[in]), %%xmm15\n" SPIN
                     "movdqu %%xmm3, (%[out]); movdqu %%xmm15, 16(%[out])" ::[in] "r"(in),
                     [out] "r"(out), [before] "r"(before), [handled] "m"(handled)
                     : "rcx", "rdx", "xmm3", "xmm15", "memory", "cc");
    return memcmp(in, out, 32) == 0;
}

__attribute__((target("avx"))) static int keep_avx(const char *in, char *out, int before)
{
    __asm__ volatile(
        "vmovdqu (%[in]), %%ymm3; vmovdqu 32(%[in]), %%ymm15\n" SPIN
        "vmovdqu %%ymm3, (%[out]); vmovdqu %%ymm15, 32(%[out]); vzeroupper" ::[in] "r"(in),
        [out] "r"(out), [before] "r"(before), [handled] "m"(handled)
        : "rcx", "rdx", "xmm3", "xmm15", "memory", "cc");
    return memcmp(in, out, 64) == 0;
}

__attribute__((target("avx512f"))) static int keep_avx512(const char *in, char *out, int before)
{
    uint32_t mask = 0;
    __asm__ volatile("vmovdqu64 (%[in]), %%zmm3; vmovdqu64 64(%[in]), %%zmm20\n"
                     "mov $0x5a5a, %%edx; kmovw %%edx, %%k3\n" SPIN
                     "vmovdqu64 %%zmm3, (%[out]); vmovdqu64 %%zmm20, 64(%[out])\n"
                     "kmovw %%k3, %[mask]; vzeroupper"
                     : [mask] "=&r"(mask)
                     : [in] "r"(in), [out] "r"(out), [before] "r"(before), [handled] "m"(handled)
                     : "rcx", "rdx", "xmm3", "xmm20", "memory", "cc");
    return memcmp(in, out, 128) == 0 && mask == 0x5a5a;
}

static int level; /* 0 SSE, 1 AVX, 2 AVX-512 */

static void *keep(void *arg)
{
    char in[128], out[128];
    for (int i = 0; i < 128; i++) {
        in[i] = (char)(i * 7 + (intptr_t)arg);
    }
    while (!atomic_load(&stop)) {
        int before = atomic_load(&handled);
        int kept = level == 2   ? keep_avx512(in, out, before)
                   : level == 1 ? keep_avx(in, out, before)
                                : keep_sse(in, out, before);
        atomic_fetch_add(&broken, !kept);
    }
    return NULL;
}

static void test_vectors(void)
{
    struct peer crew[CREW];
    level = __builtin_cpu_supports("avx512f") ? 2 : __builtin_cpu_supports("avx") ? 1 : 0;
    set_handler(SIGUSR1, SA_RESTART,
                level == 2   ? clobber_avx512
                : level == 1 ? clobber_avx
                             : clobber_sse);
    for (intptr_t i = 0; i < CREW; i++) {
        peer_start(&crew[i], keep, (void *)i);
    }
    for (int i = 0; i < 60; i++) {
        pthread_kill(crew[i % CREW].thread, SIGUSR1);
        while (atomic_load(&handled) <= i) {
            nap_ms(1);
        }
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < CREW; i++) {
        peer_join(&crew[i]);
    }
    printf("vectors: handled %d broken %d\n", atomic_load(&handled), atomic_load(&broken));
}

/* A handler that changes vectors and flags of the interrupted code. */
static void edit_state(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig, (void)info;
    memset(uc->uc_mcontext.fpregs->_xmm + 5, 0x11, 16);
    uc->uc_mcontext.gregs[REG_RBX] = 0x2222;
    uc->uc_mcontext.gregs[REG_EFL] |= 1;
    sigaddset(&uc->uc_sigmask, SIGUSR2); /* holds after the handler */
}

static void test_edit(void)
{
    uint64_t out[2] = {0}, rbx = 0;
    uint8_t carry = 0;
    sigset_t now;
    long pid = getpid(), tid = syscall(SYS_gettid);
    set_handler(SIGUSR1, 0, edit_state);
    __asm__ volatile("pxor %%xmm5, %%xmm5; clc; syscall; setc %[carry]; movdqu %%xmm5, %[out]"
                     : [out] "=m"(out), [carry] "=r"(carry), "=b"(rbx)
                     : "a"(SYS_tgkill), "D"(pid), "S"(tid), "d"(SIGUSR1), "b"(0L)
                     : "rcx", "r11", "xmm5", "memory", "cc");
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    printf("edited: %lx %lx carry %d blocked %d\n", (unsigned long)out[0], (unsigned long)rbx,
           carry, sigismember(&now, SIGUSR2));
    sigemptyset(&now);
    pthread_sigmask(SIG_SETMASK, &now, NULL);
}

/* load(p): *p, or -1 by way of the handler when p is bad. */
long load(const long *p);
extern const char load_at[], load_bad[];
__asm__(
    ".text\n.globl load\nload:\nload_at: mov (%rdi), %rax\nret\nload_bad: mov $-1, %rax\nret\n");

static void go_elsewhere(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    (void)sig;
    int known = uc->uc_mcontext.gregs[REG_RIP] == (greg_t)(uintptr_t)load_at;
    known = known && info->si_addr == (void *)uc->uc_mcontext.gregs[REG_RDI];
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)load_bad;
    atomic_fetch_add(&broken, !known);
}

static void *check_null(void *arg)
{
    long good = 5, wrong = 0;
    for (int i = 0; i < TIMES; i++) {
        wrong += load(&good) != 5;
        wrong += load((const long *)(intptr_t)(i % 4096)) != -1;
    }
    (void)arg;
    return (void *)wrong;
}

static void test_null_checks(void)
{
    struct peer crew[CREW];
    set_handler(SIGSEGV, SA_NODEFER, go_elsewhere);
    for (int i = 0; i < CREW; i++) {
        peer_start(&crew[i], check_null, NULL);
    }
    for (int i = 0; i < CREW; i++) {
        SHOW((long)peer_join(&crew[i]));
    }
    SHOW(atomic_load(&broken));
}

/* Green threads: the handler exchanges the interrupted context with another one. */
#define GREENS 4
struct green {
    greg_t gregs[NGREG];
    __typeof__(*((mcontext_t *)0)->fpregs) fp;
    char stack[32768] __attribute__((aligned(16)));
};
static struct green greens[GREENS];
static volatile long work[GREENS];
static int running;
static atomic_int switches;

/* Registers full of what belongs to this one, checked for ever. */
static void green_main(long me)
{
    __asm__ volatile(
        "mov %[me], %%rbx; lea 1(%%rbx), %%r12; lea 2(%%rbx), %%r13\n"
        "lea 3(%%rbx), %%r14; movq %%rbx, %%xmm7\n"
        "1: incq (%[work],%%rbx,8)\n"
        "movq %%xmm7, %%r8; lea 1(%%r8), %%r9; lea 2(%%r8), %%r10; lea 3(%%r8), %%r11\n"
        "cmp %%rbx, %%r8; jne 2f; cmp %%r9, %%r12; jne 2f; cmp %%r10, %%r13; jne 2f\n"
        "cmp %%r11, %%r14; jne 2f; push %%rbx; pop %%r8; cmp %%rbx, %%r8; je 1b\n"
        "2: ud2" ::[me] "r"(me),
        [work] "r"(work)
        : "rbx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "xmm7", "memory", "cc");
}

static void exchange(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    struct green *from = &greens[running];
    (void)sig, (void)info;
    running = (running + 1) % GREENS;
    struct green *to = &greens[running];
    memcpy(from->gregs, uc->uc_mcontext.gregs, sizeof from->gregs);
    memcpy(&from->fp, uc->uc_mcontext.fpregs, sizeof from->fp);
    if (to->gregs[REG_RIP] == 0) { /* its first time */
        memcpy(to->gregs, from->gregs, sizeof to->gregs);
        memcpy(&to->fp, &from->fp, sizeof to->fp);
        to->gregs[REG_RIP] = (greg_t)(uintptr_t)green_main;
        to->gregs[REG_RDI] = running;
        to->gregs[REG_RSP] = (greg_t)(uintptr_t)(to->stack + sizeof to->stack - 8);
    }
    memcpy(uc->uc_mcontext.gregs, to->gregs, sizeof to->gregs);
    memcpy(uc->uc_mcontext.fpregs, &to->fp, sizeof to->fp);
    atomic_fetch_add(&switches, 1);
}

static void *run_greens(void *arg)
{
    stack_t s = {.ss_sp = arg, .ss_size = 65536};
    sigaltstack(&s, NULL);
    green_main(0);
    return NULL;
}

/* The process ends with its green threads running. */
static void test_preemption(void)
{
    struct peer p;
    int alive = 1;
    set_handler(SIGURG, SA_ONSTACK | SA_RESTART, exchange);
    peer_start(&p, run_greens, malloc(65536));
    while (work[0] == 0) {
        nap_ms(1);
    }
    for (int i = 0; i < 150; i++) {
        syscall(SYS_tgkill, getpid(), atomic_load(&p.tid), SIGURG);
        while (atomic_load(&switches) <= i) {
            nap_ms(1);
        }
    }
    for (int i = 0; i < GREENS; i++) {
        alive = alive && work[i] > 0;
    }
    printf("switches %d, all ran %d\n", atomic_load(&switches), alive);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_vectors();
    test_edit();
    test_null_checks();
    test_preemption();
    return 0;
}
