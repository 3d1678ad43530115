/* SPDX-License-Identifier: MIT */
/* Calls that go on with what remains of their time. Nobody but the kernel calls restart_syscall,
 * except one who leaves a handler by a jump: then the interrupted call can still be continued.
 * Source: restart_syscall(2), signal(7) "Interruption of system calls". */
#define _GNU_SOURCE
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define HALF_MS 700
static sigjmp_buf out;
static int pipe_fds[2];

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

static void stay(int sig)
{
    (void)sig;
}

static void alarm_in(long ms, void (*handler)(int))
{
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_NODEFER};
    struct itimerval it = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    sigaction(SIGALRM, &act, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
}

/* Half the time, a jump out of the handler, and the other half. */
static void check(const char *name, long nr, long a, long b, long c)
{
    volatile long start = now_ms();
    alarm_in(HALF_MS, leave);
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
    pipe(pipe_fds);
    struct pollfd p = {.fd = pipe_fds[0], .events = POLLIN};
    SHOW(syscall(SYS_restart_syscall));
    check("poll", SYS_poll, (long)&p, 1, 2 * HALF_MS);
    check("nanosleep", SYS_nanosleep, (long)&ts, 0, 0);
    SHOW(p.revents);
    alarm_in(10, stay);
    SHOW(poll(&p, 1, 2000));
    SHOW(syscall(SYS_restart_syscall)); /* the handler returned: nothing is left */
    return 0;
}
