/* SPDX-License-Identifier: MIT */
/* Interval timers: of real time, of the program's own CPU time, and of all its CPU time. Each is a
 * clocktimer, set up at its first use, that sends a signal.
 * Source: getitimer(2), alarm(2). */
#include "kernel/itimer.h"

#include <asm/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/time.h>

#include "kernel/base/string.h"
#include "kernel/signal.h"

#define NTIMERS 3

struct itimer {
    struct clocktimer timer;
    int sig; /* [I] */
    bool ready; /* [lock] initialised */
};

static void expire(struct clocktimer *timer);

static struct spinlock lock;
static struct itimer itimers[NTIMERS] = {
    [ITIMER_REAL] = {.timer = {.kind = CLOCK_KIND_MONOTONIC, .expire = expire}, .sig = SIGALRM},
    [ITIMER_VIRTUAL] = {.timer = {.kind = CLOCK_KIND_PROCESS_USER, .expire = expire},
                        .sig = SIGVTALRM},
    [ITIMER_PROF] = {.timer = {.kind = CLOCK_KIND_PROCESS, .expire = expire}, .sig = SIGPROF},
};

static void expire(struct clocktimer *timer)
{
    const struct itimer *t = container_of(timer, struct itimer, timer);
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = t->sig;
    info.si_code = SI_KERNEL;
    (void)signal_send(t->sig, &info); /* pending already, or no memory: nothing to tell anybody */
    (void)clocktimer_take(timer);
}

/* The timer which, NULL: no such timer. */
static struct itimer *timer_of(int which)
{
    if (which < 0 || which >= NTIMERS) {
        return NULL;
    }
    struct itimer *t = &itimers[which];
    spin_lock(&lock);
    if (!t->ready) {
        clocktimer_init(&t->timer);
        t->ready = true;
    }
    spin_unlock(&lock);
    return t;
}

int itimer_get(int which, struct clocktimer_value *out)
{
    struct itimer *t = timer_of(which);
    if (t == NULL) {
        return -EINVAL;
    }
    clocktimer_get(&t->timer, out);
    return 0;
}

int itimer_set(int which, const struct clocktimer_value *value, struct clocktimer_value *old)
{
    int err = itimer_get(which, old);
    if (err == 0) {
        clocktimer_set(&timer_of(which)->timer, value->left_ns, value->interval_ns, false);
    }
    return err;
}
