/* SPDX-License-Identifier: MIT */
/* eventfd. The lock guards the counter; the queue is woken after each change of it, outside the
 * lock. Source: eventfd(2). */
#include "kernel/eventfd.h"

#include <asm/errno.h>
#include <asm/poll.h>

#include "kernel/heap.h"
#include "kernel/signal.h"

#define COUNT_MAX (UINT64_MAX - 1) /* what the counter can hold */
#define IN POLLIN
#define OUT POLLOUT

struct eventfd {
    struct spinlock lock;
    uint64_t count; /* [L] */
    bool semaphore; /* [I] */
    struct wait_queue changed;
};

static uint64_t count_of(struct eventfd *e)
{
    spin_lock(&e->lock);
    uint64_t count = e->count;
    spin_unlock(&e->lock);
    return count;
}

/* Take what a read gets; 0: nothing is there. */
static uint64_t take(struct eventfd *e)
{
    spin_lock(&e->lock);
    uint64_t value = e->semaphore && e->count != 0 ? 1 : e->count;
    e->count -= value;
    spin_unlock(&e->lock);
    return value;
}

static long eventfd_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct eventfd *e = f->object;
    uint64_t value;
    (void)pos;
    if (iov_left(it) < sizeof(value)) {
        return -EINVAL;
    }
    while ((value = take(e)) == 0) {
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        if (wait_until(&e->changed, count_of(e) != 0, TIME_NEVER) != 0) {
            return -ERESTARTSYS;
        }
    }
    wait_wake_events(&e->changed, WAIT_ALL, OUT);
    long n = iov_copy_to(it, &value, sizeof(value));
    return n == sizeof(value) ? n : -EFAULT;
}

static bool add(struct eventfd *e, uint64_t value)
{
    spin_lock(&e->lock);
    bool fits = value <= COUNT_MAX - e->count;
    e->count += fits ? value : 0;
    spin_unlock(&e->lock);
    return fits;
}

static long eventfd_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct eventfd *e = f->object;
    uint64_t value;
    (void)pos;
    if (iov_left(it) < sizeof(value)) {
        return -EINVAL;
    }
    if (iov_copy_from(it, &value, sizeof(value)) != sizeof(value)) {
        return -EFAULT;
    }
    if (value > COUNT_MAX) {
        return -EINVAL;
    }
    while (!add(e, value)) {
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        if (wait_until(&e->changed, value <= COUNT_MAX - count_of(e), TIME_NEVER) != 0) {
            return -ERESTARTSYS;
        }
    }
    wait_wake_events(&e->changed, WAIT_ALL, IN);
    return sizeof(value);
}

static unsigned eventfd_poll(struct file *f, struct wait_queue **q)
{
    struct eventfd *e = f->object;
    *q = &e->changed;
    uint64_t count = count_of(e);
    return (count != 0 ? IN : 0) | (count < COUNT_MAX ? OUT : 0);
}

static void eventfd_release(struct file *f)
{
    heap_free(f->object);
}

static const struct file_ops eventfd_ops = {
    .name = "eventfd",
    .read = eventfd_read,
    .write = eventfd_write,
    .poll = eventfd_poll,
    .release = eventfd_release,
};

int eventfd_create(unsigned start, bool semaphore, unsigned flags, struct file **out)
{
    struct eventfd *e = heap_zalloc(sizeof(*e));
    *out = e != NULL ? file_create(&eventfd_ops, e, O_RDWR | (flags & O_NONBLOCK)) : NULL;
    if (*out == NULL) {
        heap_free(e);
        return -ENOMEM;
    }
    e->count = start;
    e->semaphore = semaphore;
    wait_queue_init(&e->changed);
    return 0;
}
