/* SPDX-License-Identifier: MIT */
// sources: kernel/clocktimer.c
// fakes: cputime log
/* Timers on every clock: never early, due once until they are taken, as often as a simple model
 * says; the wall clock that is set; processor time that stands still. */
#include "kernel/clocktimer.h"

#include "platform/clock.h"
#include "test/fake/clock.h"
#include "test/fake/cputime.h"
#include "test/unit/check.h"

#define MSEC 1000000UL

static unsigned fired;

static void expire(struct clocktimer *t)
{
    fired++;
}

static void begin(struct clocktimer *t, enum clock_kind kind)
{
    timer_start();
    *t = (struct clocktimer){.kind = kind, .expire = expire};
    clocktimer_init(t);
    fired = 0;
    fake_process_time = fake_thread_time = (struct cputime){0, 0};
}

static uint64_t left(struct clocktimer *t)
{
    struct clocktimer_value v;
    clocktimer_get(t, &v);
    return v.left_ns;
}

static void once(void)
{
    struct clocktimer t;
    begin(&t, CLOCK_KIND_MONOTONIC);
    CHECK_EQ(left(&t), 0);
    clocktimer_set(&t, 10 * MSEC, 0, false);
    CHECK_EQ(left(&t), 10 * MSEC);
    fake_pass_time(10 * MSEC - 1);
    CHECK_EQ(fired, 0);
    CHECK_EQ(left(&t), 1);
    CHECK_EQ(clocktimer_take(&t), 0);
    fake_pass_time(1);
    CHECK_EQ(fired, 1);
    CHECK_EQ(left(&t), 0);
    fake_pass_time(100 * MSEC);
    CHECK_EQ(fired, 1);
    CHECK_EQ(clocktimer_take(&t), 1);
    CHECK_EQ(clocktimer_take(&t), 0);
    clocktimer_set(&t, fake_now_ns - 5, 0, true); /* is over already */
    fake_pass_time(0);
    CHECK_EQ(fired, 2);
    clocktimer_set(&t, 5, 0, false);
    clocktimer_set(&t, 0, 7, false);
    fake_pass_time(MSEC);
    CHECK_EQ(fired, 2);
    CHECK_EQ(clocktimer_take(&t), 0);
    clocktimer_fini(&t);
}

/* Against a model: due at first, first + interval ...; what was due and not taken adds up. */
static void periods(void)
{
    struct clocktimer t;
    begin(&t, CLOCK_KIND_MONOTONIC);
    for (unsigned round = 0; round < 300; round++) {
        uint64_t first = 1 + check_below(50);
        uint64_t interval = 1 + check_below(20);
        uint64_t start = fake_now_ns;
        uint64_t taken = 0;
        clocktimer_set(&t, first, interval, false);
        for (unsigned step = 0; step < 20; step++) {
            fake_pass_time(check_below(40));
            uint64_t since = fake_now_ns - start;
            uint64_t all = since < first ? 0 : (since - first) / interval + 1;
            uint64_t next = first + all * interval;
            CHECK_EQ(left(&t), next - since);
            if (check_below(3) == 0) {
                CHECK_EQ(clocktimer_take(&t), all - taken);
                taken = all;
            }
        }
    }
    clocktimer_fini(&t);
    fake_pass_time(MSEC);
}

static void wall(void)
{
    struct clocktimer absolute;
    struct clocktimer relative;
    begin(&absolute, CLOCK_KIND_WALL);
    begin(&relative, CLOCK_KIND_WALL);
    uint64_t now = clock_wall_ns();
    clocktimer_set(&absolute, now + 100 * MSEC, 0, true);
    clocktimer_set(&relative, 100 * MSEC, 0, false);
    clock_set_wall(now - 50 * MSEC);
    clocktimer_wall_changed();
    fake_pass_time(100 * MSEC);
    CHECK_EQ(fired, 1); /* the relative one */
    CHECK_EQ(clocktimer_take(&relative), 1);
    CHECK_EQ(left(&absolute), 50 * MSEC);
    clock_set_wall(now + 100 * MSEC);
    clocktimer_wall_changed();
    fake_pass_time(0);
    CHECK_EQ(fired, 2);
    CHECK_EQ(clocktimer_take(&absolute), 1);
    clocktimer_fini(&absolute);
    clocktimer_fini(&relative);
    clocktimer_wall_changed(); /* nobody is left on the list */
}

/* Real time passes, but the clock it is on does not move. */
static void on_cpu_clock(enum clock_kind kind, struct cputime *had, bool user)
{
    struct clocktimer t;
    begin(&t, kind);
    clocktimer_set(&t, 5 * MSEC, 0, false);
    for (unsigned i = 0; i < 50; i++) {
        fake_pass_time(MSEC);
    }
    CHECK_EQ(fired, 0);
    had->total_ns = had->system_ns = 10 * MSEC; /* all of it in the system */
    fake_pass_time(10 * MSEC);
    CHECK_EQ(fired, user ? 0 : 1);
    had->total_ns += 5 * MSEC;
    CHECK_EQ(left(&t), user);
    fake_pass_time(10 * MSEC);
    CHECK_EQ(fired, 1);
    CHECK_EQ(clocktimer_take(&t), 1);
    clocktimer_fini(&t);
}

static void processor_time(void)
{
    on_cpu_clock(CLOCK_KIND_PROCESS, &fake_process_time, false);
    on_cpu_clock(CLOCK_KIND_PROCESS_USER, &fake_process_time, true);
    on_cpu_clock(CLOCK_KIND_THREAD, &fake_thread_time, false);
    on_cpu_clock(CLOCK_KIND_THREAD_USER, &fake_thread_time, true);
}

TESTS(once, periods, wall, processor_time)
