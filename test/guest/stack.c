/* SPDX-License-Identifier: MIT */
/* The stack grows on demand down to its limit and stops at what lies below; MAP_GROWSDOWN regions
 * do the same. Source: getrlimit(2) RLIMIT_STACK, mmap(2) MAP_GROWSDOWN, sigaltstack(2). */
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "test/guest/show.h"

#define PAGE 4096L
#define KIB 1024L
#define MIB (1L << 20)
#define RW (PROT_READ | PROT_WRITE)
#define GUARD (256 * PAGE) /* distance that growth keeps from a neighbour */

static sigjmp_buf jump;
static volatile int code;
static char alternate[64 * KIB];

static void on_fault(int sig, siginfo_t *info, void *context)
{
    (void)context;
    code = info->si_code;
    siglongjmp(jump, sig);
}

static int touch(volatile char *p)
{
    int sig = sigsetjmp(jump, 1);
    if (!sig)
        *p = 1;
    return sig;
}

/* Use the stack in steps of 1 KiB; how deep it came is left in reached. */
static volatile long reached;

__attribute__((noinline)) static long descend(long left)
{
    volatile char frame[KIB];
    frame[0] = (char)left;
    reached += KIB;
    return left <= 0 ? frame[0] : descend(left - KIB) + frame[0];
}

static void test_growth(void)
{
    char here;
    SHOW_ERR(descend(6 * MIB));
    TRUE(reached >= 6 * MIB);
    reached = 0;
    int sig = sigsetjmp(jump, 1);
    if (!sig)
        descend(64 * MIB);
    SHOW(sig);
    TRUE(code == SEGV_MAPERR || code == SEGV_ACCERR);
    TRUE(reached > 6 * MIB && reached < 9 * MIB);
    SHOW(touch(&here - 7 * MIB)); /* far below the pointer is fine within the limit */
    SHOW(touch(&here - 16 * MIB));
}

/* The limit holds from the next growth on. */
static void test_limit(void)
{
    struct rlimit limit = {1 * MIB, RLIM_INFINITY}, wide;
    char *low = mmap(NULL, MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    getrlimit(RLIMIT_STACK, &wide);
    SHOW(wide.rlim_cur);
    SHOW(setrlimit(RLIMIT_STACK, &limit));
    char *p = mmap(low, MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    SHOW(touch(p));
    munmap(low, MIB);
    setrlimit(RLIMIT_STACK, &wide);
}

static void test_grows_down(void)
{
    long len = 16 * MIB;
    char *area = mmap(NULL, len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *top = area + len - 16 * PAGE;
    munmap(area, len);
    char *p =
        mmap(top, 4 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
    TRUE(p == top);
    SHOW(touch(p));
    SHOW(touch(p - 1));
    SHOW(touch(p - 100 * PAGE));
    SHOW(p[-50 * PAGE]);
    SHOW(touch(area)); /* more than the limit of a stack */
    char *below = mmap(p - 2 * GUARD, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    SHOW(touch(p - 2 * GUARD + PAGE + GUARD));
    SHOW(touch(p - 2 * GUARD + GUARD)); /* too near */
    SHOW(touch(below));
    SHOW(munmap(area, len));
    SHOW(touch(p - 1));
}

int main(void)
{
    stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    test_growth();
    test_limit();
    test_grows_down();
    return 0;
}
