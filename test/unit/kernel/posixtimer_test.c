/* SPDX-License-Identifier: MIT */
// sources: kernel/posixtimer.c kernel/clocktimer.c
// fakes: cputime heap log
/* POSIX timers: one signal at a time, its overrun, settings that make a queued signal void, ignored
 * signals, ids, references, and no memory. Source: timer_create(2), timer_getoverrun(2). */
#include "kernel/posixtimer.h"

#include <asm/errno.h>

#include "kernel/heap.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "test/fake/clock.h"
#include "test/fake/cputime.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"

#define MSEC 1000000UL
#define TIMERS 60

static struct thread other = {.tid = 7};
static int references; /* to other */
static bool ignored;
static unsigned sent;
static siginfo_t last;
static struct thread *last_target;

void thread_get(struct thread *t)
{
    references += t == &other;
}

void thread_put(struct thread *t)
{
    references -= t == &other;
}

bool signal_is_ignored(const struct thread *t, int sig)
{
    return ignored;
}

int signal_send(int sig, const siginfo_t *info)
{
    return signal_send_thread(NULL, sig, info);
}

int signal_send_thread(struct thread *t, int sig, const siginfo_t *info)
{
    sent++;
    last = *info;
    last_target = t;
    return 0;
}

static int make(int sig)
{
    struct posixtimer_request r = {.kind = CLOCK_KIND_MONOTONIC, .sig = sig};
    r.value.sival_int = 42;
    timer_start();
    sent = 0;
    ignored = false;
    int id = posixtimer_create(&r);
    CHECK(id >= 0);
    return id;
}

static void set(int id, uint64_t value, uint64_t interval)
{
    struct clocktimer_value v = {value, interval};
    struct clocktimer_value old;
    CHECK_EQ(posixtimer_set(id, &v, false, &old), 0);
}

static void overruns(void)
{
    int id = make(SIGUSR1);
    set(id, 10 * MSEC, 5 * MSEC);
    fake_pass_time(10 * MSEC);
    CHECK_EQ(sent, 1);
    CHECK(last.si_signo == SIGUSR1 && last.si_code == SI_TIMER && last.si_int == 42);
    CHECK_EQ(last.si_tid, id);
    fake_pass_time(17 * MSEC); /* the signal still waits: no other one */
    CHECK_EQ(sent, 1);
    siginfo_t taken = last;
    CHECK(posixtimer_deliver(&taken));
    CHECK_EQ(taken.si_overrun, 3);
    CHECK_EQ(taken.si_sys_private, 0);
    CHECK_EQ(posixtimer_overrun(id), 3);
    fake_pass_time(3 * MSEC);
    CHECK_EQ(sent, 2);
    taken = last;
    CHECK(posixtimer_deliver(&taken));
    CHECK_EQ(posixtimer_overrun(id), 0);
    CHECK_EQ(posixtimer_delete(id), 0);
    fake_pass_time(50 * MSEC);
    CHECK_EQ(sent, 2);
}

static void set_anew(void)
{
    struct clocktimer_value v;
    int id = make(SIGUSR1);
    set(id, MSEC, 0);
    fake_pass_time(MSEC);
    CHECK_EQ(sent, 1);
    siginfo_t old = last;
    set(id, 2 * MSEC, 0);
    CHECK(!posixtimer_deliver(&old)); /* void */
    CHECK_EQ(posixtimer_get(id, &v), 0);
    CHECK_EQ(v.left_ns, 2 * MSEC);
    fake_pass_time(2 * MSEC);
    CHECK_EQ(sent, 2);
    old = last;
    CHECK_EQ(posixtimer_delete(id), 0);
    CHECK(!posixtimer_deliver(&old));
    CHECK_EQ(posixtimer_delete(id), -EINVAL);
    CHECK_EQ(posixtimer_get(id, &v), -EINVAL);
    CHECK_EQ(posixtimer_set(id, &v, false, &v), -EINVAL);
    CHECK_EQ(posixtimer_overrun(id), -EINVAL);
    CHECK_EQ(posixtimer_overrun(-1), -EINVAL);
}

static void ignoring(void)
{
    int id = make(SIGUSR1);
    int single = make(SIGUSR1);
    set(id, MSEC, MSEC);
    set(single, MSEC, 0);
    ignored = true;
    fake_pass_time(3 * MSEC);
    CHECK_EQ(sent, 0);
    ignored = false;
    posixtimer_action(SIGUSR2, false); /* another signal's */
    CHECK_EQ(sent, 0);
    posixtimer_action(SIGUSR1, false); /* the one with a period goes on */
    CHECK_EQ(sent, 1);
    CHECK_EQ(last.si_tid, id);
    posixtimer_action(SIGUSR1, true); /* what was queued is gone */
    posixtimer_action(SIGUSR1, false);
    CHECK_EQ(sent, 2);
    CHECK(posixtimer_deliver(&last));
    CHECK_EQ(posixtimer_delete(id), 0);
    CHECK_EQ(posixtimer_delete(single), 0);
}

static void targets(void)
{
    struct posixtimer_request r = {.kind = CLOCK_KIND_THREAD,
                                   .clock_thread = &other,
                                   .target = &other,
                                   .sig = SIGUSR1,
                                   .value_is_id = true};
    int quiet = make(0);
    set(quiet, MSEC, 0);
    int id = posixtimer_create(&r);
    CHECK_EQ(references, 2);
    set(id, MSEC, 0);
    fake_pass_time(20 * MSEC);
    CHECK_EQ(sent, 0);
    fake_thread_time.total_ns += 2 * MSEC;
    fake_pass_time(2 * MSEC);
    CHECK_EQ(sent, 1);
    CHECK(last_target == &other);
    CHECK_EQ(last.si_int, id);
    CHECK_EQ(posixtimer_delete(id), 0);
    CHECK_EQ(references, 0);
    heap_fail_after(1);
    CHECK_EQ(posixtimer_create(&r), -EAGAIN);
    CHECK_EQ(references, 0);
    CHECK_EQ(posixtimer_delete(quiet), 0);
}

static int ids[TIMERS];
static const struct posixtimer_request wall = {
    .kind = CLOCK_KIND_WALL, .sig = SIGUSR1, .target = &other};

static void delete_all(void)
{
    for (int i = 0; i < TIMERS; i++) {
        CHECK_EQ(posixtimer_delete(i), 0);
    }
    CHECK_EQ(references, 0);
}

/* The table grows, and never shrinks: before what tests leave is counted. One that cannot grow
 * undoes all. */
__attribute__((constructor)) static void grow(void)
{
    int failures = 0;
    for (int i = 0; i < TIMERS; i++) {
        heap_fail_after(2); /* the timer's memory is there, the table's is not */
        ids[i] = posixtimer_create(&wall);
        failures += ids[i] == -EAGAIN;
        heap_fail_after(0);
        ids[i] = ids[i] < 0 ? posixtimer_create(&wall) : ids[i];
        CHECK_EQ(ids[i], i);
        CHECK_EQ(references, i + 1);
    }
    CHECK(failures >= 3);
    delete_all();
}

/* Ids are the smallest that are free. */
static void reuse(void)
{
    for (int i = 0; i < TIMERS; i++) {
        CHECK_EQ(posixtimer_create(&wall), i);
    }
    CHECK_EQ(posixtimer_delete(17), 0);
    CHECK_EQ(posixtimer_delete(5), 0);
    CHECK_EQ(posixtimer_create(&wall), 5);
    CHECK_EQ(posixtimer_create(&wall), 17);
    clocktimer_wall_changed();
    delete_all();
}

TESTS(overruns, set_anew, ignoring, targets, reuse)
