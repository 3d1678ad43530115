/* SPDX-License-Identifier: MIT */
/* The functions of the vDSO. They run as part of the program, on its stack, with its registers.
 *
 * Owns nothing: reads the data page, calls the kernel for clocks that it does not know. The
 * reader's loop pairs with vdso_update: an odd or changed sequence number means "again". No locks,
 * no relocations, no data of its own but the address that the kernel writes into the image.
 *
 * Source: vdso(7); clock_gettime(2), gettimeofday(2), time(2), getcpu(2). */
#include "loader/vdso/data.h"

#include <asm/unistd.h>
#include <linux/time.h>

#define NSEC_PER_SEC 1000000000UL
#define NSEC_PER_USEC 1000UL

#define CLOCK_BIT(clock) (1U << (clock))
/* There is no timer tick, so the coarse clocks are as good as the fine ones; the machine never
 * sleeps, so BOOTTIME is MONOTONIC; nobody sets the TAI offset, which then is 0 as in Linux. */
#define REALTIME_CLOCKS \
    (CLOCK_BIT(CLOCK_REALTIME) | CLOCK_BIT(CLOCK_REALTIME_COARSE) | CLOCK_BIT(CLOCK_TAI))
#define MONOTONIC_CLOCKS                                                                       \
    (CLOCK_BIT(CLOCK_MONOTONIC) | CLOCK_BIT(CLOCK_MONOTONIC_RAW) | CLOCK_BIT(CLOCK_BOOTTIME) | \
     CLOCK_BIT(CLOCK_MONOTONIC_COARSE))
/* Clocks whose resolution is 1 ns: of the coarse ones the kernel speaks. */
#define FINE_CLOCKS                         \
    ((REALTIME_CLOCKS | MONOTONIC_CLOCKS) & \
     ~(CLOCK_BIT(CLOCK_REALTIME_COARSE) | CLOCK_BIT(CLOCK_MONOTONIC_COARSE)))

/* C library names are absent here: declare what is exported. */
int __vdso_clock_gettime(int clock, struct timespec *ts);
int __vdso_clock_getres(int clock, struct timespec *ts);
int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz);
long __vdso_time(long *out);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

/* Volatile: its value is not what the compiler sees. */
static const struct vdso_data *const volatile data_page __attribute__((section(".vvar"))) = 0;

static inline int is_in(unsigned clocks, int clock)
{
    return (unsigned)clock < 32 && (clocks >> clock & 1) != 0;
}

/* The TSC, not read before earlier loads are done: a time seen by one thread is never later than
 * one that another thread takes afterwards. */
static inline uint64_t read_tsc(void)
{
    uint32_t lo;
    uint32_t hi;
    __asm__ volatile("lfence\n\trdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return lo | (uint64_t)hi << 32;
}

static inline uint64_t read_ns(unsigned which)
{
    const struct vdso_data *d = data_page;
    uint32_t seq;
    uint64_t ns;

    do {
        while (__builtin_expect((seq = __atomic_load_n(&d->seq, __ATOMIC_ACQUIRE)) & 1, 0)) {
            __builtin_ia32_pause();
        }
        uint64_t delta = read_tsc() - d->base_tsc;
        ns = d->base_ns[which] + (uint64_t)(((unsigned __int128)delta * d->mult) >> VDSO_SHIFT);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__builtin_expect(__atomic_load_n(&d->seq, __ATOMIC_RELAXED) != seq, 0));
    return ns;
}

static long call_kernel(long nr, long a, long b)
{
    long result;
    __asm__ volatile("syscall" : "=a"(result) : "0"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return result;
}

int __vdso_clock_gettime(int clock, struct timespec *ts)
{
    if (__builtin_expect(!is_in(REALTIME_CLOCKS | MONOTONIC_CLOCKS, clock), 0)) {
        return (int)call_kernel(__NR_clock_gettime, clock, (long)ts);
    }
    uint64_t ns = read_ns(REALTIME_CLOCKS >> clock & 1);
    ts->tv_sec = (long)(ns / NSEC_PER_SEC);
    ts->tv_nsec = (long)(ns % NSEC_PER_SEC);
    return 0;
}

int __vdso_clock_getres(int clock, struct timespec *ts)
{
    if (!is_in(FINE_CLOCKS, clock)) {
        return (int)call_kernel(__NR_clock_getres, clock, (long)ts);
    }
    if (ts) {
        ts->tv_sec = 0;
        ts->tv_nsec = 1;
    }
    return 0;
}

int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz)
{
    if (tv) {
        uint64_t ns = read_ns(VDSO_REALTIME);
        tv->tv_sec = (long)(ns / NSEC_PER_SEC);
        tv->tv_usec = (long)(ns % NSEC_PER_SEC / NSEC_PER_USEC);
    }
    if (tz) {
        tz->tz_minuteswest = 0;
        tz->tz_dsttime = 0;
    }
    return 0;
}

long __vdso_time(long *out)
{
    long seconds = (long)(read_ns(VDSO_REALTIME) / NSEC_PER_SEC);
    if (out) {
        *out = seconds;
    }
    return seconds;
}

/* One node. */
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
    (void)unused;
    if (cpu) {
        __asm__ volatile("mov %%gs:%c1, %0" : "=r"(*cpu) : "i"(VDSO_CPU_OFFSET));
    }
    if (node) {
        *node = 0;
    }
    return 0;
}

int clock_gettime(int clock, struct timespec *ts)
    __attribute__((weak, alias("__vdso_clock_gettime")));
int clock_getres(int clock, struct timespec *ts)
    __attribute__((weak, alias("__vdso_clock_getres")));
int gettimeofday(struct timeval *tv, struct timezone *tz)
    __attribute__((weak, alias("__vdso_gettimeofday")));
long time(long *out) __attribute__((weak, alias("__vdso_time")));
long getcpu(unsigned *cpu, unsigned *node, void *unused)
    __attribute__((weak, alias("__vdso_getcpu")));
