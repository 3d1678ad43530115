/* SPDX-License-Identifier: MIT */
/* The scheduler.
 *
 * Each CPU has a tree of ready threads by virtual run time (cycles that each has had) and runs the
 * leftmost. A thread that slept is placed at most one slice before the others, so that sleepers are
 * served soon and cannot hoard. A slice timer runs only while somebody waits for the CPU; it is
 * left armed over switches, because arming costs more than a hundred of them on a paravirtual host.
 * queue.lock is held over a switch: the thread switched to releases it (finish). A thread's state
 * and place change under the lock of the queue it belongs to. A wake that finds its thread on the
 * way to sleep leaves a mark that sched_block takes.
 * Source: the fair-share idea is stride scheduling (Waldspurger, 1995). */
#include "kernel/sched.h"

#include <asm/errno.h>

#include "kernel/base/print.h"
#include "kernel/base/lock.h"
#include "kernel/kva.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/moncall.h"

#define SLICE_NS 4000000UL
#define SLICE_CYCLES 8000000UL /* about the same: a measure of fairness, not of time */
#define IDLE_STACK_PAGES 8

struct run_queue {
    struct spinlock lock;
    struct rbtree ready; /* [lock] by vruntime */
    unsigned nready; /* [lock] */
    uint64_t floor; /* [lock] vruntime of the thread picked last */
    struct thread *idle; /* [I] */
    struct thread *dead; /* [C] switched away from for the last time */
    struct timer slice; /* [C] */
};

static struct run_queue queue = {.ready = {NULL}};
static struct thread idle_thread;

static void insert_locked(struct thread *t)
{
    lock_assert_held(&queue.lock);
    struct rbnode *parent = NULL;
    struct rbnode **link = &queue.ready.root;
    while (*link != NULL) {
        parent = *link;
        const struct thread *other = rb_entry(parent, struct thread, run_node);
        link = &parent->child[t->vruntime >= other->vruntime];
    }
    rbtree_link(&queue.ready, &t->run_node, parent, link);
    queue.nready++;
    t->state = THREAD_READY;
}

static struct thread *pick_locked(void)
{
    lock_assert_held(&queue.lock);
    struct rbnode *first = rbtree_first(&queue.ready);
    if (first == NULL) {
        return queue.idle;
    }
    rbtree_remove(&queue.ready, first);
    queue.nready--;
    struct thread *t = rb_entry(first, struct thread, run_node);
    queue.floor = max(queue.floor, t->vruntime);
    return t;
}

/* Charge the current thread for its time on the CPU so far. */
static void charge(struct thread *t)
{
    uint64_t now = cpu_cycles();
    uint64_t used = now - t->since_tsc;
    t->since_tsc = now;
    t->cpu_cycles += used;
    t->vruntime += used;
}

/* What belongs to the CPU while a thread runs goes with the thread. */
static void save_state(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    t->user_rsp = cpu->user_rsp;
    if (t->vectors != NULL) { /* the idle thread has none */
        t->fs_base = cpu_fs_base();
        cpu_xsave(t->vectors);
    }
}

static void load_state(struct thread *t)
{
    struct cpu *cpu = cpu_this();
    cpu->thread = t;
    cpu->kernel_rsp = t->kernel_stack_top;
    cpu->user_rsp = t->user_rsp;
    if (t->vectors != NULL) {
        cpu_set_fs_base(t->fs_base);
        cpu_xrstor(t->vectors);
    }
}

/* On the stack of the thread switched to. */
static void finish(void) DROPS(queue.lock)
{
    struct thread *dead = queue.dead;
    queue.dead = NULL;
    spin_unlock(&queue.lock);
    if (dead != NULL) {
        thread_put(dead);
    }
    if (signal_attention()) { /* its bit may have been taken by another thread's way out */
        cpu_attention(cpu_this(), CPU_ATTENTION_SIGNAL);
    }
}

/* Run the next thread. The current one's state is set; queue.lock is held and released. */
static void switch_locked(void) DROPS(queue.lock)
{
    lock_assert_held(&queue.lock);
    struct thread *prev = thread_this();
    charge(prev);
    if (prev->state == THREAD_RUNNING && prev != queue.idle) {
        insert_locked(prev);
    }
    struct thread *next = pick_locked();
    next->state = THREAD_RUNNING;
    if (next == prev) {
        spin_unlock(&queue.lock);
        return;
    }
    if (prev->state == THREAD_DEAD) {
        queue.dead = prev;
    }
    *(prev->state == THREAD_BLOCKED ? &prev->waits : &prev->preemptions) += 1;
    save_state(prev);
    load_state(next);
    next->since_tsc = prev->since_tsc;
    context_switch(&prev->kernel_rsp, next->kernel_rsp);
    finish();
}

void sched_begin(void)
{
    lock_assert_held(&queue.lock); /* taken by the thread that switched here */
    finish();
}

/* Somebody waits for the CPU: see to it that the running thread gives it up in time. */
static void want_slice_locked(void)
{
    lock_assert_held(&queue.lock);
    if (!queue.slice.armed && thread_this() != queue.idle) {
        timer_set(&queue.slice, clock_ns() + SLICE_NS);
    }
}

static void slice_over(struct timer *t)
{
    (void)t;
    spin_lock(&queue.lock);
    if (queue.nready != 0) {
        cpu_attention(cpu_this(), CPU_ATTENTION_RESCHED);
        want_slice_locked();
    }
    spin_unlock(&queue.lock);
}

static void ready_locked(struct thread *t)
{
    lock_assert_held(&queue.lock);
    uint64_t earliest = queue.floor > SLICE_CYCLES ? queue.floor - SLICE_CYCLES : 0;
    t->vruntime = max(t->vruntime, earliest);
    insert_locked(t);
    want_slice_locked();
}

void sched_start(struct thread *t)
{
    spin_lock(&queue.lock);
    t->vruntime = queue.floor;
    ready_locked(t);
    spin_unlock(&queue.lock);
}

void sched_block(void)
{
    struct thread *t = thread_this();
    spin_lock(&queue.lock);
    if (t->wake_mark) {
        t->wake_mark = false;
        spin_unlock(&queue.lock);
        return;
    }
    t->state = THREAD_BLOCKED;
    switch_locked();
}

void sched_wake(struct thread *t)
{
    spin_lock(&queue.lock);
    if (t->state == THREAD_BLOCKED) {
        ready_locked(t);
        struct thread *now = thread_this();
        if (now != queue.idle && t->vruntime + SLICE_CYCLES / 4 < now->vruntime) {
            cpu_attention(cpu_this(), CPU_ATTENTION_RESCHED);
        }
    } else {
        t->wake_mark = true;
    }
    spin_unlock(&queue.lock);
}

void sched_yield(void)
{
    spin_lock(&queue.lock);
    if (queue.nready == 0) {
        spin_unlock(&queue.lock);
        return;
    }
    charge(thread_this());
    struct thread *last = rb_entry(rbtree_last(&queue.ready), struct thread, run_node);
    thread_this()->vruntime = max(thread_this()->vruntime, last->vruntime);
    switch_locked();
}

void sched_preempt(void)
{
    spin_lock(&queue.lock);
    if (queue.nready == 0) {
        spin_unlock(&queue.lock);
        return;
    }
    switch_locked();
}

void sched_exit(void)
{
    spin_lock(&queue.lock);
    thread_this()->state = THREAD_DEAD;
    switch_locked();
    panic("a thread came back from its end");
}

static uint64_t cycles_to_ns(uint64_t cycles)
{
    const struct clock_scale *s = clock_scale();
    return (uint64_t)((unsigned __int128)cycles * s->mult >> s->shift);
}

uint64_t sched_cpu_ns(const struct thread *t)
{
    uint64_t cycles = t->cpu_cycles;
    if (t->state == THREAD_RUNNING) {
        cycles += cpu_cycles() - t->since_tsc;
    }
    return cycles_to_ns(cycles);
}

uint64_t sched_idle_ns(void)
{
    return sched_cpu_ns(queue.idle);
}

static void idle_loop(void)
{
    for (;;) {
        spin_lock(&queue.lock);
        if (queue.nready != 0) {
            switch_locked();
        } else {
            spin_unlock(&queue.lock);
            if (!irq_poll()) {
                moncall_wait();
            }
        }
    }
}

int sched_init(void)
{
    uint64_t top = kva_alloc_stack(IDLE_STACK_PAGES);
    if (top == 0) {
        return -ENOMEM;
    }
    thread_this()->state = THREAD_RUNNING;
    thread_this()->since_tsc = cpu_cycles();
    queue.idle = &idle_thread;
    idle_thread.kernel_stack_top = top;
    idle_thread.state = THREAD_READY;
    idle_thread.sig_mask = ~0UL;
    thread_prepare_kernel(&idle_thread, idle_loop);
    timer_init(&queue.slice, slice_over);
    return 0;
}
