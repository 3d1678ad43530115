/* SPDX-License-Identifier: MIT */
/* The scheduler.
 *
 * Each CPU has a tree of ready threads by virtual run time (cycles that each has had) and runs the
 * leftmost. A thread that slept is placed at most one slice before the others, so that sleepers are
 * served soon and cannot hoard. A slice timer runs only while somebody waits for the CPU; it is
 * left armed over switches, because arming costs more than a hundred of them on a paravirtual host.
 * The queue's lock is held over a switch: the thread switched to releases it (finish), perhaps on
 * another CPU's behalf than the one it slept on, so nothing of a CPU is kept across context_switch.
 * A wake that finds its thread on the way to sleep leaves a mark that sched_block takes.
 * Source: the fair-share idea is stride scheduling (Waldspurger, 1995). */
#include "kernel/sched.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "kernel/idle.h"
#include "kernel/kva.h"
#include "kernel/rseq.h"
#include "kernel/runqueue.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/moncall.h"
#include "platform/vectors.h"

#define IDLE_STACK_PAGES 8

static struct thread idle_threads[MAX_CPUS];
static bool stopping; /* [A] the machine ends: no thread returns to the program */

/* Charge the current thread for its time on the CPU so far. */
static void charge(struct thread *t)
{
    uint64_t now = cpu_cycles();
    uint64_t used = now - t->since_tsc;
    /* the sum first: sched_cpu_ns of another CPU looks at both */
    __atomic_store_n(&t->cpu_cycles, t->cpu_cycles + used, __ATOMIC_RELEASE);
    __atomic_store_n(&t->since_tsc, now, __ATOMIC_RELEASE);
    t->vruntime += used;
    t->burst_now += used;
}

/* What belongs to the CPU while a thread runs goes with the thread. */
static void save_state(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    t->user_rsp = cpu->user_rsp;
    if (t->vectors != NULL) { /* the idle thread has none */
        t->fs_base = cpu_fs_base();
        vectors_save(t->vectors);
    }
}

/* prev's has just been saved. */
static void load_state(struct thread *t, const struct thread *prev)
{
    struct cpu *cpu = cpu_this();
    cpu->thread = t;
    cpu->kernel_rsp = t->kernel_stack_top;
    cpu->user_rsp = t->user_rsp;
    if (t->vectors != NULL) {
        cpu_set_fs_base(t->fs_base);
        vectors_load(t->vectors, prev->vectors);
    }
}

/* The current thread may not stay on this CPU. */
static bool misplaced(void)
{
    return (__atomic_load_n(&thread_this()->affinity, __ATOMIC_RELAXED) >> cpu_id() & 1) == 0;
}

/* On the stack of the thread switched to. */
LOCK_ITSELF static void finish(void)
{
    struct run_queue *q = runqueue_this();
    struct thread *dead = q->dead;
    struct thread *leaver = q->leaver;
    q->dead = NULL;
    q->leaver = NULL;
    spin_unlock(&q->lock);
    if (dead != NULL) {
        thread_put(dead);
    }
    if (leaver != NULL) {
        sched_wake(leaver);
        thread_put(leaver);
    }
    /* Its bit may have been taken by another thread's way out. */
    if (__atomic_load_n(&stopping, __ATOMIC_RELAXED) || misplaced() || rseq_moved() ||
        signal_attention()) {
        cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
    }
}

/* The average length of t's runs between two sleeps. A long one counts for little: the host may
 * have run something else meanwhile. */
static void end_burst(struct thread *t)
{
    t->burst = t->burst - t->burst / 4 + min(t->burst_now, BURST_MAX) / 4;
    t->burst_now = 0;
}

/* Run the next thread. The current one's state is set; q, this CPU's, is locked and released. */
LOCK_ITSELF static void switch_locked(struct run_queue *q) DROPS(q->lock)
{
    lock_assert_held(&q->lock);
    struct thread *prev = thread_this();
    charge(prev);
    if (prev == q->idle) {
        thread_set_state(prev, THREAD_READY);
    } else if (prev->state == THREAD_RUNNING) {
        runqueue_insert(q, prev);
    }
    struct thread *next = runqueue_pick(q);
    /* before it says that it runs: sched_cpu_ns would count from its last run on */
    __atomic_store_n(&next->since_tsc, prev->since_tsc, __ATOMIC_RELEASE);
    thread_set_state(next, THREAD_RUNNING);
    if (next == prev) {
        spin_unlock(&q->lock);
        return;
    }
    if (prev->state == THREAD_DEAD) {
        q->dead = prev;
    }
    *(prev->state == THREAD_BLOCKED ? &prev->waits : &prev->preemptions) += 1;
    q->current = next;
    if (q->nready != 0) {
        runqueue_want_slice(q);
    }
    save_state(prev);
    load_state(next, prev);
    context_switch(&prev->kernel_rsp, next->kernel_rsp);
    finish();
}

void sched_begin(void)
{
    finish();
}

static void slice_over(struct timer *t)
{
    struct run_queue *q = container_of(t, struct run_queue, slice);
    spin_lock(&q->lock);
    bool waiting = q->nready != 0;
    if (waiting) {
        cpu_attention(cpu_this(), CPU_ATTENTION_RESCHED);
        runqueue_want_slice(q);
    }
    spin_unlock(&q->lock);
    if (waiting && (q->slices++ % 2 != 0 || runqueue_any_idle())) {
        runqueue_push();
    }
}

/* Put t, which q's lock covers and which is in no tree, where it shall run. Unlocks q. */
LOCK_ITSELF static void make_ready(struct run_queue *q, struct thread *t) DROPS(q->lock)
{
    runqueue_advance(q);
    uint64_t earliest = q->floor > SLICE_CYCLES ? q->floor - SLICE_CYCLES : 0;
    t->vruntime = max(t->vruntime, earliest);
    unsigned cpu = runqueue_place(q, t);
    if (cpu == q->cpu) {
        runqueue_insert(q, t);
    } else {
        q = runqueue_move(q, t, cpu);
    }
    bool interrupt = runqueue_announce(q, t);
    cpu = q->cpu;
    spin_unlock(&q->lock);
    if (interrupt) {
        cpu_interrupt(cpu);
    }
}

/* What the current thread has had less than others, its new thread t shares: it is served as soon
 * as its creator would be, and creating many gains nothing. */
static void share_credit(struct run_queue *q, struct thread *t) NEEDS(q->lock)
{
    struct thread *creator = thread_this();
    charge(creator);
    runqueue_advance(q);
    uint64_t credit = q->floor - min(creator->vruntime, q->floor);
    creator->vruntime += credit / 2;
    t->vruntime = q->floor - credit / 2;
}

void sched_start(struct thread *t)
{
    struct run_queue *q = runqueue_this();
    t->cpu = q->cpu;
    t->affinity = __atomic_load_n(&thread_this()->affinity, __ATOMIC_RELAXED);
    t->burst = thread_this()->burst; /* who creates threads and waits for them has short ones */
    spin_lock(&q->lock);
    share_credit(q, t);
    make_ready(q, t);
}

void sched_block(void)
{
    struct thread *t = thread_this();
    struct run_queue *q = runqueue_this();
    spin_lock(&q->lock);
    if (t->wake_mark) {
        t->wake_mark = false;
        spin_unlock(&q->lock);
        return;
    }
    thread_set_state(t, THREAD_BLOCKED);
    charge(t);
    end_burst(t);
    switch_locked(q);
}

LOCK_ITSELF void sched_wake(struct thread *t)
{
    struct run_queue *q = runqueue_lock_of(t);
    if (t->state == THREAD_BLOCKED) {
        make_ready(q, t);
        return;
    }
    t->wake_mark = true;
    spin_unlock(&q->lock);
}

LOCK_ITSELF void sched_kick(struct thread *t)
{
    struct run_queue *q = runqueue_lock_of(t);
    if (t->state == THREAD_BLOCKED) {
        make_ready(q, t);
        return;
    }
    t->wake_mark = true;
    bool running = t->state == THREAD_RUNNING;
    unsigned cpu = q->cpu;
    if (running) {
        cpu_attention(cpu_of(cpu), CPU_ATTENTION_SIGNAL);
    }
    spin_unlock(&q->lock);
    if (running && cpu != cpu_id()) {
        cpu_interrupt(cpu);
    }
}

void sched_yield(void)
{
    struct run_queue *q = runqueue_this();
    struct thread *t = thread_this();
    spin_lock(&q->lock);
    if (q->nready == 0) {
        spin_unlock(&q->lock);
        return;
    }
    charge(t);
    const struct thread *last = rb_entry(rbtree_last(&q->ready), struct thread, run_node);
    t->vruntime = max(t->vruntime, last->vruntime);
    switch_locked(q);
}

void sched_preempt(void)
{
    struct run_queue *q = runqueue_this();
    spin_lock(&q->lock);
    if (q->nready == 0) {
        spin_unlock(&q->lock);
        return;
    }
    switch_locked(q);
}

void sched_exit(void)
{
    struct run_queue *q = runqueue_this();
    spin_lock(&q->lock);
    thread_set_state(thread_this(), THREAD_DEAD);
    switch_locked(q);
    panic("a thread came back from its end");
}

/* Another CPU has sent an interrupt: it put a thread on this CPU's queue, or set an attention
 * bit. */
static void interrupted(void)
{
    struct run_queue *q = runqueue_this();
    spin_lock(&q->lock);
    if (q->nready != 0) {
        runqueue_want_slice(q);
    }
    spin_unlock(&q->lock);
}

/* Asleep, but for the thread switched to, which wakes this one and so places it anew. Somebody else
 * may do so before, and this one end meanwhile. */
LOCK_ITSELF static void leave_cpu(void)
{
    struct run_queue *q = runqueue_this();
    thread_get(thread_this());
    spin_lock(&q->lock);
    thread_set_state(thread_this(), THREAD_BLOCKED);
    q->leaver = thread_this();
    switch_locked(q);
}

int sched_set_affinity(struct thread *t, uint64_t cpus)
{
    cpus &= (1UL << cpu_count()) - 1;
    if (cpus == 0) {
        return -EINVAL;
    }
    __atomic_store_n(&t->affinity, cpus, __ATOMIC_RELAXED);
    if (t != thread_this()) {
        sched_kick(t);
    } else if (misplaced()) {
        leave_cpu();
    }
    return 0;
}

void sched_stop(void)
{
    __atomic_store_n(&stopping, true, __ATOMIC_SEQ_CST);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (cpu != cpu_id()) {
            cpu_attention(cpu_of(cpu), CPU_ATTENTION_SIGNAL);
            cpu_interrupt(cpu);
        }
    }
}

void sched_park(void)
{
    for (;;) {
        struct run_queue *q = runqueue_this();
        spin_lock(&q->lock);
        thread_set_state(thread_this(), THREAD_BLOCKED);
        switch_locked(q);
    }
}

void sched_leaving(void)
{
    if (__atomic_load_n(&stopping, __ATOMIC_RELAXED)) {
        sched_park();
    }
    if (misplaced()) {
        leave_cpu();
    }
}

uint64_t sched_cycles_ns(uint64_t cycles)
{
    const struct clock_scale *s = clock_scale();
    return (uint64_t)((unsigned __int128)cycles * s->mult >> s->shift);
}

uint64_t sched_cpu_cycles(const struct thread *t)
{
    uint64_t cycles;
    uint64_t since;
    /* in this order: whatever happens after the look at the clock adds nothing */
    uint64_t now = cpu_cycles();
    bool running = __atomic_load_n(&t->state, __ATOMIC_ACQUIRE) == THREAD_RUNNING;
    do { /* it may be charged meanwhile, which writes the sum first: pairs with the order there */
        since = __atomic_load_n(&t->since_tsc, __ATOMIC_ACQUIRE);
        cycles = __atomic_load_n(&t->cpu_cycles, __ATOMIC_ACQUIRE);
    } while (since != __atomic_load_n(&t->since_tsc, __ATOMIC_ACQUIRE));
    if (running && now > since) {
        cycles += now - since;
    }
    return cycles;
}

uint64_t sched_cpu_ns(const struct thread *t)
{
    return sched_cycles_ns(sched_cpu_cycles(t));
}

uint64_t sched_idle_ns(unsigned cpu)
{
    return sched_cpu_ns(runqueue_of(cpu)->idle);
}

/* An idle thread never moves. Interrupts touch nothing of the program's. */
static void idle_loop(void)
{
    struct run_queue *q = runqueue_this();
    for (;;) {
        if (runqueue_ready(q)) {
            cpu_lazy_end(); /* may be a monitor call: without the lock */
        }
        spin_lock(&q->lock);
        if (q->nready != 0 && !cpu_is_lazy()) {
            __atomic_store_n(&q->idle_state, IDLE_NOT, __ATOMIC_RELAXED);
            switch_locked(q);
            continue;
        }
        spin_unlock(&q->lock);
        cpu_lazy_begin();
        if (!irq_poll()) {
            idle_wait();
        }
    }
}

/* The idle thread of a CPU, with its stack. Returns 0 or -ENOMEM. */
static int make_idle(struct run_queue *q)
{
    struct thread *t = &idle_threads[q->cpu];
    t->kernel_stack_top = kva_alloc_stack(IDLE_STACK_PAGES);
    if (t->kernel_stack_top == 0) {
        return -ENOMEM;
    }
    thread_set_state(t, THREAD_READY);
    t->sig_mask = ~0UL;
    t->cpu = q->cpu;
    t->affinity = ~0UL;
    q->idle = t;
    timer_init(&q->slice, slice_over);
    return 0;
}

int sched_init(void)
{
    struct thread *t = thread_this();
    struct run_queue *q = runqueue_of(0);
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) {
        runqueue_of(cpu)->cpu = cpu;
    }
    irq_set_ipi(interrupted);
    thread_set_state(t, THREAD_RUNNING);
    t->since_tsc = cpu_cycles();
    t->affinity = 1;
    t->burst = BURST_MAX;
    q->current = t;
    int err = make_idle(q);
    if (err == 0) {
        thread_prepare_kernel(q->idle, idle_loop);
    }
    return err;
}

int sched_add_cpu(unsigned cpu)
{
    struct run_queue *q = runqueue_of(cpu);
    int err = make_idle(q);
    if (err != 0) {
        return err;
    }
    struct thread *t = q->idle;
    thread_set_state(t, THREAD_RUNNING);
    t->since_tsc = cpu_cycles();
    q->current = t;
    err = cpu_start(cpu, t, t->kernel_stack_top, idle_loop);
    if (err == 0) {
        thread_this()->affinity |= 1UL << cpu;
    }
    return err;
}
