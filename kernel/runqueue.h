/* SPDX-License-Identifier: MIT */
/* The queue of ready threads of each CPU, and on which one a thread is to run. The scheduler's. */
#ifndef KERNEL_RUNQUEUE_H
#define KERNEL_RUNQUEUE_H

#include "kernel/base/lock.h"
#include "kernel/base/rbtree.h"
#include "kernel/timer.h"
#include "platform/monitor/abi.h"

struct thread;

#define SLICE_NS 4000000UL
#define SLICE_CYCLES 8000000UL /* about the same: a measure of fairness, not of time */
#define BURST_MAX 800000UL /* cycles: what a run between two sleeps counts at most */

enum idle_state { IDLE_NOT, IDLE_LOOKING, IDLE_HALTED };

struct run_queue {
    struct spinlock lock;
    unsigned cpu; /* [I] */
    struct rbtree ready; /* [lock] by vruntime */
    uint32_t nready; /* [lock]; read without it as a hint */
    uint64_t floor; /* [lock] vruntime that everybody on the queue has had; a hint without it */
    uint64_t first; /* [lock] vruntime of the first in ready; a hint without it */
    struct thread *current; /* [lock] */
    struct thread *idle; /* [I] */
    struct thread *dead; /* [lock] switched away from for the last time */
    struct thread *leaver; /* [lock] gave the CPU up because its affinity says so */
    struct timer slice; /* set by its CPU only; armed while somebody waits for the CPU */
    uint32_t idle_state; /* [A] enum idle_state */
    unsigned slices; /* [C] that ended with somebody waiting */
};

/* runqueue_of: of a CPU. runqueue_this: of the running one; not valid any more after a switch. */
struct run_queue *runqueue_of(unsigned cpu);
struct run_queue *runqueue_this(void);

/* runqueue_lock_of: lock the queue that t belongs to. */
struct run_queue *runqueue_lock_of(const struct thread *t);

/* runqueue_insert, runqueue_pick: t becomes ready on q; the thread that has had least, taken off q,
 * or its idle thread. */
void runqueue_insert(struct run_queue *q, struct thread *t) NEEDS(q->lock);
struct thread *runqueue_pick(struct run_queue *q) NEEDS(q->lock);

/* runqueue_advance: bring the floor up to what the thread that has had least has had by now: one
 * that ran alone all the time, and was charged for nothing of it, does not wait for the others to
 * have as much. */
void runqueue_advance(struct run_queue *q) NEEDS(q->lock);

/* runqueue_want_slice: somebody waits for q's CPU, this one: see to it that the running thread
 * gives it up in time. */
void runqueue_want_slice(struct run_queue *q) NEEDS(q->lock);

/* runqueue_announce: t, just inserted in q, may have to run before q's current thread. Returns
 * whether q's CPU is another one that must be interrupted to see it. */
bool runqueue_announce(struct run_queue *q, const struct thread *t) NEEDS(q->lock);

/* runqueue_move: t, ready or waking, in no tree, goes from q, which is locked and is unlocked, to
 * another CPU's, which is returned locked with t inserted. */
struct run_queue *runqueue_move(struct run_queue *q, struct thread *t, unsigned cpu);

/* runqueue_place: the CPU on which t of queue q is to run now. A hint: what it looks at may
 * change. */
unsigned runqueue_place(const struct run_queue *q, const struct thread *t) NEEDS(q->lock);

/* runqueue_pull: take a thread that waits elsewhere onto this CPU's queue; patience: cycles that it
 * must have waited. PULL_NOT_YET: there is one that has not yet. No lock held. */
enum pull_result { PULL_NOTHING, PULL_NOT_YET, PULL_DONE };
enum pull_result runqueue_pull(uint64_t patience);

/* runqueue_any_idle: another CPU has nothing to run. */
bool runqueue_any_idle(void);

/* runqueue_push: give the thread that waits first on this CPU to one with fewer waiting. No lock
 * held. */
void runqueue_push(void);

/* runqueue_ready: a thread waits for q's CPU. A hint without the lock. */
static inline bool runqueue_ready(const struct run_queue *q)
{
    return __atomic_load_n(&q->nready, __ATOMIC_SEQ_CST) != 0;
}

#endif
