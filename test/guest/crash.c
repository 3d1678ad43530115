/* SPDX-License-Identifier: MIT */
// host: no
// kinds: musl-static glibc-dynamic
// cflags: -O1 -fno-inline -fno-optimize-sibling-calls -rdynamic
// stdout: ignore
/* Programs that are killed: each prints one report and has the status of its signal. The sections
 * of crash.ini say how it dies and what the report must hold. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void crash_inner(int *p);
void crash_middle(int *p);
void crash_outer(int *p);

static volatile int sink;

void crash_inner(int *p)
{
    *(volatile int *)p = 5;
    sink = 1;
}

void crash_middle(int *p)
{
    crash_inner(p);
    sink = 2;
}

void crash_outer(int *p)
{
    crash_middle(p);
    sink = 3;
}

static volatile int zero;

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    printf("before\n");
    fflush(stdout);
    if (!strcmp(how, "segv"))
        crash_outer((int *)0x1234);
    else if (!strcmp(how, "divide"))
        sink = 100 / zero;
    else if (!strcmp(how, "illegal"))
        __asm__ volatile("ud2");
    else if (!strcmp(how, "trap"))
        __asm__ volatile("int3");
    else if (!strcmp(how, "privileged"))
        __asm__ volatile("hlt");
    else if (!strcmp(how, "jump"))
        ((void (*)(void))(uintptr_t)0x5678)();
    else if (!strcmp(how, "abort"))
        abort();
    else if (!strcmp(how, "term"))
        raise(SIGTERM);
    else if (!strcmp(how, "pipe"))
        kill(getpid(), SIGPIPE);
    else if (!strcmp(how, "realtime"))
        raise(40);
    else if (!strcmp(how, "blocked")) {
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, NULL);
        crash_outer((int *)0x1234);
    } else if (!strcmp(how, "kernel"))
        sink = *(volatile int *)0x7fffffc00000; /* where the monitor is: nothing for ring 3 */
    return 3;
}
