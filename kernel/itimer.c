/* SPDX-License-Identifier: MIT */
/* Interval timers: of real time, and two of CPU time, which is one clock here (calls are not told
 * from the program's own work).
 *
 * A timer of CPU time is armed in real time for the earliest moment at which it could be due; if
 * the processor was idle in between, it is armed again for what is left. Handlers run in irq_poll,
 * never in the middle of these functions, so there is no lock.
 * Source: getitimer(2), alarm(2). */
#include "kernel/itimer.h"

#include <asm/errno.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/time.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "platform/clock.h"

#define NTIMERS 3
#define SHORTEST_NS 1000000UL /* of CPU timers, re-armed while idle: as a tick of Linux */

struct itimer {
    struct timer timer;
    int sig; /* [I] 0: not initialised */
    bool cpu; /* [I] counts CPU time */
    uint64_t due_ns; /* on its clock; TIME_NEVER: off */
    uint64_t interval_ns;
};

static struct itimer itimers[NTIMERS];

static uint64_t now_of(const struct itimer *t)
{
    return t->cpu ? process_cpu_ns() : clock_ns();
}

/* Arm the timer below for due_ns. */
static void arm(struct itimer *t)
{
    if (t->due_ns == TIME_NEVER) {
        timer_cancel(&t->timer);
        return;
    }
    if (!t->cpu) {
        timer_set(&t->timer, t->due_ns);
        return;
    }
    uint64_t now = now_of(t);
    uint64_t left = t->due_ns > now ? t->due_ns - now : 0;
    timer_set(&t->timer, clock_ns() + max(left, SHORTEST_NS));
}

static void fire(struct timer *timer)
{
    struct itimer *t = container_of(timer, struct itimer, timer);
    uint64_t now = now_of(t);
    if (now < t->due_ns) {
        arm(t);
        return;
    }
    siginfo_t info;
    memset(&info, 0, sizeof(info));
    info.si_signo = t->sig;
    info.si_code = SI_KERNEL;
    (void)signal_send(t->sig, &info); /* pending already, or no memory: nothing to tell anybody */
    if (t->interval_ns == 0) {
        t->due_ns = TIME_NEVER;
        return;
    }
    t->due_ns += ((now - t->due_ns) / t->interval_ns + 1) * t->interval_ns;
    arm(t);
}

/* The timer which, set up at its first use. NULL: no such timer. */
static struct itimer *timer_of(int which)
{
    static const int sigs[NTIMERS] = {
        [ITIMER_REAL] = SIGALRM, [ITIMER_VIRTUAL] = SIGVTALRM, [ITIMER_PROF] = SIGPROF};
    if (which < 0 || which >= NTIMERS) {
        return NULL;
    }
    struct itimer *t = &itimers[which];
    if (t->sig == 0) {
        *t = (struct itimer){.sig = sigs[which], .cpu = which != ITIMER_REAL, .due_ns = TIME_NEVER};
        timer_init(&t->timer, fire);
    }
    return t;
}

int itimer_get(int which, struct itimer_value *out)
{
    const struct itimer *t = timer_of(which);
    if (t == NULL) {
        return -EINVAL;
    }
    *out = (struct itimer_value){0, t->interval_ns};
    if (t->due_ns != TIME_NEVER) {
        uint64_t now = now_of(t);
        out->left_ns = t->due_ns > now ? t->due_ns - now : 1; /* about to fire, not off */
    }
    return 0;
}

int itimer_set(int which, const struct itimer_value *value, struct itimer_value *old)
{
    struct itimer_value before;
    int err = itimer_get(which, &before);
    if (err != 0) {
        return err;
    }
    struct itimer *t = timer_of(which);
    if (old != NULL) {
        *old = before;
    }
    bool on = value->left_ns != 0;
    t->interval_ns = value->interval_ns;
    if (!on || !add_ok(now_of(t), value->left_ns, &t->due_ns)) {
        t->due_ns = TIME_NEVER;
    }
    arm(t);
    return 0;
}
