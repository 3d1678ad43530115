/* SPDX-License-Identifier: MIT */
// sources: kernel/poll.c kernel/file.c kernel/fileattr.c kernel/wait.c kernel/mutex.c
// sources: kernel/timer.c kernel/base/rbtree.c platform/irq.c
// fakes: sched heap log uaccess moncall clock cpu process
/* Waiting for several files: what is ready at once, woken, timed out, interrupted, woken for
 * nothing. Source: poll(2). */
#include "kernel/poll.h"

#include <asm/errno.h>

#include "kernel/timer.h"
#include "test/fake/clock.h"
#include "test/fake/moncall.h"
#include "test/fake/process.h"
#include "test/unit/check.h"

#define FILES 3

static struct wait_queue queues[FILES];
static unsigned holds[FILES]; /* events that hold now */
static struct file *files[FILES];
static struct poll_item items[FILES];
static unsigned waits;

static unsigned poll_one(struct file *f, struct wait_queue **q)
{
    unsigned i = (unsigned)(uintptr_t)f->object;
    *q = &queues[i];
    return holds[i];
}

static const struct file_ops pollable = {.poll = poll_one};
static const struct file_ops always;

static void begin(void (*on_wait)(void))
{
    timer_start();
    waits = 0;
    fake_on_wait = on_wait;
    fake_signal_pending = false;
    for (unsigned i = 0; i < FILES; i++) {
        wait_queue_init(&queues[i]);
        holds[i] = 0;
        files[i] = file_create(&pollable, (void *)(uintptr_t)i, O_RDWR);
        items[i] = (struct poll_item){.file = files[i], .events = POLLIN};
    }
}

static void end(void)
{
    for (unsigned i = 0; i < FILES; i++) {
        CHECK(list_empty(&queues[i].waiters)); /* nobody is left on a queue */
        file_put(files[i]);
    }
}

static void at_once(void)
{
    begin(NULL);
    holds[1] = POLLIN | POLLOUT;
    holds[2] = POLLOUT;
    CHECK_EQ(poll_wait(items, FILES, TIME_NEVER), 1);
    CHECK_EQ(items[0].revents, 0);
    CHECK_EQ(items[1].revents, POLLIN); /* what was asked for */
    CHECK_EQ(items[2].revents, 0);
    holds[2] = POLLHUP | POLLERR; /* told whether asked for or not */
    items[2].events = 0;
    CHECK_EQ(poll_wait(items, FILES, TIME_NEVER), 2);
    CHECK_EQ(items[2].revents, POLLHUP | POLLERR);
    items[0].file = NULL; /* a bad descriptor counts, with what its owner said */
    items[0].revents = POLLNVAL;
    CHECK_EQ(poll_wait(items, FILES, TIME_NEVER), 3);
    CHECK_EQ(items[0].revents, POLLNVAL);
    struct file *plain = file_create(&always, NULL, O_RDWR);
    struct poll_item one = {.file = plain, .events = POLLIN | POLLOUT | POLLPRI};
    CHECK_EQ(poll_wait(&one, 1, TIME_NEVER), 1); /* files without poll are always ready */
    CHECK_EQ(one.revents, POLLIN | POLLOUT);
    file_put(plain);
    end();
}

static void deadlines(void)
{
    begin(NULL);
    uint64_t before = fake_now_ns;
    CHECK_EQ(poll_wait(items, FILES, 0), 0); /* looks once */
    CHECK_EQ(fake_now_ns, before);
    CHECK_EQ(poll_wait(items, FILES, before + 500), 0);
    CHECK(fake_now_ns >= before + 500);
    CHECK_EQ(poll_wait(NULL, 0, fake_now_ns + 70), 0); /* no items: a sleep */
    CHECK(fake_now_ns >= before + 570);
    end();
}

static void change_one(void)
{
    waits++;
    fake_now_ns += 3;
    if (waits == 1) {
        wait_wake(&queues[0], WAIT_ALL); /* for nothing */
    }
    if (waits == 2) {
        holds[2] = POLLOUT; /* woken, but not by what was asked for */
        wait_wake(&queues[2], 1);
    }
    if (waits == 4) {
        holds[1] = POLLIN;
        wait_wake(&queues[1], 1);
    }
}

static void woken(void)
{
    begin(change_one);
    CHECK_EQ(poll_wait(items, FILES, TIME_NEVER), 1);
    CHECK_EQ(waits, 4);
    CHECK_EQ(items[1].revents, POLLIN);
    CHECK_EQ(items[0].revents | items[2].revents, 0);
    end();
}

static void send_signal(void)
{
    fake_signal_pending = true;
}

static void send_signal_and_change(void)
{
    fake_signal_pending = true;
    holds[0] = POLLIN;
    wait_wake(&queues[0], 1);
}

static void signals(void)
{
    begin(send_signal);
    CHECK_EQ(poll_wait(items, FILES, TIME_NEVER), -EINTR);
    CHECK_EQ(poll_wait(items, FILES, 0), -EINTR); /* pending before: as Linux, not 0 */
    holds[0] = POLLIN;
    CHECK_EQ(poll_wait(items, FILES, TIME_NEVER), 1); /* what is ready comes first */
    end();
    begin(send_signal_and_change);
    CHECK_EQ(poll_wait(items, FILES, TIME_NEVER), 1);
    fake_signal_pending = false;
    end();
}

/* The same file twice, and a waiter of another kind on the same queue: all are woken. */
static bool other_woken;

static void note_wake(struct wait_entry *e)
{
    other_woken = true;
}

static void shared_queue(void)
{
    begin(change_one);
    waits = 3;
    struct wait_entry standing = {.wake = note_wake};
    struct poll_item twice[2] = {items[1], items[1]};
    wait_attach(&queues[1], &standing);
    other_woken = false;
    CHECK_EQ(poll_wait(twice, 2, TIME_NEVER), 2);
    CHECK(other_woken);
    wait_detach(&standing);
    end();
}

TESTS(at_once, deadlines, woken, signals, shared_queue)
