/* SPDX-License-Identifier: MIT */
/* Vector registers of threads, saved and loaded when the scheduler changes over.
 *
 * XSAVE and XRSTOR take fifty nanoseconds on a processor and a microsecond in QEMU's emulation,
 * which calls a function for every eight bytes of them. There, plain moves of the vector registers
 * cost a tenth; the x87 registers cannot be moved without XSAVE (their contents count even where
 * the tags say empty: MMX code sees them), but few threads use them, so that most are the same
 * before and after and need no XRSTOR. On a processor XSAVE stays: it also leaves upper halves that
 * are not in use in their initial state, which SSE code needs to be fast.
 * Source: Intel SDM vol. 1, 13.4 (layout of the area), 13.6 (initial state). */
#include "platform/vectors.h"

#include "platform/cpu.h"

#define X87 1
#define SSE_AVX_X87 7 /* what QEMU's emulation has in XCR0; XSAVE where there is more */
#define CPUID_HYPERVISOR 0x40000000
#define CPUID_TCG_EBX 0x54474354 /* "TCGT" */
#define X87_STATUS_WORDS 3 /* control, status, tags, last instruction and operand */
#define X87_FIRST_WORD 4 /* ST0 */
#define X87_END_WORD 20

/* An area saved by moves. */
struct moved {
    union {
        uint64_t words[X87_END_WORD];
        struct {
            uint8_t x87[24];
            uint32_t mxcsr;
            uint8_t rest[484];
        };
    };
    uint64_t header[8]; /* of XSAVE; 0 but for X87's bit */
    uint8_t ymm[16][32];
};
static_assert(offsetof(struct moved, mxcsr) == 24, "XSAVE's legacy region");
static_assert(offsetof(struct moved, header) == 512, "XSAVE's header");

static bool by_moves; /* [I] */

void vectors_init(void)
{
    uint32_t a = CPUID_HYPERVISOR;
    uint32_t b;
    uint32_t c = 0;
    uint32_t d;
    if (cpu_xsave_mask() != SSE_AVX_X87) {
        return;
    }
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    by_moves = b == CPUID_TCG_EBX;
}

size_t vectors_size(void)
{
    return by_moves ? sizeof(struct moved) : cpu_xsave_size();
}

#define EACH_YMM(move)                                                                       \
    move(0) move(1) move(2) move(3) move(4) move(5) move(6) move(7) move(8) move(9) move(10) \
        move(11) move(12) move(13) move(14) move(15)
#define STORE_YMM(n) "vmovups %%ymm" #n ", " #n "*32(%0)\n\t"
#define LOAD_YMM(n) "vmovups " #n "*32(%0), %%ymm" #n "\n\t"

void vectors_save(void *area)
{
    struct moved *m = area;
    if (!by_moves) {
        cpu_xsave(area);
        return;
    }
    __asm__ volatile("xsave64 (%0)" ::"r"(m), "a"(X87), "d"(0) : "memory");
    __asm__ volatile("stmxcsr %0" : "=m"(m->mxcsr));
    __asm__ volatile(EACH_YMM(STORE_YMM)::"r"(m->ymm) : "memory");
}

static bool same_x87(const struct moved *a, const struct moved *b)
{
    uint64_t difference = a->header[0] ^ b->header[0];
    for (unsigned i = 0; i < X87_STATUS_WORDS; i++) {
        difference |= a->words[i] ^ b->words[i];
    }
    for (unsigned i = X87_FIRST_WORD; i < X87_END_WORD; i++) {
        difference |= a->words[i] ^ b->words[i];
    }
    return difference == 0;
}

void vectors_load(const void *area, const void *now)
{
    const struct moved *m = area;
    if (!by_moves) {
        cpu_xrstor(area);
        return;
    }
    if (now == NULL || !same_x87(m, now)) {
        __asm__ volatile("xrstor64 (%0)" ::"r"(m), "a"(X87), "d"(0) : "memory");
    }
    __asm__ volatile("ldmxcsr %0" ::"m"(m->mxcsr));
    __asm__ volatile(EACH_YMM(LOAD_YMM)::"r"(m->ymm) : "memory");
}
