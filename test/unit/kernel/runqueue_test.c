/* SPDX-License-Identifier: MIT */
// sources: kernel/runqueue.c kernel/timer.c kernel/base/rbtree.c platform/irq.c
// fakes: moncall clock cpu log
/* Run queues alone: the order in which threads are picked, moves between CPUs, who may be pulled,
 * and where a woken thread is put. */
#include "kernel/runqueue.h"

#include "kernel/thread.h"
#include "platform/cpu.h"
#include "test/fake/clock.h"
#include "test/fake/cpu.h"
#include "test/fake/moncall.h"
#include "test/unit/check.h"

#define THREADS 40
#define CPUS 3
#define LONG_AGO 1000000000UL

static struct thread threads[THREADS];
static struct thread idles[CPUS];
static struct thread runners[CPUS];
static unsigned interrupts[CPUS];

unsigned cpu_count(void)
{
    return CPUS;
}

void cpu_interrupt(unsigned id)
{
    interrupts[id]++;
}

struct cpu *cpu_of(unsigned id)
{
    static struct cpu others[CPUS];
    return id == cpu_id() ? cpu_this() : &others[id];
}

/* Every CPU computes, and has so long ago that nothing else matters. */
static void begin(void)
{
    for (unsigned i = 0; i < CPUS; i++) {
        struct run_queue *q = runqueue_of(i);
        idles[i] = (struct thread){.affinity = ~0UL};
        runners[i] = (struct thread){
            .affinity = ~0UL, .burst = BURST_MAX, .vruntime = 1UL << 40, .since_tsc = cpu_cycles()};
        *q = (struct run_queue){.cpu = i, .idle = &idles[i], .current = &runners[i]};
        q->floor = 1UL << 40;
        q->idle_state = IDLE_NOT;
        interrupts[i] = 0;
    }
    for (unsigned i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.affinity = ~0UL, .state = THREAD_BLOCKED};
    }
    cpu_this()->thread = &runners[0];
}

static void end(void)
{
    cpu_this()->thread = &fake_thread;
}

static void put(unsigned cpu, struct thread *t, uint64_t vruntime)
{
    struct run_queue *q = runqueue_of(cpu);
    spin_lock(&q->lock);
    t->cpu = cpu;
    t->vruntime = vruntime;
    runqueue_insert(q, t);
    t->ready_tsc = cpu_cycles() - LONG_AGO;
    spin_unlock(&q->lock);
}

static struct thread *pick(unsigned cpu)
{
    struct run_queue *q = runqueue_of(cpu);
    spin_lock(&q->lock);
    struct thread *t = runqueue_pick(q);
    spin_unlock(&q->lock);
    return t;
}

static unsigned place(unsigned last, struct thread *t)
{
    struct run_queue *q = runqueue_of(last);
    spin_lock(&q->lock);
    unsigned cpu = runqueue_place(q, t);
    spin_unlock(&q->lock);
    return cpu;
}

static void least_first(void)
{
    begin();
    uint64_t last = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        put(0, &threads[i], check_below(10));
        CHECK_EQ(runqueue_of(0)->nready, i + 1);
        CHECK_EQ(threads[i].state, THREAD_READY);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        const struct thread *t = pick(0);
        CHECK(t >= threads && t < threads + THREADS && t->vruntime >= last);
        last = t->vruntime;
    }
    CHECK_EQ(pick(0), &idles[0]);
    CHECK_EQ(runqueue_of(0)->nready, 0);
    put(0, &threads[1], 7); /* of equals, who came first */
    put(0, &threads[0], 7);
    CHECK_EQ(pick(0), &threads[1]);
    CHECK_EQ(pick(0), &threads[0]);
    end();
}

/* The floor follows what the one that runs has had, but not beyond who waits. */
static void floors(void)
{
    begin();
    struct run_queue *q = runqueue_of(0);
    runners[0].since_tsc = cpu_cycles() - LONG_AGO;
    spin_lock(&q->lock);
    runqueue_advance(q);
    CHECK(q->floor >= (1UL << 40) + LONG_AGO && q->floor < (1UL << 40) + 100 * LONG_AGO);
    spin_unlock(&q->lock);
    uint64_t now = q->floor;
    put(0, &threads[0], now + 5);
    runners[0].since_tsc -= LONG_AGO;
    spin_lock(&q->lock);
    runqueue_advance(q);
    CHECK_EQ(q->floor, now + 5);
    q->current = q->idle;
    runqueue_pick(q);
    runqueue_advance(q); /* nobody is there */
    CHECK_EQ(q->floor, now + 5);
    spin_unlock(&q->lock);
    end();
}

static void moves(void)
{
    begin();
    struct run_queue *from = runqueue_of(0);
    struct run_queue *to = runqueue_of(2);
    runners[2].vruntime = to->floor = 5UL << 40;
    put(0, &threads[0], from->floor + 1000);
    pick(0);
    int64_t lead = (int64_t)(threads[0].vruntime - from->floor); /* floors go on meanwhile */
    spin_lock(&from->lock);
    CHECK_EQ(runqueue_move(from, &threads[0], 2), to);
    CHECK_EQ(from->lock.state, 0);
    CHECK_EQ(threads[0].cpu, 2);
    CHECK_EQ(to->nready, 1);
    int64_t now = (int64_t)(threads[0].vruntime - to->floor);
    CHECK(now <= lead && now > lead - (int64_t)(100 * LONG_AGO));
    spin_unlock(&to->lock);
    CHECK_EQ(runqueue_lock_of(&threads[0]), to);
    spin_unlock(&to->lock);
    CHECK_EQ(pick(2), &threads[0]);
    end();
}

static void pulls(void)
{
    begin();
    CHECK_EQ(runqueue_pull(0), PULL_NOTHING);
    put(1, &threads[0], 1);
    put(1, &threads[1], 2);
    threads[0].affinity = 2; /* CPU 1 only */
    threads[1].affinity = 1 | 2;
    threads[1].ready_tsc = cpu_cycles();
    CHECK_EQ(runqueue_pull(LONG_AGO), PULL_NOT_YET);
    CHECK_EQ(runqueue_of(0)->nready, 0);
    CHECK_EQ(runqueue_pull(0), PULL_DONE);
    CHECK_EQ(pick(0), &threads[1]);
    CHECK_EQ(runqueue_pull(0), PULL_NOTHING);
    CHECK_EQ(pick(1), &threads[0]);
    end();
}

static void pushes(void)
{
    begin();
    put(0, &threads[0], 1);
    put(1, &threads[1], 1);
    runqueue_push(); /* CPU 2 has none */
    CHECK_EQ(runqueue_of(2)->nready, 1);
    CHECK_EQ(runqueue_of(0)->nready, 0);
    CHECK_EQ(interrupts[2], 1);
    runqueue_push(); /* nothing to give */
    put(0, &threads[2], 1);
    runqueue_push(); /* nobody has less */
    CHECK_EQ(runqueue_of(0)->nready, 1);
    CHECK_EQ(interrupts[1] + interrupts[2], 1);
    end();
}

static void places(void)
{
    begin();
    struct thread *t = &threads[0];
    t->vruntime = runqueue_of(1)->floor;
    CHECK_EQ(place(1, t), 1); /* all compute: where it was */
    put(1, &threads[1], 1UL << 41);
    CHECK(place(1, t) != 1); /* where fewer wait */
    t->affinity = 2;
    CHECK_EQ(place(1, t), 1);
    CHECK_EQ(place(0, t), 1); /* where it may */
    t->affinity = ~0UL;
    runqueue_of(2)->idle_state = IDLE_HALTED;
    CHECK(runqueue_any_idle());
    CHECK_EQ(place(1, t), 2); /* who is idle */
    runners[0].burst = 0;
    CHECK_EQ(place(1, t), 0); /* here, where it can run at once */
    put(0, &threads[2], 1UL << 41);
    CHECK_EQ(place(1, t), 2);
    runqueue_of(2)->idle_state = IDLE_NOT;
    CHECK(!runqueue_any_idle());
    CHECK_EQ(place(1, t), 0); /* here it is the next one */
    runners[0].burst = BURST_MAX;
    CHECK_EQ(place(1, t), 2);
    end();
}

TESTS(least_first, floors, moves, pulls, pushes, places)
