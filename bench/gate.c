/* SPDX-License-Identifier: MIT */
/* What a system call costs: one line a figure, `NAME MEDIAN`, in ticks of the TSC, of calls
 * one after another.
 *   getppid     the round trip alone
 *   read_zero   read of 1 byte of /dev/zero
 * The calls go through sites of this program, so that the C library's own work is not
 * measured. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <x86intrin.h>

#define ROUNDS 301 /* samples */
#define BATCH 1000 /* calls a sample: the counter's own cost vanishes */

static long call(long nr, long a, long b, long c)
{
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(c)
                     : "rcx", "r11", "memory");
    return result;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void measure(const char *name, long nr, long a, long b, long c, long expected)
{
    static uint64_t cycles[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = __rdtsc();
        for (int k = 0; k < BATCH; k++) {
            if (call(nr, a, b, c) != expected) {
                printf("%s failed\n", name);
                exit(1);
            }
        }
        cycles[i] = (__rdtsc() - start) / BATCH;
    }
    qsort(cycles, ROUNDS, sizeof(cycles[0]), by_value);
    printf("%s %lu\n", name, cycles[ROUNDS / 2]);
}

int main(void)
{
    static char byte;
    int fd = open("/dev/zero", O_RDONLY);
    if (fd < 0) {
        perror("/dev/zero");
        return 1;
    }
    measure("getppid", SYS_getppid, 0, 0, 0, call(SYS_getppid, 0, 0, 0));
    measure("read_zero", SYS_read, fd, (long)&byte, 1, 1);
    return 0;
}
