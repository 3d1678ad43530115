/* SPDX-License-Identifier: MIT */
/* stress-ng forks a child for each stressor. Preloaded, this makes its first fork return as in the
 * child, without one: the stressor runs in the process itself, and its exit status is the
 * program's. Until then the process has another number, since the handler of SIGALRM ends the
 * stressor only in a process that is not the first. Later forks are real, but for the first
 * STRESS_FORKS (default 1): many stressors fork only so that a parent can see the machine run out
 * of memory, and their child runs as well in its parent's place. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static int forked;

pid_t getpid(void)
{
    return (pid_t)syscall(forked ? SYS_getpid : SYS_getppid);
}

pid_t fork(void)
{
    const char *forks = getenv("STRESS_FORKS");
    if (forked++ < (forks ? atoi(forks) : 1))
        return 0;
    pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return next();
}
