/* SPDX-License-Identifier: MIT */
/* Signals of one thread: actions, masks, pending, delivery order, siginfo, alternate stack, faults
 * handled and repaired, vector state across handlers. Source: signal(7) and each manual page. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD_POINTER ((void *)8)
#define MASK(n) (1UL << ((n)-1))

static volatile int seen[65], order[100], count;
static siginfo_t last;
static sigjmp_buf jump;

static void note(int sig)
{
    seen[sig]++;
    order[count++ % 100] = sig;
}

static void note_info(int sig, siginfo_t *info, void *context)
{
    (void)context;
    note(sig);
    last = *info;
}

static void install(int sig, int flags, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(sig, &sa, NULL);
}

static void show_order(const char *what)
{
    printf("%s:", what);
    for (int i = 0; i < count; i++)
        printf(" %d", order[i]);
    printf("\n");
    count = 0;
}

static void test_actions(void)
{
    struct sigaction sa = {.sa_handler = note}, old;
    SHOW(sigaction(SIGUSR1, &sa, &old));
    TRUE(old.sa_handler == SIG_DFL);
    SHOW(sigaction(SIGUSR1, NULL, &old));
    TRUE(old.sa_handler == note);
    SHOW(sigaction(SIGKILL, &sa, NULL));
    SHOW(sigaction(SIGSTOP, &sa, NULL));
    SHOW(sigaction(SIGKILL, NULL, &old));
    SHOW(syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
    SHOW(syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, BAD_POINTER, NULL, 8));
    SHOW(syscall(SYS_rt_sigaction, SIGUSR1, NULL, BAD_POINTER, 8));
    SHOW(raise(SIGUSR1));
    SHOW(kill(getpid(), SIGUSR1));
    SHOW(kill(getpid(), 0));
    SHOW(kill(getpid(), 65));
    SHOW(kill(getpid(), -1));
    SHOW(kill(9999999, SIGUSR1));
    SHOW(syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1));
    SHOW(syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1));
    SHOW(syscall(SYS_tgkill, getpid(), 9999999, SIGUSR1));
    SHOW(syscall(SYS_tgkill, getpid(), 0, SIGUSR1));
    SHOW(syscall(SYS_tkill, -1, SIGUSR1));
    SHOW(seen[SIGUSR1]);
    sa.sa_handler = SIG_IGN;
    SHOW(sigaction(SIGTERM, &sa, NULL));
    SHOW(raise(SIGTERM));
    SHOW(raise(SIGCHLD));
    SHOW(raise(SIGURG));
    SHOW(raise(SIGWINCH));
    count = 0;
}

static void test_masks(void)
{
    uint64_t set = MASK(SIGUSR1) | MASK(SIGUSR2) | MASK(SIGKILL) | MASK(40), old = 0, pending = 0;
    install(SIGUSR1, 0, note_info);
    install(SIGUSR2, 0, note_info);
    install(40, 0, note_info);
    install(SIGHUP, 0, note_info);
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, &old, 8));
    SHOW(old);
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8));
    TRUE(old == (MASK(SIGUSR1) | MASK(SIGUSR2) | MASK(40)));
    raise(SIGUSR2);
    raise(SIGUSR1);
    raise(SIGUSR1);
    raise(SIGHUP);
    SHOW(syscall(SYS_rt_sigpending, &pending, 8));
    TRUE(pending == (MASK(SIGUSR1) | MASK(SIGUSR2)));
    show_order("while blocked");
    SHOW(syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8));
    /* Both are delivered on one return: the lower number's frame is built first, so that the higher
     * number's handler runs first. */
    show_order("unblocked");
    SHOW(syscall(SYS_rt_sigprocmask, 77, &set, NULL, 8));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, BAD_POINTER, NULL, 8));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, BAD_POINTER, 8));
    SHOW(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 16));
    SHOW(syscall(SYS_rt_sigpending, &pending, 16));
    SHOW(syscall(SYS_rt_sigpending, BAD_POINTER, 8));
}

static void show_info(void)
{
    printf("info: signo %d code %d pid %s value %d\n", last.si_signo, last.si_code,
           last.si_pid == getpid() ? "self" : "other", last.si_value.sival_int);
}

static void test_queue(void)
{
    uint64_t set = MASK(40) | MASK(41);
    siginfo_t info = {.si_signo = 40, .si_code = SI_QUEUE};
    struct timespec no_time = {0, 0}, wrong = {-1, 0}, little = {0, 20000000};
    install(40, 0, note_info);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 8);
    info.si_pid = getpid();
    for (int i = 1; i <= 3; i++) {
        info.si_value.sival_int = i * 11;
        SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), 40, &info));
    }
    for (int i = 0; i < 2; i++) {
        SHOW(syscall(SYS_rt_sigtimedwait, &set, &last, &no_time, 8));
        show_info();
    }
    syscall(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, NULL, 8);
    show_info();
    show_order("queued");
    raise(SIGUSR1);
    show_info();
    kill(getpid(), SIGUSR1);
    show_info();
    SHOW(syscall(SYS_rt_sigtimedwait, &set, NULL, &no_time, 8));
    SHOW(syscall(SYS_rt_sigtimedwait, &set, NULL, &little, 8));
    SHOW(syscall(SYS_rt_sigtimedwait, &set, NULL, &wrong, 8));
    SHOW(syscall(SYS_rt_sigtimedwait, BAD_POINTER, NULL, &no_time, 8));
    SHOW(syscall(SYS_rt_sigtimedwait, &set, NULL, &no_time, 4));
    SHOW(syscall(SYS_rt_sigqueueinfo, getpid(), 40, BAD_POINTER));
    SHOW(syscall(SYS_rt_sigqueueinfo, 9999999, 40, &info));
    info.si_code = SI_TKILL;
    SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), syscall(SYS_gettid), 40, &info));
    count = 0;
}

static void nest(int sig, siginfo_t *info, void *context)
{
    ucontext_t *uc = context;
    uint64_t now = 0;
    (void)info;
    note(sig);
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8);
    printf("in %d: blocked %lx, saved %lx\n", sig, now, *(uint64_t *)&uc->uc_sigmask);
    if (seen[sig] < 3)
        raise(sig);
    printf("out of %d\n", sig);
}

static void test_nesting(void)
{
    struct sigaction sa = {.sa_sigaction = nest, .sa_flags = SA_SIGINFO}, old;
    memset((void *)seen, 0, sizeof seen);
    sigaddset(&sa.sa_mask, SIGHUP);
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    show_order("not nested");
    sa.sa_flags |= SA_NODEFER;
    sigaction(SIGUSR2, &sa, NULL);
    raise(SIGUSR2);
    show_order("nested");
    sa.sa_flags = SA_RESETHAND | SA_SIGINFO;
    sa.sa_sigaction = note_info;
    sigaction(SIGHUP, &sa, NULL);
    raise(SIGHUP);
    sigaction(SIGHUP, NULL, &old);
    TRUE(old.sa_handler == SIG_DFL);
    count = 0;
}

static void test_suspend(void)
{
    uint64_t usr1 = MASK(SIGUSR1), none = 0, now = 0;
    install(SIGUSR1, 0, note_info);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &usr1, NULL, 8);
    raise(SIGUSR1);
    SHOW(syscall(SYS_rt_sigsuspend, &none, 8));
    syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &now, 8);
    TRUE(now == usr1);
    SHOW(syscall(SYS_rt_sigsuspend, &none, 4));
    SHOW(syscall(SYS_rt_sigsuspend, BAD_POINTER, 8));
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, 8);
    install(SIGALRM, 0, note_info);
    alarm(1);
    SHOW(pause());
    show_order("suspend and pause");
    SHOW(last.si_code == SI_KERNEL);
}

static void test_restart(void)
{
    int fds[2];
    char c = 0;
    struct timespec long_time = {30, 0}, left = {0, 0};
    struct sigaction sa = {.sa_handler = note};
    if (pipe(fds))
        return;
    sigaction(SIGALRM, &sa, NULL);
    alarm(1);
    SHOW(read(fds[0], &c, 1));
    alarm(1);
    SHOW(nanosleep(&long_time, &left));
    TRUE(left.tv_sec == 28 || left.tv_sec == 29);
    count = 0;
}

static int on_stack(const stack_t *s)
{
    char here;
    return &here >= (char *)s->ss_sp && &here < (char *)s->ss_sp + s->ss_size;
}

static stack_t alternate;
static void check_stack(int sig)
{
    stack_t now;
    note(sig);
    TRUE(on_stack(&alternate));
    sigaltstack(NULL, &now);
    TRUE(now.ss_flags == SS_ONSTACK);
    SHOW(sigaltstack(&alternate, NULL));
}

static void test_altstack(void)
{
    struct sigaction sa = {.sa_handler = check_stack, .sa_flags = SA_ONSTACK};
    stack_t old, small = {.ss_sp = &old, .ss_size = 100};
    alternate = (stack_t){.ss_sp = malloc(65536), .ss_size = 65536};
    SHOW(sigaltstack(NULL, &old));
    TRUE(old.ss_flags == SS_DISABLE);
    SHOW(sigaltstack(&small, NULL));
    SHOW(sigaltstack(&alternate, NULL));
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    sigaltstack(NULL, &old);
    TRUE(old.ss_flags == 0 && old.ss_sp == alternate.ss_sp && old.ss_size == 65536);
    small.ss_flags = 0x40;
    SHOW(sigaltstack(&small, NULL));
    SHOW(syscall(SYS_sigaltstack, BAD_POINTER, NULL));
    SHOW(syscall(SYS_sigaltstack, NULL, BAD_POINTER));
    count = 0;
}

static void catch_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    last = *info;
    siglongjmp(jump, sig);
}

#define FAULT(what, ...)                                                \
    do {                                                                \
        int sig = sigsetjmp(jump, 1);                                   \
        if (!sig) {                                                     \
            __VA_ARGS__;                                                \
            printf("%s: no signal\n", what);                            \
        } else                                                          \
            printf("%s: signal %d code %d\n", what, sig, last.si_code); \
    } while (0)

static void test_faults(void)
{
    int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    volatile int zero = 0, *volatile null = NULL;
    char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
        install(faults[i], SA_ONSTACK, catch_fault);
    FAULT("null write", *null = 1);
    TRUE(last.si_addr == NULL);
    FAULT("read-only write", page[5] = 1);
    TRUE(last.si_addr == page + 5);
    munmap(page + 4096, 4096);
    FAULT("unmapped read", zero = page[4100]);
    TRUE(last.si_addr == page + 4100);
    FAULT("non-canonical", zero = *(volatile int *)0x8000000000000000);
    FAULT("execute data", ((void (*)(void))page)());
    zero = 0;
    FAULT("divide", zero = 1 / zero);
    FAULT("ud2", __asm__ volatile("ud2"));
    FAULT("int3", __asm__ volatile("int3"));
    FAULT("hlt", __asm__ volatile("hlt"));
    FAULT("abort by SIGSEGV", raise(SIGSEGV));
    FILE *f = fopen("short", "w+");
    fputc('x', f);
    fflush(f);
    char *map = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fileno(f), 0);
    FAULT("past the end of a file", zero = map[5000]);
    TRUE(last.si_addr == map + 5000);
    fclose(f);
}

static char *lazy;
static void repair(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    mprotect((char *)((uintptr_t)info->si_addr & ~4095UL), 4096, PROT_READ | PROT_WRITE);
    seen[SIGSEGV]++;
}

static void skip(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_RBX] = 1234;
}

static void test_repair(void)
{
    long rbx = 0;
    seen[SIGSEGV] = 0;
    install(SIGSEGV, 0, repair);
    lazy = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < 16; i++)
        lazy[i * 4096] = (char)i;
    SHOW(seen[SIGSEGV]);
    SHOW(lazy[15 * 4096]);
    install(SIGILL, 0, skip);
    __asm__ volatile("ud2" : "=b"(rbx));
    SHOW(rbx);
}

static void clobber(int sig, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    note(sig);
    __asm__ volatile("pcmpeqd %%xmm0, %%xmm0; movdqa %%xmm0, %%xmm15; fninit" ::
                         : "xmm0", "xmm15", "memory");
}

/* Vector and x87 state and flags survive a handler. */
static void test_state(void)
{
    uint64_t in[2] = {0x1122334455667788, 0x99aabbccddeeff00}, out[2] = {0}, flags;
    uint16_t control = 0x27f, after = 0;
    install(SIGUSR1, 0, clobber);
    long pid = getpid();
    __asm__ volatile("fldcw %[control]; movdqu %[in], %%xmm15; stc; std; mov %[pid], %%rdi\n"
                     "mov $10, %%esi; mov $62, %%eax; syscall; pushfq; pop %[flags]; cld\n"
                     "movdqu %%xmm15, %[out]; fnstcw %[after]; fninit"
                     : [out] "=m"(out), [after] "=m"(after), [flags] "=&b"(flags)
                     : [in] "m"(in), [control] "m"(control), [pid] "r"(pid)
                     : "rax", "rcx", "rdx", "rsi", "rdi", "r11", "xmm15", "memory", "cc");
    SHOW(count);
    TRUE(memcmp(in, out, 16) == 0);
    SHOW(after);
    SHOW(flags & 0x401);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_actions();
    test_masks();
    test_queue();
    test_nesting();
    test_suspend();
    test_restart();
    test_altstack();
    test_faults();
    test_repair();
    test_state();
    return 0;
}
