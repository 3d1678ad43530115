/* SPDX-License-Identifier: MIT */
// sources: kernel/epoll.c kernel/eventfd.c kernel/poll.c kernel/file.c kernel/fileattr.c
// sources: kernel/wait.c kernel/mutex.c kernel/timer.c kernel/base/rbtree.c platform/irq.c
// fakes: sched heap log uaccess moncall clock cpu process
/* epoll over eventfds: level, edge, once, exclusive, nested; files that are closed while they are
 * watched; deadlines and signals.
 * Source: epoll(7), eventfd(2). */
#include "kernel/epoll.h"

#include <asm/errno.h>

#include "kernel/eventfd.h"
#include "kernel/poll.h"
#include "kernel/timer.h"
#include "test/fake/clock.h"
#include "test/fake/process.h"
#include "test/unit/check.h"

static struct file *ep, *event;
static struct epoll_event *found; /* below the end of the program's addresses */

static struct file *new_set(void)
{
    struct file *f = NULL;
    CHECK_EQ(epoll_create_file(&f), 0);
    return f;
}

static void begin(unsigned count)
{
    timer_start();
    fake_signal_pending = false;
    ep = new_set();
    CHECK_EQ(eventfd_create(count, false, O_NONBLOCK, &event), 0);
    found = calloc(8, sizeof(*found));
}

static void end(void)
{
    file_put(event);
    file_put(ep);
    free(found);
}

static int control(struct file *set, int op, struct file *target, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data = 42};
    return epoll_control(set, op, target, 3, &ev);
}

static long look(struct file *set)
{
    return epoll_collect(set, found, 8, 0);
}

static long move(struct file *f, uint64_t value, bool out)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, &value, sizeof(value), false);
    return out ? f->ops->write(f, &it, NULL) : f->ops->read(f, &it, NULL);
}

static void add(uint64_t value)
{
    CHECK_EQ(move(event, value, true), 8);
}

static void empty(void)
{
    CHECK_EQ(move(event, 0, false), 8);
}

static void level(void)
{
    begin(0);
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN), 0);
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN), -EEXIST);
    CHECK_EQ(look(ep), 0);
    add(1);
    CHECK_EQ(look(ep), 1);
    CHECK_EQ(found[0].events, EPOLLIN);
    CHECK_EQ(found[0].data, 42);
    CHECK_EQ(look(ep), 1); /* as long as it holds */
    empty();
    CHECK_EQ(look(ep), 0);
    CHECK_EQ(control(ep, EPOLL_CTL_DEL, event, 0), 0);
    CHECK_EQ(control(ep, EPOLL_CTL_DEL, event, 0), -ENOENT);
    add(1);
    CHECK_EQ(look(ep), 0);
    end();
}

static void edge_and_once(void)
{
    begin(1);
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLET), 0);
    CHECK_EQ(look(ep), 1);
    CHECK_EQ(look(ep), 0);
    add(1);
    CHECK_EQ(look(ep), 1);
    CHECK_EQ(control(ep, EPOLL_CTL_MOD, event, EPOLLIN | EPOLLONESHOT), 0);
    CHECK_EQ(look(ep), 1);
    add(1);
    CHECK_EQ(look(ep), 0); /* until it is asked for again */
    CHECK_EQ(control(ep, EPOLL_CTL_MOD, event, EPOLLIN | EPOLLONESHOT), 0);
    CHECK_EQ(look(ep), 1);
    end();
}

static void closed_while_watched(void)
{
    begin(1);
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN), 0);
    file_put(event);
    CHECK_EQ(look(ep), 0);
    CHECK_EQ(eventfd_create(1, false, 0, &event), 0);
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN), 0);
    file_put(ep); /* the set first */
    ep = new_set();
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN), 0);
    CHECK_EQ(look(ep), 1);
    end();
}

static void nested(void)
{
    begin(0);
    struct wait_queue *q;
    struct file *sets[6];
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN), 0);
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, ep, EPOLLIN), -EINVAL);
    struct file *below = ep;
    int err = 0;
    unsigned n = 0;
    for (; n < 6 && err == 0; n++) {
        sets[n] = new_set();
        err = control(sets[n], EPOLL_CTL_ADD, below, EPOLLIN);
        below = err == 0 ? sets[n] : below;
    }
    CHECK_EQ(err, -ELOOP); /* too deep */
    CHECK_EQ(n, 5);
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, sets[0], EPOLLIN), -ELOOP); /* a circle */
    CHECK_EQ(look(below), 0);
    add(1);
    CHECK_EQ(look(below), 1);
    CHECK_EQ(poll_file(below, &q) & POLLIN, POLLIN);
    empty();
    CHECK_EQ(look(below), 0);
    while (n-- > 0) {
        file_put(sets[n]);
    }
    end();
}

static unsigned woken;

static void note(struct wait_entry *e)
{
    e->took = true;
    woken++;
}

/* Two who wait exclusively, and a third: a wake with events is for one of the two, and for him. */
static void exclusive_entries(void)
{
    struct wait_queue q;
    struct wait_entry e[3] = {
        {.wake = note, .exclusive = true}, {.wake = note, .exclusive = true}, {.wake = note}};
    wait_queue_init(&q);
    for (unsigned i = 0; i < 3; i++) {
        wait_attach(&q, &e[i]);
    }
    woken = 0;
    CHECK_EQ(wait_wake_events(&q, WAIT_ALL, POLLIN), 0);
    CHECK_EQ(woken, 2);
    wait_wake(&q, WAIT_ALL);
    CHECK_EQ(woken, 5);
    for (unsigned i = 0; i < 3; i++) {
        wait_detach(&e[i]);
    }
}

static void exclusive(void)
{
    begin(0);
    struct file *second = new_set();
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLEXCLUSIVE), 0);
    CHECK_EQ(control(second, EPOLL_CTL_ADD, event, EPOLLIN | EPOLLEXCLUSIVE), 0);
    CHECK_EQ(control(ep, EPOLL_CTL_MOD, event, EPOLLIN), -EINVAL);
    CHECK_EQ(control(second, EPOLL_CTL_ADD, ep, EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
    add(1); /* nobody collects, so both are told */
    CHECK_EQ(look(ep), 1);
    CHECK_EQ(look(second), 1);
    file_put(second);
    end();
}

static void waiting(void)
{
    begin(0);
    uint64_t start = fake_now_ns;
    CHECK_EQ(control(ep, EPOLL_CTL_ADD, event, EPOLLIN), 0);
    CHECK_EQ(epoll_collect(ep, found, 8, start + 5000), 0);
    CHECK(fake_now_ns >= start + 5000);
    fake_signal_pending = true;
    CHECK_EQ(epoll_collect(ep, found, 8, TIME_NEVER), -EINTR);
    fake_signal_pending = false;
    add(1);
    CHECK_EQ(epoll_collect(event, found, 8, 0), -EINVAL);
    CHECK_EQ(epoll_collect(ep, (struct epoll_event *)8, 8, 0), -EFAULT);
    CHECK_EQ(look(ep), 1); /* it was not lost */
    end();
}

TESTS(level, edge_and_once, closed_while_watched, nested, exclusive_entries, exclusive, waiting)
