/* SPDX-License-Identifier: MIT */
/* Waiting on several words at once. Source: futex_waitv in Linux Documentation, futex2. */
// cflags: -pthread
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "show.h"

#define FUTEX_WAITV_NR 449

static uint32_t words[2] = {1, 2};

static long wait_any(struct futex_waitv *w, unsigned n, unsigned flags, struct timespec *t)
{
    return syscall(FUTEX_WAITV_NR, w, n, flags, t, CLOCK_MONOTONIC);
}

static void *wake_second(void *arg)
{
    (void)arg;
    while (syscall(SYS_futex, &words[1], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0) == 0) {
        usleep(1000);
    }
    return NULL;
}

int main(void)
{
    struct futex_waitv w[2] = {
        {.val = 1, .uaddr = (uintptr_t)&words[0], .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG},
        {.val = 2, .uaddr = (uintptr_t)&words[1], .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG}};
    struct timespec past = {0, 1};
    pthread_t waker;
    SHOW(wait_any(w, 0, 0, NULL));
    SHOW(wait_any(w, FUTEX_WAITV_MAX + 1, 0, NULL));
    SHOW(wait_any(w, 2, 1, NULL));
    SHOW(wait_any(NULL, 2, 0, NULL));
    SHOW(wait_any(w, 2, 0, &past));
    w[1].val = 3;
    SHOW(wait_any(w, 2, 0, NULL));
    w[1].val = 2;
    w[1].__reserved = 1;
    SHOW(wait_any(w, 2, 0, NULL));
    w[1].__reserved = 0;
    SHOW(pthread_create(&waker, NULL, wake_second, NULL));
    SHOW(wait_any(w, 2, 0, NULL));
    SHOW(pthread_join(waker, NULL));
    return 0;
}
