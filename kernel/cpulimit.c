/* SPDX-License-Identifier: MIT */
/* The limit of processor time: one timer on the process's clock, due at whichever limit comes
 * first. Locks: lock > process.lock, clocktimer.lock.
 * Source: getrlimit(2), setrlimit of Linux. */
#include "kernel/cpulimit.h"

#include <asm/siginfo.h>
#include <linux/resource.h>

#include "kernel/base/string.h"
#include "kernel/clocktimer.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "platform/clock.h"

static void expire(struct clocktimer *t);

static struct spinlock lock; /* arms the timer for one after another */
static struct clocktimer timer = {.kind = CLOCK_KIND_PROCESS, .expire = expire};
static bool ready; /* [lock] timer is initialised */

static uint64_t limit_ns(uint64_t seconds)
{
    uint64_t ns;
    return mul_ok(seconds, NSEC_PER_SEC, &ns) ? ns : TIME_NEVER;
}

static void send(int sig)
{
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = sig;
    info.si_code = SI_KERNEL;
    (void)signal_send(sig, &info); /* pending already, or no memory: nothing to tell anybody */
}

/* Arm the timer for the limit that comes first; who comes here last has seen the newest ones. */
static void arm(void)
{
    spin_lock(&lock);
    if (!ready) {
        clocktimer_init(&timer);
        ready = true;
    }
    spin_lock(&process.lock);
    const struct rlimit64 *limit = &process.limits[RLIMIT_CPU];
    uint64_t due = min(limit_ns(limit->rlim_cur), limit_ns(limit->rlim_max));
    spin_unlock(&process.lock);
    /* a limit of 0 is over already, but 0 would stop the timer */
    clocktimer_set(&timer, due == TIME_NEVER ? 0 : max(due, 1UL), 0, true);
    spin_unlock(&lock);
}

/* What is over by now, in processor time: a soft limit moves on. Returns the signal, 0: none. */
static int enforce(uint64_t now)
{
    spin_lock(&process.lock);
    struct rlimit64 *limit = &process.limits[RLIMIT_CPU];
    bool soft = now >= limit_ns(limit->rlim_cur);
    bool hard = now >= limit_ns(limit->rlim_max);
    if (soft) {
        limit->rlim_cur = now / NSEC_PER_SEC + 1;
    }
    spin_unlock(&process.lock);
    return hard ? SIGKILL : soft ? SIGXCPU : 0;
}

static void expire(struct clocktimer *t)
{
    (void)t;
    int sig = enforce(process_cpu_ns());
    if (sig != 0) {
        send(sig);
    }
    if (sig != SIGKILL) {
        arm();
    }
}

void cpulimit_changed(void)
{
    arm();
}
