/* SPDX-License-Identifier: MIT */
// cpus: 1 2 4
/* Every x87, MXCSR and vector register of each thread survives other threads' use of the CPU: given
 * up in a call, slept in a call, and taken away while it computes. The contents of x87 registers
 * that are tagged empty count as well. Not compared: the addresses of the last x87 instruction and
 * its operand, which not every processor keeps.
 * Source: Intel SDM vol. 1, 8.1 (x87), 10.5 (FXSAVE), 13.5 (state components). */
#define _GNU_SOURCE
#include <cpuid.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "test/guest/show.h"

#define THREADS 4
#define ROUNDS 240
#define SPIN 200000L /* turns; the longer spins go over a slice */
#define MXCSR_MASKED 0x1f80
#define MXCSR_FREE 0xe040 /* rounding, flush to zero, denormals are zero */
#define FCW_MASKED 0x037f
#define FCW_ROUNDING 0x0c00
#define FSW_FREE 0x7f00 /* condition codes, top, but neither errors nor busy */
#define FSW_SUMMARY 0x00ff

struct fx {
    uint16_t fcw, fsw;
    uint8_t ftw, reserved;
    uint16_t opcode;
    uint64_t instruction, operand;
    uint32_t mxcsr, mxcsr_mask;
    uint8_t st[8][16], xmm[16][16], rest[96];
};

struct state {
    struct fx fx;
    uint8_t wide[32][64]; /* YMM or ZMM, as much of each as there is */
    uint64_t k[8];
} __attribute__((aligned(64)));

static int level; /* 0 SSE, 1 AVX, 2 AVX-512 */

static void find_level(void)
{
    unsigned a, b, c, d, low, high;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE))
        return;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if ((low & 6) == 6 && (c & bit_AVX))
        level = 1;
    if ((low & 0xe6) == 0xe6 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_AVX512BW))
        level = 2;
}

static void fill(struct state *s, unsigned *seed, int round)
{
    uint8_t *bytes = (uint8_t *)s;
    for (size_t i = 0; i < sizeof *s; i++)
        bytes[i] = (uint8_t)(rand_r(seed) >> 8);
    s->fx.fcw = (uint16_t)(FCW_MASKED | (s->fx.fcw & FCW_ROUNDING));
    s->fx.fsw &= FSW_FREE & ~FSW_SUMMARY;
    s->fx.mxcsr = MXCSR_MASKED | (s->fx.mxcsr & MXCSR_FREE);
    s->fx.instruction = s->fx.operand = s->fx.opcode = 0;
    memset(s->fx.rest, 0, sizeof s->fx.rest);
    if (round % 3 == 0)
        s->fx.ftw = 0; /* empty, not nothing */
    if (round % 5 == 0) { /* x87 as a program has it that uses none */
        memset(s->fx.st, 0, sizeof s->fx.st);
        s->fx.ftw = 0;
        s->fx.fsw = 0;
        s->fx.fcw = FCW_MASKED;
    }
    if (round % 7 == 0) /* upper halves not in use */
        for (int i = 0; i < 32; i++)
            memset(s->wide[i] + 16, 0, 48);
}

/* Load in, make call nr (or turn round), store out. */
#define ACROSS(load, store)                                                                        \
    __asm__ volatile("fxrstor64 (%[in])\n\t" load "test %[turns], %[turns]\n\t"                    \
                     "jnz 1f\n\t"                                                                  \
                     "syscall\n\t"                                                                 \
                     "jmp 2f\n"                                                                    \
                     "1: dec %[turns]\n\t"                                                         \
                     "jnz 1b\n"                                                                    \
                     "2: fxsave64 (%[out])\n\t" store "fninit\n\t"                                 \
                     "ldmxcsr %[plain]\n\t"                                                        \
                     : "+a"(nr), [turns] "+r"(turns)                                               \
                     : [in] "r"(in), [out] "r"(out), "D"(&pause),                                  \
                       "S"(0), [plain] "m"(plain), [inw] "r"(in->wide), [outw] "r"(out->wide)      \
                     : "rcx", "r11", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4",       \
                       "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
                       "xmm14", "xmm15", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",        \
                       "st(6)", "st(7)")

#define LOW16(op)                                                                                  \
    op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7) op(8) op(9) op(10) op(11) op(12) op(13) op(14) \
        op(15)
#define HIGH16(op)                                                                             \
    op(16) op(17) op(18) op(19) op(20) op(21) op(22) op(23) op(24) op(25) op(26) op(27) op(28) \
        op(29) op(30) op(31)
#define LOAD_YMM(n) "vmovups " #n "*64(%[inw]), %%ymm" #n "\n\t"
#define STORE_YMM(n) "vmovups %%ymm" #n ", " #n "*64(%[outw])\n\t"
#define LOAD_ZMM(n) "vmovups " #n "*64(%[inw]), %%zmm" #n "\n\t"
#define STORE_ZMM(n) "vmovups %%zmm" #n ", " #n "*64(%[outw])\n\t"
#define EACH_K(op) op(0) op(1) op(2) op(3) op(4) op(5) op(6) op(7)
#define LOAD_K(n) "kmovq 2048+" #n "*8(%[inw]), %%k" #n "\n\t"
#define STORE_K(n) "kmovq %%k" #n ", 2048+" #n "*8(%[outw])\n\t"

static void across(const struct state *in, struct state *out, long nr, long turns)
{
    static const struct timespec pause = {0, 50000};
    static const uint32_t plain = MXCSR_MASKED;
    if (level == 2)
        ACROSS(LOW16(LOAD_ZMM) HIGH16(LOAD_ZMM) EACH_K(LOAD_K),
               LOW16(STORE_ZMM) HIGH16(STORE_ZMM) EACH_K(STORE_K) "vzeroupper\n\t");
    else if (level == 1)
        ACROSS(LOW16(LOAD_YMM), LOW16(STORE_YMM) "vzeroupper\n\t");
    else
        ACROSS("", "");
}

static int same(const struct state *a, const struct state *b)
{
    static const int width[] = {0, 32, 64};
    int ok = a->fx.fcw == b->fx.fcw && a->fx.fsw == b->fx.fsw && a->fx.ftw == b->fx.ftw &&
             a->fx.mxcsr == b->fx.mxcsr;
    for (int i = 0; i < 8; i++)
        ok &= memcmp(a->fx.st[i], b->fx.st[i], 10) == 0;
    for (int i = 0; i < 16 && level == 0; i++)
        ok &= memcmp(a->fx.xmm[i], b->fx.xmm[i], 16) == 0;
    for (int i = 0; i < (level == 2 ? 32 : 16); i++)
        ok &= memcmp(a->wide[i], b->wide[i], (size_t)width[level]) == 0;
    return ok && (level < 2 || memcmp(a->k, b->k, sizeof a->k) == 0);
}

struct result {
    unsigned seed;
    int yields, sleeps, spins; /* that kept everything */
};

static void *work(void *arg)
{
    struct result *r = arg;
    struct state in, out;
    for (int i = 0; i < ROUNDS; i++) {
        fill(&in, &r->seed, i);
        memset(&out, 0, sizeof out);
        if (i % 4 == 0) {
            across(&in, &out, SYS_nanosleep, 0);
            r->sleeps += same(&in, &out);
        } else if (i % 4 == 1) {
            across(&in, &out, 0, i % 16 == 1 ? SPIN * 40 : SPIN);
            r->spins += same(&in, &out);
        } else {
            across(&in, &out, SYS_sched_yield, 0);
            r->yields += same(&in, &out);
        }
    }
    return arg;
}

/* A new thread starts with its creator's control words. */
static unsigned start_fcw, start_mxcsr;

static void *controls(void *arg)
{
    uint16_t fcw;
    uint32_t mxcsr;
    __asm__ volatile("fnstcw %0; stmxcsr %1" : "=m"(fcw), "=m"(mxcsr));
    start_fcw = fcw;
    start_mxcsr = mxcsr;
    return arg;
}

static void test_start(void)
{
    uint16_t fcw = 0x0f7f, fcw_plain = FCW_MASKED;
    uint32_t mxcsr = 0x7f80, plain = MXCSR_MASKED;
    pthread_t t;
    __asm__ volatile("fldcw %0; ldmxcsr %1" ::"m"(fcw), "m"(mxcsr));
    int err = pthread_create(&t, NULL, controls, NULL);
    __asm__ volatile("fldcw %0; ldmxcsr %1" ::"m"(fcw_plain), "m"(plain));
    SHOW(err);
    pthread_join(t, NULL);
    printf("new thread: fcw %x mxcsr %x\n", start_fcw, start_mxcsr);
}

int main(void)
{
    static struct result results[THREADS];
    pthread_t t[THREADS];
    find_level();
    test_start();
    for (int i = 0; i < THREADS; i++) {
        results[i].seed = (unsigned)i + 1;
        pthread_create(&t[i], NULL, work, &results[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        printf("thread %d: yields %d sleeps %d spins %d\n", i, results[i].yields, results[i].sleeps,
               results[i].spins);
    }
    return 0;
}
