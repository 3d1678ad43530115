/* SPDX-License-Identifier: MIT */
/* Queues of ready threads.
 *
 * A thread belongs to the queue of thread.cpu, changed only under that queue's lock; its state and
 * place change under the same lock. Never are two queue locks held at once: a thread on its way
 * between two is ready and in no tree. vruntime only compares within one queue: a move shifts it by
 * the difference of the floors.
 * Placement: an interrupt to another CPU costs as much as a hundred switches on a paravirtual host,
 * so a waker that is used to block soon keeps the thread it wakes; a CPU that has just become idle
 * looks around for a while before it halts, and takes what has waited. */
#include "kernel/runqueue.h"

#include "kernel/thread.h"
#include "platform/clock.h"
#include "platform/cpu.h"

/* A waker that will soon block: its runs are not all of BURST_MAX, and this one is not long yet. */
#define LONG_RUN 3200000 /* cycles */
#define FEW 4 /* threads more than elsewhere do not wait long when they soon block */

static struct run_queue queues[MAX_CPUS];

struct run_queue *runqueue_of(unsigned cpu)
{
    return &queues[cpu];
}

struct run_queue *runqueue_this(void)
{
    return &queues[cpu_id()];
}

static unsigned cpu_of_thread(const struct thread *t)
{
    return __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE); /* pairs with runqueue_move */
}

LOCK_ITSELF struct run_queue *runqueue_lock_of(const struct thread *t)
{
    for (;;) {
        struct run_queue *q = &queues[cpu_of_thread(t)];
        spin_lock(&q->lock);
        if (q == &queues[cpu_of_thread(t)]) {
            return q;
        }
        spin_unlock(&q->lock);
    }
}

static void raise_floor(struct run_queue *q, uint64_t to) NEEDS(q->lock)
{
    __atomic_store_n(&q->floor, max(q->floor, to), __ATOMIC_RELAXED);
}

/* What comes_first of another CPU looks at: the largest distance when nobody waits. */
static void note_first(struct run_queue *q) NEEDS(q->lock)
{
    struct rbnode *node = rbtree_first(&q->ready);
    uint64_t first =
        node != NULL ? rb_entry(node, struct thread, run_node)->vruntime : q->floor + INT64_MAX;
    __atomic_store_n(&q->first, first, __ATOMIC_RELAXED);
}

void runqueue_insert(struct run_queue *q, struct thread *t)
{
    lock_assert_held(&q->lock);
    struct rbnode *parent = NULL;
    struct rbnode **link = &q->ready.root;
    while (*link != NULL) {
        parent = *link;
        const struct thread *other = rb_entry(parent, struct thread, run_node);
        link = &parent->child[t->vruntime >= other->vruntime];
    }
    rbtree_link(&q->ready, &t->run_node, parent, link);
    note_first(q);
    /* sequentially consistent: pairs with a CPU that says it halts and looks once more */
    __atomic_store_n(&q->nready, q->nready + 1, __ATOMIC_SEQ_CST);
    thread_set_state(t, THREAD_READY);
    t->ready_tsc = cpu_cycles();
}

static void take(struct run_queue *q, struct thread *t) NEEDS(q->lock)
{
    lock_assert_held(&q->lock);
    rbtree_remove(&q->ready, &t->run_node);
    note_first(q);
    __atomic_store_n(&q->nready, q->nready - 1, __ATOMIC_RELAXED);
}

struct thread *runqueue_pick(struct run_queue *q)
{
    lock_assert_held(&q->lock);
    struct rbnode *first = rbtree_first(&q->ready);
    if (first == NULL) {
        return q->idle;
    }
    struct thread *t = rb_entry(first, struct thread, run_node);
    take(q, t);
    raise_floor(q, t->vruntime);
    return t;
}

/* The virtual time of t, which runs, by now. */
static uint64_t had_so_far(const struct thread *t)
{
    int64_t since = (int64_t)(cpu_cycles() - t->since_tsc);
    return t->vruntime + (uint64_t)max(since, (int64_t)0);
}

void runqueue_advance(struct run_queue *q)
{
    lock_assert_held(&q->lock);
    struct rbnode *first = rbtree_first(&q->ready);
    uint64_t least = UINT64_MAX;
    if (first != NULL) {
        least = rb_entry(first, struct thread, run_node)->vruntime;
    }
    if (q->current != q->idle) {
        least = min(least, had_so_far(q->current));
    }
    if (least != UINT64_MAX) {
        raise_floor(q, least);
    }
}

void runqueue_want_slice(struct run_queue *q)
{
    lock_assert_held(&q->lock);
    if (!timer_is_armed(&q->slice) && q->current != q->idle) {
        timer_set(&q->slice, clock_ns() + SLICE_NS);
    }
}

bool runqueue_announce(struct run_queue *q, const struct thread *t)
{
    lock_assert_held(&q->lock);
    const struct thread *now = q->current;
    bool here = q->cpu == cpu_id();
    if (now == q->idle) {
        return !here && __atomic_load_n(&q->idle_state, __ATOMIC_SEQ_CST) == IDLE_HALTED;
    }
    uint64_t had = had_so_far(now);
    bool preempt = t->vruntime + SLICE_CYCLES / 4 < had;
    if (preempt) {
        cpu_attention(cpu_of(q->cpu), CPU_ATTENTION_RESCHED);
    }
    if (here) {
        runqueue_want_slice(q);
        return false;
    }
    return preempt || !timer_is_armed(&q->slice);
}

LOCK_ITSELF struct run_queue *runqueue_move(struct run_queue *q, struct thread *t, unsigned cpu)
{
    lock_assert_held(&q->lock);
    runqueue_advance(q);
    int64_t lead = (int64_t)(t->vruntime - q->floor);
    struct run_queue *to = &queues[cpu];
    thread_set_state(t, THREAD_READY);
    __atomic_store_n(&t->cpu, cpu, __ATOMIC_RELEASE); /* under which lock its state was set */
    spin_unlock(&q->lock);
    spin_lock(&to->lock);
    runqueue_advance(to);
    int64_t at = (int64_t)to->floor + lead;
    t->vruntime = at > 0 ? (uint64_t)at : 0;
    runqueue_insert(to, t);
    return to;
}

static bool allowed(const struct thread *t, unsigned cpu)
{
    return (__atomic_load_n(&t->affinity, __ATOMIC_RELAXED) >> cpu & 1) != 0;
}

static bool is_idle(unsigned cpu)
{
    return __atomic_load_n(&queues[cpu].idle_state, __ATOMIC_SEQ_CST) != IDLE_NOT &&
           __atomic_load_n(&queues[cpu].nready, __ATOMIC_RELAXED) == 0;
}

/* The running thread will probably give this CPU up before another one could be woken. */
static bool short_burst(unsigned me)
{
    const struct thread *now = thread_this();
    int64_t since = (int64_t)(cpu_cycles() - now->since_tsc);
    uint64_t so_far = now->burst_now + (uint64_t)max(since, (int64_t)0);
    return now == queues[me].idle || (now->burst < BURST_MAX && so_far < LONG_RUN);
}

/* t of q would run on CPU me before those who compute there: it would be the first, or has had less
 * than they. */
static bool comes_first(const struct run_queue *q, const struct thread *t, unsigned me)
    NEEDS(q->lock)
{
    uint64_t first = __atomic_load_n(&queues[me].first, __ATOMIC_RELAXED);
    uint64_t floor = __atomic_load_n(&queues[me].floor, __ATOMIC_RELAXED);
    int64_t lead = (int64_t)(t->vruntime - q->floor);
    return lead < (int64_t)(first - floor) || lead < 0;
}

static uint32_t ready_on(unsigned cpu)
{
    return __atomic_load_n(&queues[cpu].nready, __ATOMIC_RELAXED);
}

unsigned runqueue_place(const struct run_queue *q, const struct thread *t)
{
    unsigned n = cpu_count();
    unsigned me = cpu_id();
    unsigned last = q->cpu;
    bool here = allowed(t, me) && short_burst(me);
    if (n == 1 || (here && ready_on(me) == 0)) {
        return me;
    }
    if (allowed(t, last) && is_idle(last)) {
        return last;
    }
    unsigned best = allowed(t, last) ? last : MAX_CPUS;
    for (unsigned cpu = 0; cpu < n; cpu++) {
        if (!allowed(t, cpu)) {
            continue;
        }
        if (is_idle(cpu)) {
            return cpu;
        }
        if (best == MAX_CPUS || ready_on(cpu) < ready_on(best)) {
            best = cpu;
        }
    }
    if (here && ready_on(me) <= ready_on(best) + FEW && comes_first(q, t, me)) {
        return me;
    }
    return best == MAX_CPUS ? last : best; /* an affinity without a CPU cannot be set */
}

/* The first in q that may run on cpu and became ready before the given moment; *early: there is one
 * that became so later. */
static struct thread *movable(struct run_queue *q, unsigned cpu, uint64_t before, bool *early)
    NEEDS(q->lock)
{
    lock_assert_held(&q->lock);
    *early = false;
    for (struct rbnode *at = rbtree_first(&q->ready); at != NULL; at = rbtree_next(at)) {
        struct thread *t = rb_entry(at, struct thread, run_node);
        if (!allowed(t, cpu)) {
            continue;
        }
        if ((int64_t)(before - t->ready_tsc) >= 0) {
            return t;
        }
        *early = true;
    }
    return NULL;
}

LOCK_ITSELF static enum pull_result move_one(struct run_queue *from, unsigned to, uint64_t patience)
{
    bool early;
    if (__atomic_load_n(&from->nready, __ATOMIC_SEQ_CST) == 0) {
        return PULL_NOTHING;
    }
    spin_lock(&from->lock);
    struct thread *t = movable(from, to, cpu_cycles() - patience, &early);
    if (t == NULL) {
        spin_unlock(&from->lock);
        return early ? PULL_NOT_YET : PULL_NOTHING;
    }
    take(from, t);
    spin_unlock(&runqueue_move(from, t, to)->lock);
    return PULL_DONE;
}

enum pull_result runqueue_pull(uint64_t patience)
{
    unsigned me = cpu_id();
    enum pull_result best = PULL_NOTHING;
    for (unsigned i = 1; i < cpu_count() && best != PULL_DONE; i++) {
        enum pull_result now = move_one(&queues[(me + i) % cpu_count()], me, patience);
        best = max(best, now);
    }
    return best;
}

bool runqueue_any_idle(void)
{
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        if (cpu != cpu_id() && is_idle(cpu)) {
            return true;
        }
    }
    return false;
}

void runqueue_push(void)
{
    unsigned me = cpu_id();
    for (unsigned i = 1; i < cpu_count(); i++) {
        unsigned cpu = (me + i) % cpu_count();
        if (__atomic_load_n(&queues[cpu].nready, __ATOMIC_RELAXED) <
                __atomic_load_n(&queues[me].nready, __ATOMIC_RELAXED) &&
            move_one(&queues[me], cpu, 0) == PULL_DONE) {
            cpu_interrupt(cpu);
            return;
        }
    }
}
