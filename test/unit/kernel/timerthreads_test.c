/* SPDX-License-Identifier: MIT */
// sources: kernel/timerfd.c kernel/clocktimer.c kernel/posixtimer.c kernel/signalfd.c kernel/file.c
// sources: kernel/fileattr.c kernel/wait.c kernel/mutex.c kernel/poll.c
// fakes: threads heap
// sanitize: thread
/* Timers and signalfd on several CPUs at once, under ThreadSanitizer: read, set, fired, looked at
 * and deleted all at the same time; no expiration may be lost or seen twice. */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/signalfd.h>

#include "kernel/posixtimer.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/signalfd.h"
#include "kernel/thread.h"
#include "kernel/timerfd.h"
#include "platform/clock.h"
#include "test/fake/threads.h"
#include "test/unit/check.h"

#define CPUS 4
#define ROUNDS 400
#define USEC 1000UL
#define TIMERS 4

struct process process; /* its limits are not asked for */
struct wait_queue signal_arrived = {.waiters = LIST_INIT(signal_arrived.waiters)};
static struct file *file;
static uint64_t taken;
static uint32_t waiting, sent, delivered;

uint64_t process_cpu_ns(void)
{
    return clock_ns();
}

struct cputime thread_cputime(void)
{
    return (struct cputime){clock_ns(), 0};
}

uint64_t sched_cpu_ns(const struct thread *t)
{
    return clock_ns();
}

struct cputime cputime_of(const struct thread *t)
{
    return thread_cputime();
}

unsigned cpu_count(void)
{
    return CPUS;
}

void thread_get(struct thread *t)
{
}

bool signal_is_ignored(const struct thread *t, int sig)
{
    return false;
}

static siginfo_t queued; /* [lock] at most one, as of a timer */
static bool is_queued; /* [lock] */
static struct spinlock lock;

int signal_send(int sig, const siginfo_t *info)
{
    spin_lock(&lock);
    queued = *info;
    is_queued = true;
    sent++;
    spin_unlock(&lock);
    return 0;
}

int signal_send_thread(struct thread *t, int sig, const siginfo_t *info)
{
    return signal_send(sig, info);
}

int signal_take(uint64_t set, siginfo_t *info)
{
    uint32_t n = __atomic_load_n(&waiting, __ATOMIC_RELAXED);
    while (n != 0 && !__atomic_compare_exchange_n(&waiting, &n, n - 1, false, __ATOMIC_ACQUIRE,
                                                  __ATOMIC_RELAXED)) {
    }
    *info = (siginfo_t){.si_signo = SIGUSR1};
    return n != 0 ? SIGUSR1 : 0;
}

uint64_t signal_waiting(void)
{
    return __atomic_load_n(&waiting, __ATOMIC_ACQUIRE) != 0 ? SIG_BIT(SIGUSR1) : 0;
}

static long take(void *buf, size_t len)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, buf, len, false);
    return file->ops->read(file, &it, NULL);
}

static void close_file(unsigned i)
{
    file_put(file);
}

static void begin_timerfd(unsigned i)
{
    struct clocktimer_value v = {50 * USEC, 50 * USEC};
    CHECK_EQ(timerfd_create_file(CLOCK_KIND_MONOTONIC, 0, &file), 0);
    CHECK_EQ(timerfd_set(file, &v, false, false, NULL), 0);
}

/* What CPU 0, on which the timer fires, reads adds up to no more than the time that has passed; the
 * others look on. */
static void read_timer(unsigned i)
{
    while (__atomic_load_n(&taken, __ATOMIC_RELAXED) < ROUNDS) {
        uint64_t n = 0;
        struct wait_queue *q;
        (void)file->ops->poll(file, &q);
        long got = i == 0 ? take(&n, sizeof(n)) : 0;
        CHECK(i != 0 || (got == sizeof(n) && n > 0));
        __atomic_fetch_add(&taken, n, __ATOMIC_RELAXED);
        struct clocktimer_value v;
        CHECK_EQ(timerfd_get(file, &v), 0);
        CHECK(v.left_ns <= 50 * USEC && v.interval_ns == 50 * USEC);
    }
}

static void timerfds(void)
{
    uint64_t start = clock_ns();
    taken = 0;
    fake_threads_run(1, begin_timerfd);
    fake_threads_run(CPUS, read_timer);
    uint64_t passed = clock_ns() - start;
    CHECK(taken >= ROUNDS && taken <= passed / (50 * USEC));
    fake_threads_run(1, close_file);
}

static struct wait_queue pause = {.waiters = LIST_INIT(pause.waiters)};

static void use_posix(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        struct clocktimer_value v = {1 + n % 3 * USEC, USEC};
        struct clocktimer_value old;
        struct posixtimer_request r = {.kind = n % 2 != 0 ? CLOCK_KIND_WALL : CLOCK_KIND_PROCESS,
                                       .sig = SIGUSR1};
        int id = posixtimer_create(&r);
        CHECK(id >= 0);
        CHECK_EQ(posixtimer_set(id, &v, false, &old), 0);
        clocktimer_wall_changed();
        (void)!wait_on(&pause,
                       clock_ns() + 5 * USEC); /* timers fire while a CPU has nothing to do */
        spin_lock(&lock);
        siginfo_t info = queued;
        bool there = is_queued;
        is_queued = false;
        spin_unlock(&lock);
        if (there && posixtimer_deliver(&info)) {
            __atomic_fetch_add(&delivered, 1, __ATOMIC_RELAXED);
        }
        posixtimer_action(SIGUSR1, n % 2 != 0);
        (void)!posixtimer_overrun(id - 1); /* another CPU's, perhaps gone */
        CHECK_EQ(posixtimer_delete(id), 0);
    }
}

/* The table stays for ever: made before it is counted. */
static void grow(unsigned i)
{
    int ids[8 * TIMERS];
    struct posixtimer_request r = {.kind = CLOCK_KIND_MONOTONIC};
    for (unsigned n = 0; n < ARRAY_LEN(ids); n++) {
        ids[n] = posixtimer_create(&r);
    }
    for (unsigned n = 0; n < ARRAY_LEN(ids); n++) {
        CHECK_EQ(posixtimer_delete(ids[n]), 0);
    }
}

static void posixtimers(void)
{
    fake_threads_run(CPUS, use_posix);
    CHECK(sent > 0 && delivered > 0 && delivered <= sent);
}

static void begin_signalfd(unsigned i)
{
    CHECK_EQ(signalfd_create(SIG_BIT(SIGUSR1), 0, &file), 0);
}

/* CPU 0 sends, the others take: as many as were sent, and the last end themselves. */
static void send_or_take(unsigned i)
{
    for (unsigned n = 0; i == 0 && n < 3 * ROUNDS; n++) {
        __atomic_fetch_add(&waiting, 1, __ATOMIC_RELEASE);
        wait_wake(&signal_arrived, WAIT_ALL);
        CHECK_EQ(signalfd_set(file, SIG_BIT(SIGUSR1) | (n % 2 != 0 ? SIG_BIT(SIGTERM) : 0)), 0);
    }
    for (unsigned n = 0; i != 0 && n < ROUNDS; n++) {
        struct signalfd_siginfo record;
        CHECK_EQ(take(&record, sizeof(record)), sizeof(record));
        CHECK_EQ(record.ssi_signo, SIGUSR1);
    }
}

static void signalfds(void)
{
    static_assert(CPUS == 4, "three take what one sends");
    fake_threads_run(1, begin_signalfd);
    fake_threads_run(CPUS, send_or_take);
    CHECK_EQ(waiting, 0);
    fake_threads_run(1, close_file);
}

__attribute__((constructor(65535))) static void set_up(void)
{
    fake_threads_run(1, grow);
}

TESTS(timerfds, posixtimers, signalfds)
