/* SPDX-License-Identifier: MIT */
/* timerfd: the expirations of a clock's timer, counted when they are read. The lock guards what is
 * not read yet and comes before the timer's. Source: timerfd_create(2). */
#include "kernel/timerfd.h"

#include <asm/errno.h>
#include <asm/poll.h>

#include "kernel/heap.h"
#include "kernel/signal.h"

struct timerfd {
    struct clocktimer timer;
    struct spinlock lock; /* of what is taken */
    bool due; /* [lock] it has expired */
    bool cancel; /* [lock] setting the wall clock cancels reads */
    bool cancelled; /* [lock] it has been set */
    struct wait_queue changed;
};

static const struct file_ops timerfd_ops;

static void mark(struct timerfd *t, bool cancels)
{
    spin_lock(&t->lock);
    t->due = t->due || !cancels;
    t->cancelled = t->cancelled || (cancels && t->cancel);
    spin_unlock(&t->lock);
    wait_wake_events(&t->changed, WAIT_ALL, POLLIN);
}

static void expire(struct clocktimer *timer)
{
    mark(container_of(timer, struct timerfd, timer), false);
}

static void wall_set(struct clocktimer *timer)
{
    struct timerfd *t = container_of(timer, struct timerfd, timer);
    spin_lock(&t->lock);
    bool cancel = t->cancel;
    spin_unlock(&t->lock);
    if (cancel) {
        mark(t, true);
    }
}

static bool is_ready(struct timerfd *t)
{
    spin_lock(&t->lock);
    bool ready = t->due || t->cancelled;
    spin_unlock(&t->lock);
    return ready;
}

/* What a read gets: expirations, 0 when there are none, -ECANCELED. */
static long take(struct timerfd *t)
{
    spin_lock(&t->lock);
    bool cancelled = t->cancelled;
    bool due = t->due;
    t->cancelled = t->due = false;
    spin_unlock(&t->lock);
    uint64_t n = due ? clocktimer_take(&t->timer) : 0;
    return cancelled ? -ECANCELED : (long)n;
}

static long timerfd_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct timerfd *t = f->object;
    long n;
    (void)pos;
    if (iov_left(it) < sizeof(n)) {
        return -EINVAL;
    }
    while ((n = take(t)) == 0) {
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        if (wait_until(&t->changed, is_ready(t), TIME_NEVER) != 0) {
            return -ERESTARTSYS;
        }
    }
    if (n < 0) {
        return n;
    }
    return iov_copy_to(it, &n, sizeof(n)) == sizeof(n) ? (long)sizeof(n) : -EFAULT;
}

static unsigned timerfd_poll(struct file *f, struct wait_queue **q)
{
    struct timerfd *t = f->object;
    *q = &t->changed;
    return is_ready(t) ? POLLIN : 0;
}

static void timerfd_release(struct file *f)
{
    struct timerfd *t = f->object;
    clocktimer_fini(&t->timer);
    heap_free(t);
}

static const struct file_ops timerfd_ops = {
    .name = "timerfd",
    .read = timerfd_read,
    .poll = timerfd_poll,
    .release = timerfd_release,
};

int timerfd_create_file(enum clock_kind kind, unsigned flags, struct file **out)
{
    struct timerfd *t = heap_zalloc(sizeof(*t));
    *out = t != NULL ? file_create(&timerfd_ops, t, O_RDWR | (flags & O_NONBLOCK)) : NULL;
    if (*out == NULL) {
        heap_free(t);
        return -ENOMEM;
    }
    wait_queue_init(&t->changed);
    t->timer.kind = kind;
    t->timer.expire = expire;
    t->timer.wall_set = wall_set;
    clocktimer_init(&t->timer);
    return 0;
}

int timerfd_get(struct file *f, struct clocktimer_value *out)
{
    struct timerfd *t = f->object;
    if (f->ops != &timerfd_ops) {
        return -EINVAL;
    }
    clocktimer_get(&t->timer, out);
    return 0;
}

int timerfd_set(struct file *f, const struct clocktimer_value *value, bool absolute, bool cancel,
                struct clocktimer_value *old)
{
    struct clocktimer_value before;
    struct timerfd *t = f->object;
    int err = timerfd_get(f, &before);
    if (err != 0) {
        return err;
    }
    if (old != NULL) {
        *old = before;
    }
    spin_lock(&t->lock);
    t->due = t->cancelled = false;
    t->cancel = cancel;
    clocktimer_set(&t->timer, value->left_ns, value->interval_ns, absolute);
    spin_unlock(&t->lock);
    return 0;
}
