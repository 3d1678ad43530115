/* SPDX-License-Identifier: MIT */
/* adjtimex: reading, and what is refused. Nothing here changes the clock. Source: adjtimex(2). */
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)

int main(void)
{
    struct timex tx = {.modes = 0};
    long state = syscall(SYS_adjtimex, &tx);
    TRUE(state >= TIME_OK && state <= TIME_ERROR);
    TRUE(tx.tick >= 9000 && tx.tick <= 11000 && tx.precision == 1 && tx.tolerance == 32768000);
    TRUE((state == TIME_ERROR) == ((tx.status & (STA_UNSYNC | STA_CLOCKERR)) != 0));
    long unit = tx.status & STA_NANO ? 1 : 1000;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    double gap = (double)(now.tv_sec - tx.time.tv_sec) + (double)now.tv_nsec / 1e9 -
                 (double)(tx.time.tv_usec * unit) / 1e9;
    TRUE(gap >= 0 && gap < 10);
    TRUE(syscall(SYS_clock_adjtime, CLOCK_REALTIME, &tx) == state);
    SHOW(syscall(SYS_clock_adjtime, CLOCK_MONOTONIC, &tx));
    SHOW(syscall(SYS_clock_adjtime, 77, &tx));
    SHOW(syscall(SYS_clock_adjtime, CLOCK_REALTIME, BAD));
    SHOW(syscall(SYS_adjtimex, BAD));
    tx.modes = ADJ_TICK;
    tx.tick = 1;
    SHOW(syscall(SYS_adjtimex, &tx) == -1 && (errno == EINVAL || errno == EPERM));
    tx.modes = 0xa001; /* ADJ_OFFSET_SS_READ */
    TRUE(syscall(SYS_adjtimex, &tx) == state);
    return 0;
}
