/* SPDX-License-Identifier: MIT */
/* One pipe, one alarm and data to move: for tests of calls that wait. */
#ifndef GUEST_PIPES_H
#define GUEST_PIPES_H

#include <signal.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "test/guest/show.h"

__attribute__((unused)) static char data[1 << 20], back[1 << 20];
static volatile int alarms;
static int r, w; /* the pipe's ends */

static inline void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static inline void handle(int sig, void (*handler)(int), int flags)
{
    struct sigaction a = {.sa_handler = handler, .sa_flags = flags};
    sigaction(sig, &a, NULL);
}

static inline void alarm_in(long ms)
{
    struct itimerval t = {.it_value = {ms / 1000, ms % 1000 * 1000}};
    setitimer(ITIMER_REAL, &t, NULL);
}

static inline void new_pipe(int flags)
{
    int fd[2] = {-1, -1};
    if (syscall(SYS_pipe2, fd, flags) != 0)
        printf("no pipe: %s\n", errno_name(errno));
    r = fd[0];
    w = fd[1];
}

static inline void close_pipe(void)
{
    close(r);
    close(w);
}

/* fill: write pieces of chunk bytes until no more fits (O_NONBLOCK). Returns the sum. */
static inline long fill(size_t chunk)
{
    long sum = 0, n;
    while ((n = write(w, data, chunk)) > 0)
        sum += n;
    return sum;
}

#endif
