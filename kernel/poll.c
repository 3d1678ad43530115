/* SPDX-License-Identifier: MIT */
/* The poll core.
 *
 * Most calls find something ready at the first look and touch no queue. Else an entry goes on each
 * file's queue before a second look, so that no change can fall between looking and sleeping.
 * Entries stay on their queues while the thread sleeps and looks again. Items are the calling
 * thread's own; wakers touch only its sleeper. Source: poll(2), select(2). */
#include "kernel/poll.h"

#include <asm/errno.h>

#include "kernel/signal.h"
#include "platform/clock.h"

unsigned poll_file(struct file *f, struct wait_queue **q)
{
    *q = NULL;
    return f->ops->poll != NULL ? f->ops->poll(f, q) : POLL_NO_WAIT;
}

static void item_wake(struct wait_entry *e)
{
    sleeper_wake(container_of(e, struct poll_item, entry)->sleeper);
}

/* Look at all items. sleeper: also put an entry on each queue first; NULL: only look. */
static long look(struct poll_item *items, size_t n, struct sleeper *sleeper)
{
    long ready = 0;
    for (size_t i = 0; i < n; i++) {
        struct poll_item *it = &items[i];
        struct wait_queue *q = NULL;
        if (it->file != NULL && sleeper != NULL) {
            (void)poll_file(it->file, &q);
        }
        if (q != NULL) {
            it->sleeper = sleeper;
            it->entry = (struct wait_entry){.wake = item_wake, .events = it->events | POLL_ALWAYS};
            wait_attach(q, &it->entry);
        }
        if (it->file != NULL) {
            it->revents = poll_file(it->file, &q) & (it->events | POLL_ALWAYS);
        }
        ready += it->revents != 0;
    }
    return ready;
}

static void leave_queues(struct poll_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (items[i].sleeper != NULL) {
            wait_detach(&items[i].entry);
            items[i].sleeper = NULL;
        }
    }
}

long poll_wait(struct poll_item *items, size_t n, uint64_t deadline_ns)
{
    struct sleeper sleeper = {.woken = false};
    for (size_t i = 0; i < n; i++) {
        items[i].sleeper = NULL;
    }
    long ready = look(items, n, NULL);
    if (ready != 0) {
        return ready;
    }
    if (signal_pending()) {
        return -EINTR;
    }
    if (clock_ns() >= deadline_ns) {
        return 0;
    }
    int err = 0;
    ready = look(items, n, &sleeper);
    while (ready == 0 && err == 0) {
        err = sleeper_wait(&sleeper, deadline_ns);
        ready = look(items, n, NULL);
    }
    leave_queues(items, n);
    if (ready != 0) {
        return ready;
    }
    return err == -ETIMEDOUT ? 0 : err;
}
