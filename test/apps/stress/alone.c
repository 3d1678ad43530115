/* SPDX-License-Identifier: MIT */
/* stress-ng forks a child for each stressor. Preloaded, this makes its first fork return as in the
 * child, without one: the stressor runs in the process itself, and its exit status is the
 * program's. An alarm after STRESS_SECONDS ends it, as the parent would. Later forks are real. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

pid_t fork(void)
{
    static int forked;
    if (!forked++) {
        const char *seconds = getenv("STRESS_SECONDS");
        alarm(seconds ? (unsigned)atoi(seconds) : 2);
        return 0;
    }
    pid_t (*next)(void) = (pid_t(*)(void))dlsym(RTLD_NEXT, "fork");
    return next();
}
