/* SPDX-License-Identifier: MIT */
/* Clocks: how late sleeps end, and ticks for whoever compares the clocks with his own. Prints
 * `late_<length> nanoseconds`, the median; then for as many seconds as the argument says, every
 * 50 ms, `tick` with CLOCK_MONOTONIC and CLOCK_REALTIME in nanoseconds. */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SAMPLES 101
#define TICKS_A_SECOND 20

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_ns(long ns)
{
    struct timespec t = {ns / 1000000000, ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

static int compare(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;
    return (x > y) - (x < y);
}

static long lateness(long ns)
{
    static long late[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        uint64_t start = now_ns(CLOCK_MONOTONIC);
        sleep_ns(ns);
        late[i] = (long)(now_ns(CLOCK_MONOTONIC) - start) - ns;
    }
    qsort(late, SAMPLES, sizeof(late[0]), compare);
    return late[SAMPLES / 2];
}

int main(int argc, char **argv)
{
    int seconds = argc > 1 ? atoi(argv[1]) : 10;
    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("late_1us %ld\n", lateness(1000));
    printf("late_10us %ld\n", lateness(10000));
    printf("late_100us %ld\n", lateness(100000));
    printf("late_1ms %ld\n", lateness(1000000));
    for (int i = 0; i <= seconds * TICKS_A_SECOND; i++) {
        uint64_t monotonic = now_ns(CLOCK_MONOTONIC);
        printf("tick %lu %lu\n", (unsigned long)monotonic, (unsigned long)now_ns(CLOCK_REALTIME));
        sleep_ns(1000000000 / TICKS_A_SECOND);
    }
    return 0;
}
