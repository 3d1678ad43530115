/* SPDX-License-Identifier: MIT */
// fakes: cputime log
/* Timers fire once, in order, never early; the hardware is always armed for the earliest or
 * sooner. */
#include "kernel/timer.h"

#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "test/fake/clock.h"
#include "test/fake/cputime.h"
#include "test/fake/moncall.h"
#include "test/unit/check.h"

#define TIMERS 20

static struct timer timers[TIMERS];
static uint64_t want[TIMERS]; /* deadline, TIME_NEVER: not armed */
static unsigned fired;
static uint64_t last_fired;

static void fire(struct timer *t)
{
    unsigned i = (unsigned)(t - timers);
    CHECK(!t->armed);
    CHECK_EQ(t->deadline_ns, want[i]);
    CHECK(want[i] <= fake_now_ns && want[i] >= last_fired);
    last_fired = want[i];
    want[i] = TIME_NEVER;
    fired++;
}

static void fire_again(struct timer *t)
{
    fired++;
    if (fired < 5) {
        timer_set(t, fake_now_ns + 10);
    }
}

static uint64_t earliest(void)
{
    uint64_t first = TIME_NEVER;
    for (unsigned i = 0; i < TIMERS; i++) {
        first = min(first, want[i]);
    }
    return first;
}

static void pass_time(uint64_t ns)
{
    last_fired = 0;
    fake_pass_time(ns);
}

static void random_steps(void)
{
    timer_start();
    for (unsigned i = 0; i < TIMERS; i++) {
        timer_init(&timers[i], fire);
        want[i] = TIME_NEVER;
    }
    for (unsigned step = 0; step < 20000; step++) {
        unsigned i = (unsigned)check_below(TIMERS);
        switch (check_below(4)) {
        case 0:
            timer_cancel(&timers[i]);
            want[i] = TIME_NEVER;
            break;
        case 1: pass_time(check_below(300)); break;
        default:
            want[i] = check_below(20) == 0 ? TIME_NEVER : fake_now_ns + check_below(1000);
            timer_set(&timers[i], want[i]);
            break;
        }
        CHECK_EQ(timer_next(), earliest());
        CHECK(earliest() == TIME_NEVER || fake_timer_ns <= earliest());
        CHECK_EQ(timers[i].armed, want[i] != TIME_NEVER);
    }
    for (unsigned i = 0; i < 10; i++) {
        pass_time(1000);
    }
    CHECK_EQ(earliest(), TIME_NEVER);
    CHECK(fired > 1000);
}

static void handlers_may_rearm(void)
{
    struct timer t;
    fired = 0;
    timer_init(&t, fire_again);
    timer_set(&t, fake_now_ns + 10);
    for (unsigned i = 0; i < 10; i++) {
        pass_time(10);
    }
    CHECK_EQ(fired, 5);
    CHECK(!t.armed);
}

/* The monitor may interrupt early (its timer has a limited range): the timer is armed again. */
static void early_interrupts(void)
{
    struct timer t;
    fired = 10;
    timer_init(&t, fire_again);
    timer_set(&t, fake_now_ns + 1000);
    fake_timer_ns = TIME_NEVER;
    cpu_this()->trap.pending |= 1UL << PENDING_TIMER;
    irq_poll();
    CHECK_EQ(fired, 10);
    CHECK_EQ(fake_timer_ns, fake_now_ns + 1000);
    pass_time(1000);
    CHECK_EQ(fired, 11);
}

TESTS(random_steps, handlers_may_rearm, early_interrupts)
