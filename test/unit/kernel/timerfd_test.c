/* SPDX-License-Identifier: MIT */
// sources: kernel/timerfd.c kernel/clocktimer.c kernel/wait.c kernel/mutex.c kernel/file.c
// sources: kernel/fileattr.c kernel/poll.c
// fakes: cputime sched heap log uaccess process
/* timerfd: what reads and polls get, when they wait, and when setting the wall clock cancels them.
 * Source: timerfd_create(2). */
#include "kernel/timerfd.h"

#include <asm/errno.h>
#include <asm/poll.h>

#include "kernel/heap.h"
#include "platform/clock.h"
#include "test/fake/clock.h"
#include "test/fake/cputime.h"
#include "test/fake/heap.h"
#include "test/unit/check.h"

#define MSEC 1000000UL

static struct file *file;
static uint64_t *buf; /* below the end of the program's addresses */

static void begin(enum clock_kind kind, unsigned flags)
{
    timer_start();
    CHECK_EQ(timerfd_create_file(kind, flags, &file), 0);
    buf = calloc(2, sizeof(*buf));
}

static void end(void)
{
    file_put(file);
    free(buf);
}

static void set(uint64_t value, uint64_t interval, bool absolute, bool cancel)
{
    struct clocktimer_value v = {value, interval};
    CHECK_EQ(timerfd_set(file, &v, absolute, cancel, NULL), 0);
}

static long take(size_t len)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, buf, len, true);
    buf[0] = 0;
    return file->ops->read(file, &it, NULL);
}

static unsigned events(void)
{
    struct wait_queue *q;
    return file->ops->poll(file, &q);
}

static void reads(void)
{
    begin(CLOCK_KIND_MONOTONIC, O_NONBLOCK);
    CHECK_EQ(take(8), -EAGAIN);
    CHECK_EQ(take(7), -EINVAL);
    CHECK_EQ(events(), 0);
    set(10 * MSEC, 3 * MSEC, false, false);
    CHECK_EQ(take(8), -EAGAIN);
    fake_pass_time(10 * MSEC);
    CHECK_EQ(events(), POLLIN);
    CHECK_EQ(take(16), 8);
    CHECK_EQ(buf[0], 1);
    CHECK_EQ(events(), 0);
    CHECK_EQ(take(8), -EAGAIN);
    fake_pass_time(9 * MSEC + 1);
    CHECK_EQ(take(8), 8);
    CHECK_EQ(buf[0], 3);
    fake_pass_time(3 * MSEC);
    set(5 * MSEC, 0, false, false); /* what was due is forgotten */
    CHECK_EQ(events(), 0);
    CHECK_EQ(take(8), -EAGAIN);
    struct clocktimer_value old;
    struct clocktimer_value off = {0, 0};
    CHECK_EQ(timerfd_set(file, &off, false, false, &old), 0);
    CHECK_EQ(old.left_ns, 5 * MSEC);
    CHECK_EQ(old.interval_ns, 0);
    fake_pass_time(100 * MSEC);
    CHECK_EQ(take(8), -EAGAIN);
    end();
}

/* The machine's time moves while its one thread sleeps. */
static void waiting(void)
{
    begin(CLOCK_KIND_MONOTONIC, 0);
    uint64_t start = fake_now_ns;
    set(20 * MSEC, 0, false, false);
    CHECK_EQ(take(8), 8);
    CHECK_EQ(buf[0], 1);
    CHECK(fake_now_ns - start >= 20 * MSEC && fake_now_ns - start < 30 * MSEC);
    end();
}

static void cancelled(void)
{
    begin(CLOCK_KIND_WALL, O_NONBLOCK);
    set(clock_wall_ns() + 10 * MSEC, 0, true, true);
    clock_set_wall(clock_wall_ns() - 5 * MSEC);
    clocktimer_wall_changed();
    CHECK_EQ(events(), POLLIN);
    CHECK_EQ(take(8), -ECANCELED);
    CHECK_EQ(take(8), -EAGAIN); /* once; the timer goes on */
    fake_pass_time(15 * MSEC);
    CHECK_EQ(take(8), 8);
    set(clock_wall_ns() + 10 * MSEC, 0, true, false);
    clock_set_wall(clock_wall_ns() + 20 * MSEC); /* due at once, and nothing is cancelled */
    clocktimer_wall_changed();
    fake_pass_time(0);
    CHECK_EQ(take(8), 8);
    CHECK_EQ(buf[0], 1);
    end();
}

static void others(void)
{
    begin(CLOCK_KIND_PROCESS, O_NONBLOCK);
    struct clocktimer_value v;
    const struct file_ops none = {.name = "none"};
    struct file *f = file_create(&none, NULL, O_RDWR);
    CHECK_EQ(timerfd_get(f, &v), -EINVAL);
    CHECK_EQ(timerfd_set(f, &v, false, false, NULL), -EINVAL);
    file_put(f);
    for (unsigned n = 1; n <= 2; n++) {
        heap_fail_after(n);
        CHECK_EQ(timerfd_create_file(CLOCK_KIND_WALL, 0, &f), -ENOMEM);
        CHECK(fake_heap_failed());
    }
    clocktimer_wall_changed(); /* what could not be made is on no list */
    end();
}

TESTS(reads, waiting, cancelled, others)
