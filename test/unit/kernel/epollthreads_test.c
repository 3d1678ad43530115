/* SPDX-License-Identifier: MIT */
// sources: kernel/epoll.c kernel/eventfd.c kernel/poll.c kernel/file.c kernel/fileattr.c
// sources: kernel/wait.c kernel/mutex.c kernel/base/rbtree.c
// fakes: threads heap log
// sanitize: thread
/* epoll on several CPUs at once, under ThreadSanitizer: one set that several collect from while
 * others give events, watch and close. Source: epoll(7). */
#include "kernel/epoll.h"

#include <asm/errno.h>

#include "kernel/eventfd.h"
#include "kernel/process.h"
#include "test/fake/threads.h"
#include "test/unit/check.h"

#define CPUS 4
#define ROUNDS 1000

struct process process; /* its limits are not asked for */
static struct file *ep, *event;
static struct epoll_event *found; /* below the end of the program's addresses */
static uint32_t taken;

static void move(struct file *f, uint64_t value, bool out)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, &value, sizeof(value), false);
    long n = out ? f->ops->write(f, &it, NULL) : f->ops->read(f, &it, NULL);
    if (!out && n == sizeof(value)) {
        __atomic_fetch_add(&taken, 1, __ATOMIC_RELAXED);
    }
}

static void watch(struct file *set, struct file *target, uint32_t events)
{
    struct epoll_event ev = {.events = events};
    CHECK_EQ(epoll_control(set, EPOLL_CTL_ADD, target, 3, &ev), 0);
}

/* Mutexes are for threads: so the beginning and the end are one's, too. */
static void begin(unsigned i)
{
    (void)i;
    taken = 0;
    CHECK_EQ(epoll_create_file(&ep), 0);
    CHECK_EQ(eventfd_create(0, true, O_NONBLOCK, &event), 0);
    found = calloc(CPUS, sizeof(*found));
    watch(ep, event, EPOLLIN);
}

static void end(unsigned i)
{
    (void)i;
    while (epoll_collect(ep, &found[0], 1, 0) == 1) {
        move(event, 0, false);
    }
    file_put(event);
    file_put(ep);
    free(found);
}

/* Half of them give ROUNDS events each, the others take as many: none may be lost. */
static void give_or_take(unsigned i)
{
    if (i % 2 == 0) {
        for (unsigned n = 0; n < ROUNDS; n++) {
            move(event, 1, true);
        }
        return;
    }
    while (__atomic_load_n(&taken, __ATOMIC_RELAXED) < CPUS / 2 * ROUNDS) {
        if (epoll_collect(ep, &found[i], 1, TIME_NEVER) == 1) {
            move(event, 0, false);
        }
        if (__atomic_load_n(&taken, __ATOMIC_RELAXED) >= CPUS / 2 * ROUNDS) {
            move(event, 1, true); /* so that the other one does not wait for ever */
        }
    }
}

static void crowd(void)
{
    fake_threads_run(1, begin);
    fake_threads_run(CPUS, give_or_take);
    CHECK(taken >= CPUS / 2 * ROUNDS);
    fake_threads_run(1, end);
}

/* One collects, one gives events, the others watch files that they close at once. */
static void come_and_go(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        struct file *own;
        if (i == 0) {
            (void)!epoll_collect(ep, &found[0], 1, 0);
        } else if (i == 1) {
            move(event, 1, true);
            move(event, 0, false);
        } else if (eventfd_create(1, false, O_NONBLOCK, &own) == 0) {
            watch(ep, own, EPOLLIN | EPOLLET);
            file_put(own);
        }
    }
}

static void churn(void)
{
    fake_threads_run(1, begin);
    fake_threads_run(CPUS, come_and_go);
    fake_threads_run(1, end);
}

TESTS(crowd, churn)
