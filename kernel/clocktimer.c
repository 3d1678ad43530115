/* SPDX-License-Identifier: MIT */
/* Timers on clocks.
 *
 * Below each lies a timer on CLOCK_MONOTONIC, armed for the earliest moment at which this one could
 * be due, and then again while it is not: processor time runs at most as fast as all processors
 * together, and the wall clock may be set. Locks: wall.lock > clocktimer.lock > thread table, timer
 * queues. Source: timerfd_create(2), timer_settime(2), getitimer(2). */
#include "kernel/clocktimer.h"

#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/thread.h"
#include "platform/clock.h"
#include "platform/cpu.h"

#define SHORTEST_NS 1000000UL /* between looks at processor time: as a tick of Linux */

static struct {
    struct spinlock lock;
    struct list timers; /* [lock] those of the wall clock */
} wall = {.timers = LIST_INIT(wall.timers)};

uint64_t clock_kind_now(enum clock_kind kind, const struct thread *thread)
{
    switch (kind) {
    case CLOCK_KIND_WALL: return clock_wall_ns();
    case CLOCK_KIND_PROCESS: return process_cpu_ns();
    case CLOCK_KIND_PROCESS_USER: return cputime_user_ns(thread_cputime());
    case CLOCK_KIND_THREAD: return sched_cpu_ns(thread);
    case CLOCK_KIND_THREAD_USER: return cputime_user_ns(cputime_of(thread));
    default: return clock_ns();
    }
}

static uint64_t now_of(const struct clocktimer *t)
{
    bool monotonic = t->kind == CLOCK_KIND_WALL && t->monotonic;
    return clock_kind_now(monotonic ? CLOCK_KIND_MONOTONIC : t->kind, t->thread);
}

static void arm(struct clocktimer *t) NEEDS(t->lock)
{
    uint64_t now = now_of(t);
    uint64_t left = t->due_ns > now ? t->due_ns - now : 0;
    uint64_t at;
    if (t->due_ns == TIME_NEVER) {
        timer_set(&t->timer, TIME_NEVER);
        return;
    }
    if (t->kind == CLOCK_KIND_PROCESS || t->kind == CLOCK_KIND_PROCESS_USER) {
        left = max(left / cpu_count(), SHORTEST_NS);
    } else if (t->kind == CLOCK_KIND_THREAD || t->kind == CLOCK_KIND_THREAD_USER) {
        left = max(left, SHORTEST_NS);
    }
    timer_set(&t->timer, add_ok(clock_ns(), left, &at) ? at : TIME_NEVER);
}

static void fire(struct timer *timer)
{
    struct clocktimer *t = container_of(timer, struct clocktimer, timer);
    spin_lock(&t->lock);
    bool due = t->due_ns != TIME_NEVER && now_of(t) >= t->due_ns;
    bool news = due && !t->expired;
    if (news) {
        t->expired = true;
    } else if (!due) {
        arm(t);
    }
    spin_unlock(&t->lock);
    if (news) {
        t->expire(t);
    }
}

void clocktimer_init(struct clocktimer *t)
{
    timer_init(&t->timer, fire);
    t->due_ns = TIME_NEVER;
    if (t->kind == CLOCK_KIND_WALL) {
        spin_lock(&wall.lock);
        list_append(&wall.timers, &t->wall_link);
        spin_unlock(&wall.lock);
    }
}

void clocktimer_fini(struct clocktimer *t)
{
    if (t->kind == CLOCK_KIND_WALL) {
        spin_lock(&wall.lock);
        list_remove(&t->wall_link);
        spin_unlock(&wall.lock);
    }
    clocktimer_set(t, 0, 0, false);
    timer_cancel(&t->timer);
}

void clocktimer_set(struct clocktimer *t, uint64_t value_ns, uint64_t interval_ns, bool absolute)
{
    spin_lock(&t->lock);
    t->monotonic = !absolute;
    t->expired = false;
    t->interval_ns = interval_ns;
    t->due_ns = value_ns;
    if (value_ns == 0 || (!absolute && !add_ok(now_of(t), value_ns, &t->due_ns))) {
        t->due_ns = TIME_NEVER;
    }
    arm(t);
    spin_unlock(&t->lock);
}

/* Periods that are over at now; the timer is due. */
static uint64_t periods(const struct clocktimer *t, uint64_t now) NEEDS(t->lock)
{
    return t->interval_ns != 0 && now > t->due_ns ? (now - t->due_ns) / t->interval_ns + 1 : 1;
}

void clocktimer_get(struct clocktimer *t, struct clocktimer_value *out)
{
    spin_lock(&t->lock);
    *out = (struct clocktimer_value){0, t->interval_ns};
    uint64_t now = now_of(t);
    uint64_t due = t->due_ns;
    if (t->expired && t->interval_ns != 0) {
        due += periods(t, now) * t->interval_ns;
    }
    if (due != TIME_NEVER && (!t->expired || t->interval_ns != 0)) {
        out->left_ns = due > now ? due - now : 1; /* about to be due is not off */
    }
    spin_unlock(&t->lock);
}

uint64_t clocktimer_take(struct clocktimer *t)
{
    uint64_t n = 0;
    spin_lock(&t->lock);
    if (t->expired) {
        n = periods(t, now_of(t));
        t->expired = false;
        t->due_ns = t->interval_ns != 0 ? t->due_ns + n * t->interval_ns : TIME_NEVER;
        arm(t);
    }
    spin_unlock(&t->lock);
    return n;
}

void clocktimer_wall_changed(void)
{
    struct list *at;
    spin_lock(&wall.lock);
    list_for_each (at, &wall.timers) {
        struct clocktimer *t = list_entry(at, struct clocktimer, wall_link);
        spin_lock(&t->lock);
        if (!t->expired) {
            arm(t);
        }
        spin_unlock(&t->lock);
        if (t->wall_set != NULL) {
            t->wall_set(t);
        }
    }
    spin_unlock(&wall.lock);
}
