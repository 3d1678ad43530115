/* SPDX-License-Identifier: MIT */
/* Timers: a tree by deadline, the first of which is armed in the LAPIC. lock guards the tree;
 * handlers run without it. Source: ordered set per CPU, one CPU so far. */
#include "kernel/timer.h"

#include "kernel/base/lock.h"
#include "platform/clock.h"
#include "platform/irq.h"
#include "platform/moncall.h"

static struct spinlock lock;
static struct rbtree tree; /* [lock] */
static uint64_t armed_for_ns = TIME_NEVER; /* [lock] deadline in the hardware */

static struct timer *first_locked(void)
{
    lock_assert_held(&lock);
    struct rbnode *node = rbtree_first(&tree);
    return node != NULL ? rb_entry(node, struct timer, node) : NULL;
}

/* Put the earliest deadline into the hardware. An earlier one that is armed already only costs a
 * needless interrupt, so cancelling a timer leaves it. */
static void arm_locked(void)
{
    lock_assert_held(&lock);
    const struct timer *t = first_locked();
    if (t != NULL && t->deadline_ns < armed_for_ns) {
        armed_for_ns = t->deadline_ns;
        moncall_timer(t->deadline_ns);
    }
}

static void insert_locked(struct timer *t)
{
    lock_assert_held(&lock);
    struct rbnode *parent = NULL;
    struct rbnode **link = &tree.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[t->deadline_ns >= rb_entry(parent, struct timer, node)->deadline_ns];
    }
    rbtree_link(&tree, &t->node, parent, link);
    t->armed = true;
}

static void remove_locked(struct timer *t)
{
    lock_assert_held(&lock);
    if (t->armed) {
        rbtree_remove(&tree, &t->node);
        t->armed = false;
    }
}

void timer_init(struct timer *t, void (*fire)(struct timer *t))
{
    *t = (struct timer){.fire = fire};
}

void timer_set(struct timer *t, uint64_t deadline_ns)
{
    spin_lock(&lock);
    remove_locked(t);
    t->deadline_ns = deadline_ns;
    if (deadline_ns != TIME_NEVER) {
        insert_locked(t);
        arm_locked();
    }
    spin_unlock(&lock);
}

void timer_cancel(struct timer *t)
{
    spin_lock(&lock);
    remove_locked(t);
    spin_unlock(&lock);
}

uint64_t timer_next(void)
{
    spin_lock(&lock);
    const struct timer *t = first_locked();
    uint64_t next = t != NULL ? t->deadline_ns : TIME_NEVER;
    spin_unlock(&lock);
    return next;
}

/* The timer interrupt: run what is due, then arm the next. */
static void expire(void)
{
    spin_lock(&lock);
    armed_for_ns = TIME_NEVER;
    struct timer *t;
    while ((t = first_locked()) != NULL && t->deadline_ns <= clock_ns()) {
        remove_locked(t);
        spin_unlock(&lock);
        t->fire(t);
        spin_lock(&lock);
    }
    arm_locked();
    spin_unlock(&lock);
}

void timer_start(void)
{
    irq_set_timer(expire);
}
