/* SPDX-License-Identifier: MIT */
/* Calls that go on with what remains of their time. Nobody but the kernel calls restart_syscall,
 * except one who leaves a handler by a jump: then the interrupted call can still be continued.
 * Source: restart_syscall(2), signal(7) "Interruption of system calls". */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <stdlib.h>
#include <time.h>

#include "test/guest/pipes.h"

#define HALF_MS 700
static sigjmp_buf out;

static long now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void leave(int sig)
{
    (void)sig;
    siglongjmp(out, 1);
}

/* Half the time, a jump out of the handler, and the other half. */
static void check(const char *name, long nr, long a, long b, long c)
{
    volatile long start = now_ms();
    handle(SIGALRM, leave, SA_NODEFER);
    alarm_in(HALF_MS);
    if (sigsetjmp(out, 0) == 0) {
        syscall(nr, a, b, c);
        printf("%s was not interrupted\n", name);
        exit(1);
    }
    long half = now_ms() - start;
    long result = syscall(SYS_restart_syscall);
    long all = now_ms() - start;
    printf("%s went on: %ld, after half %s, after all %s\n", name, result,
           half >= HALF_MS - 5 ? "yes" : "NO",
           all >= 2 * HALF_MS - 5 && all < 3 * HALF_MS ? "yes" : "NO");
}

int main(void)
{
    struct timespec ts = {2 * HALF_MS / 1000, 2 * HALF_MS % 1000 * 1000000};
    new_pipe(0);
    struct pollfd p = {.fd = r, .events = POLLIN};
    SHOW(syscall(SYS_restart_syscall));
    check("poll", SYS_poll, (long)&p, 1, 2 * HALF_MS);
    check("nanosleep", SYS_nanosleep, (long)&ts, 0, 0);
    SHOW(p.revents);
    handle(SIGALRM, on_alarm, 0);
    alarm_in(10);
    SHOW(poll(&p, 1, 2000));
    SHOW(syscall(SYS_restart_syscall)); /* the handler returned: nothing is left */
    return 0;
}
