/* SPDX-License-Identifier: MIT */
/* stress-ng forks a child for each stressor. Preloaded, this makes its first fork return as in the
 * child, without one: the stressor runs in the process itself, and its exit status is the
 * program's. An alarm after STRESS_SECONDS ends it, as the parent would. Later forks are real, but
 * for the first STRESS_FORKS (default 1): many stressors fork only so that a parent can see the
 * machine run out of memory, and their child runs as well in its parent's place. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

pid_t fork(void)
{
    static int forked;
    const char *seconds = getenv("STRESS_SECONDS"), *forks = getenv("STRESS_FORKS");
    if (!forked)
        alarm(seconds ? (unsigned)atoi(seconds) : 2);
    if (forked++ < (forks ? atoi(forks) : 1))
        return 0;
    pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return next();
}
