/* SPDX-License-Identifier: MIT */
/* Timers: of each CPU a tree by deadline, the first of which is armed in its LAPIC. A timer fires
 * on the CPU that set it. A queue's lock guards its tree; handlers run without it. Never are two
 * queue locks held at once. Source: Intel SDM vol. 3, 11.5.4 (APIC timer, one per CPU). */
#include "kernel/timer.h"

#include "kernel/base/lock.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/moncall.h"

struct timer_queue {
    struct spinlock lock;
    struct rbtree tree; /* [lock] */
    uint64_t early_ns; /* [lock] the hardware fires at ~early_ns, as 0 stands for never */
    struct timer *firing; /* [A] its handler runs; set under the lock */
};

static struct timer_queue queues[MAX_CPUS];

static struct timer *first(struct timer_queue *q) NEEDS(q->lock)
{
    lock_assert_held(&q->lock);
    struct rbnode *node = rbtree_first(&q->tree);
    return node != NULL ? rb_entry(node, struct timer, node) : NULL;
}

/* Unlock q, this CPU's, and put its earliest deadline into the hardware. An earlier one that is
 * armed already only costs a needless interrupt, so cancelling a timer leaves it. Only this CPU
 * adds to q and only it arms, so that the slow part need not keep others waiting. */
static void arm(struct timer_queue *q) DROPS(q->lock)
{
    const struct timer *t = first(q);
    uint64_t deadline_ns = t != NULL ? t->deadline_ns : TIME_NEVER;
    bool sooner = t != NULL && deadline_ns < ~q->early_ns;
    if (sooner) {
        q->early_ns = ~deadline_ns;
    }
    spin_unlock(&q->lock);
    if (sooner) {
        moncall_timer(deadline_ns);
    }
}

static void insert(struct timer_queue *q, struct timer *t) NEEDS(q->lock)
{
    lock_assert_held(&q->lock);
    struct rbnode *parent = NULL;
    struct rbnode **link = &q->tree.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[t->deadline_ns >= rb_entry(parent, struct timer, node)->deadline_ns];
    }
    rbtree_link(&q->tree, &t->node, parent, link);
    __atomic_store_n(&t->armed, true, __ATOMIC_RELAXED);
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    *t = (struct timer){.fire = fire, .cpu = cpu_id()}; /* setting it locks no other CPU's queue */
}

/* Take t off the queue it is on. Returns whether its handler runs on another CPU. */
LOCK_ITSELF static bool take_off(struct timer *t)
{
    struct timer_queue *q;
    for (;;) { /* its handler may set it again meanwhile, on the CPU where it runs */
        unsigned cpu = __atomic_load_n(&t->cpu, __ATOMIC_ACQUIRE);
        q = &queues[cpu];
        spin_lock(&q->lock);
        if (cpu == __atomic_load_n(&t->cpu, __ATOMIC_RELAXED)) {
            break;
        }
        spin_unlock(&q->lock);
    }
    if (timer_is_armed(t)) {
        rbtree_remove(&q->tree, &t->node);
        __atomic_store_n(&t->armed, false, __ATOMIC_RELAXED);
    }
    bool running = __atomic_load_n(&q->firing, __ATOMIC_RELAXED) == t && q != &queues[cpu_id()];
    spin_unlock(&q->lock);
    return running;
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
    (void)take_off(t);
    if (deadline_ns == TIME_NEVER) {
        return;
    }
    struct timer_queue *q = &queues[cpu_id()];
    spin_lock(&q->lock);
    t->deadline_ns = deadline_ns;
    __atomic_store_n(&t->cpu, cpu_id(), __ATOMIC_RELEASE);
    insert(q, t);
    arm(q);
}

/* The handler of t runs on another CPU, where it was set before it was set on its queue of now:
 * who set it anew held that one's lock since, and so has seen firing. */
static bool fires_elsewhere(const struct timer *t)
{
    bool running = false;
    for (unsigned cpu = 0; cpu < MAX_CPUS; cpu++) { /* acquire: what the handler did is done */
        running |= cpu != cpu_id() && __atomic_load_n(&queues[cpu].firing, __ATOMIC_ACQUIRE) == t;
    }
    return running;
}

void timer_cancel(struct timer *t)
{
    bool running;
    do { /* in this order: what runs no more may have set it again */
        running = fires_elsewhere(t);
        running |= take_off(t);
        if (running) {
            __builtin_ia32_pause();
        }
    } while (running);
}

uint64_t timer_next(void)
{
    struct timer_queue *q = &queues[cpu_id()];
    spin_lock(&q->lock);
    const struct timer *t = first(q);
    uint64_t next = t != NULL ? t->deadline_ns : TIME_NEVER;
    spin_unlock(&q->lock);
    return next;
}

/* The timer interrupt: run what is due, then arm the next. */
static void expire(void)
{
    struct timer_queue *q = &queues[cpu_id()];
    spin_lock(&q->lock);
    q->early_ns = 0;
    struct timer *t;
    while ((t = first(q)) != NULL && t->deadline_ns <= clock_ns()) {
        rbtree_remove(&q->tree, &t->node);
        __atomic_store_n(&t->armed, false, __ATOMIC_RELAXED);
        __atomic_store_n(&q->firing, t, __ATOMIC_RELAXED);
        spin_unlock(&q->lock);
        t->fire(t); /* its memory may be gone when it returns */
        spin_lock(&q->lock);
        __atomic_store_n(&q->firing, NULL, __ATOMIC_RELEASE); /* pairs with fires_elsewhere */
    }
    arm(q);
}

void timer_start(void)
{
    irq_set_timer(expire);
}
