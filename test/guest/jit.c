/* SPDX-License-Identifier: MIT */
/* System calls in code that the program makes itself: at the end of a page and of a mapping, in
 * pages that are writable and executable, that change between the two, that are mapped anew with
 * other code, and in shared mappings. Each piece runs often enough to be rewritten.
 * Source: mmap(2), mprotect(2), memfd_create(2). */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "test/guest/codecall.h"
#include "test/guest/show.h"

#define PAGE 4096
#define ROUNDS 200
#define RW (PROT_READ | PROT_WRITE)
#define RX (PROT_READ | PROT_EXEC)
#define RWX (RW | PROT_EXEC)

static sigjmp_buf back;
static void *volatile fault_at;
static volatile long fault_rax;

/* mov $nr, %eax; syscall; ret */
static size_t put_call(uint8_t *at, unsigned nr)
{
    const uint8_t code[] = {0xb8, (uint8_t)nr, (uint8_t)(nr >> 8), 0, 0, 0x0f, 0x05, 0xc3};
    memcpy(at, code, sizeof code);
    return sizeof code;
}

/* How many of ROUNDS calls of code returned expected. */
static int right(const void *code, long expected)
{
    int n = 0;
    for (int i = 0; i < ROUNDS; i++)
        n += code_call(code) == expected;
    return n;
}

static uint8_t *map(void *at, size_t len, int prot)
{
    return mmap(at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | (at ? MAP_FIXED : 0), -1, 0);
}

static void on_fault(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *u = context;
    (void)sig;
    fault_at = info->si_addr;
    fault_rax = u->uc_mcontext.gregs[REG_RAX];
    siglongjmp(back, 1);
}

/* The syscall is the last instruction of a page; the next one holds what follows, or nothing. */
static void test_ends(void)
{
    uint8_t *p = map(NULL, 2 * PAGE, RW);
    put_call(p + PAGE - 7, SYS_getpid); /* the ret is on the second page */
    SHOW(mprotect(p, 2 * PAGE, RX));
    SHOW(right(p + PAGE - 7, getpid()));
    SHOW(munmap(p + PAGE, PAGE));
    struct sigaction a = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &a, NULL);
    int faults = 0;
    for (volatile int i = 0; i < ROUNDS; i++) {
        if (sigsetjmp(back, 1) == 0)
            code_call(p + PAGE - 7);
        else
            faults += fault_at == p + PAGE && fault_rax == getpid();
    }
    SHOW(faults);
    signal(SIGSEGV, SIG_DFL);
    SHOW(munmap(p, PAGE));
}

static void test_writable(void)
{
    uint8_t *p = map(NULL, PAGE, RWX);
    put_call(p, SYS_getpid);
    SHOW(right(p, getpid()));
    p[1] = SYS_getppid;
    SHOW(right(p, getppid()));
    put_call(p + 100, SYS_getuid);
    SHOW(right(p + 100, getuid()));
    SHOW(munmap(p, PAGE));
}

static void test_switched(void)
{
    uint8_t *p = map(NULL, PAGE, RW);
    for (int i = 0; i < 5; i++) {
        put_call(p, i % 2 ? SYS_getppid : SYS_getpid);
        SHOW(mprotect(p, PAGE, RX));
        SHOW(right(p, i % 2 ? getppid() : getpid()));
        SHOW(mprotect(p, PAGE, RW));
        TRUE(memcmp(p + 5, "\x0f\x05\xc3", 3) == 0); /* nothing of what ran is left in it */
        TRUE(p[0] == 0xb8);
    }
    SHOW(munmap(p, PAGE));
}

static void test_reused(void)
{
    uint8_t *p = map(NULL, PAGE, RW);
    for (int i = 0; i < 5; i++) {
        size_t shift = (size_t)i * 3;
        memset(p, 0x90, PAGE);
        put_call(p + shift, i % 2 ? SYS_getppid : SYS_getpid);
        mprotect(p, PAGE, RX);
        SHOW(right(p, i % 2 ? getppid() : getpid()));
        SHOW(munmap(p, PAGE));
        TRUE(map(p, PAGE, RW) == p);
    }
    /* over a mapping that is still there */
    put_call(p, SYS_getpid);
    mprotect(p, PAGE, RX);
    SHOW(right(p, getpid()));
    TRUE(map(p, PAGE, RW) == p);
    put_call(p, SYS_getppid);
    mprotect(p, PAGE, RX);
    SHOW(right(p, getppid()));
    uint8_t *moved = mremap(p, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    SHOW(right(moved, getppid()));
    SHOW(munmap(moved, 2 * PAGE));
}

static void test_shared(void)
{
    int fd = memfd_create("code", 0);
    SHOW(ftruncate(fd, PAGE));
    uint8_t *w = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);
    uint8_t *x = mmap(NULL, PAGE, RX, MAP_SHARED, fd, 0);
    uint8_t *own = mmap(NULL, PAGE, RX, MAP_PRIVATE, fd, 0);
    put_call(w, SYS_getpid);
    SHOW(right(x, getpid()));
    SHOW(right(own, getpid()));
    w[1] = SYS_getppid;
    SHOW(right(x, getppid()));
    uint8_t file[8];
    SHOW(pread(fd, file, sizeof file, 0));
    TRUE(file[0] == 0xb8 && file[1] == SYS_getppid && file[5] == 0x0f && file[7] == 0xc3);
    close(fd);
}

int main(void)
{
    test_ends();
    test_writable();
    test_switched();
    test_reused();
    test_shared();
    return 0;
}
