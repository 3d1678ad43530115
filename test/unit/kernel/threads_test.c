/* SPDX-License-Identifier: MIT */
// sources: kernel/wait.c kernel/mutex.c kernel/futex.c kernel/futexpi.c kernel/futexword.c
// sources: kernel/rwlock.c fs/lock.c
// fakes: threads heap
// sanitize: thread
/* Waiting on several CPUs at once, under ThreadSanitizer: plain counters that the locks must
 * guard, wakes that may not be lost, and sums that must come out. */
#include <asm/errno.h>
#include <linux/futex.h>
#include <time.h>

#include "fs/lock.h"
#include "kernel/futex.h"
#include "kernel/mutex.h"
#include "kernel/rwlock.h"
#include "platform/clock.h"
#include "test/fake/threads.h"
#include "test/unit/check.h"

#define CPUS 4
#define ROUNDS 1600 /* divisible by 8; on few host CPUs a spinning thread waits a whole slice */
#define ANY FUTEX_BITSET_MATCH_ANY
#define USEC 1000UL

static unsigned long counter; /* plain: what is tested guards it */
static uint32_t *word, *other_word;

static uint32_t load(const uint32_t *p)
{
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static struct futex_word futex(uint32_t *p)
{
    return (struct futex_word){p, false};
}

static void begin(void)
{
    counter = 0;
    word = calloc(1, 256); /* below the end of the program's addresses */
    other_word = word + 32;
}

static void end(void)
{
    free(word);
}

static struct mutex mutex;

static void count_under_mutex(unsigned i)
{
    for (unsigned n = 0; n < 10 * ROUNDS; n++) {
        mutex_lock(&mutex);
        counter++;
        mutex_unlock(&mutex);
    }
}

static void mutexes(void)
{
    counter = 0;
    mutex_init(&mutex);
    fake_threads_run(CPUS, count_under_mutex);
    CHECK_EQ(counter, CPUS * 10 * ROUNDS);
}

/* Writers that make two counters unequal for a moment, readers that must not see it; holders that
 * stay longer than anybody waits awake, so that many sleep for the lock. */
static struct rwlock shared;
static unsigned long twin, unequal, long_stays;

static void stay(unsigned n)
{
    if (n % 16 == 0) {
        __atomic_fetch_add(&long_stays, 1, __ATOMIC_RELAXED);
        nanosleep(&(struct timespec){.tv_nsec = 300 * USEC}, NULL);
    }
}

static void read_or_write(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS / 4; n++) {
        if ((n + i) % 3 == 0) {
            rwlock_lock(&shared);
            counter++;
            stay(n + i);
            twin++;
            rwlock_unlock(&shared);
        } else {
            rwlock_share(&shared);
            __atomic_fetch_add(&unequal, counter != twin, __ATOMIC_RELAXED);
            stay(n + i);
            rwlock_unshare(&shared);
        }
    }
}

static void readers_and_writers(void)
{
    counter = twin = unequal = long_stays = 0;
    rwlock_init(&shared);
    fake_threads_run(FAKE_THREADS, read_or_write);
    CHECK_EQ(unequal, 0);
    CHECK_EQ(counter, twin);
    CHECK(counter >= FAKE_THREADS * (ROUNDS / 4 / 3) && long_stays > ROUNDS / 16);
    CHECK_EQ(shared.state, 0);
    CHECK_EQ(shared.writers + shared.sleeping_writers + shared.sleeping_readers, 0);
    CHECK(list_empty(&shared.read_queue.waiters) && list_empty(&shared.write_queue.waiters));
}

/* A token goes round: each waits for its turn. */
static struct wait_queue turns;
static unsigned turn;

static void take_turns(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS / 16; n++) {
        int err =
            wait_until(&turns, __atomic_load_n(&turn, __ATOMIC_ACQUIRE) % CPUS == i, TIME_NEVER);
        if (err == 0) {
            counter++;
        }
        __atomic_fetch_add(&turn, 1, __ATOMIC_RELEASE);
        wait_wake(&turns, WAIT_ALL);
    }
}

static void waits(void)
{
    counter = turn = 0;
    wait_queue_init(&turns);
    fake_threads_run(CPUS, take_turns);
    CHECK_EQ(counter, CPUS * (ROUNDS / 16));
    CHECK(list_empty(&turns.waiters));
}

/* The lock of Drepper: Futexes Are Tricky, mutex 3. 0 free, 1 taken, 2 taken and waited for. */
static void futex_lock(uint32_t *w)
{
    uint32_t c = 0;
    if (__atomic_compare_exchange_n(w, &c, 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        return;
    }
    while (__atomic_exchange_n(w, 2, __ATOMIC_SEQ_CST) != 0) {
        (void)futex_wait(futex(w), 2, ANY, TIME_NEVER);
    }
}

static void futex_unlock(uint32_t *w)
{
    if (__atomic_exchange_n(w, 0, __ATOMIC_SEQ_CST) == 2) {
        (void)futex_wake(futex(w), 1, ANY);
    }
}

static void count_under_futex(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS; n++) {
        futex_lock(word);
        counter++;
        futex_unlock(word);
    }
}

static void futexes(void)
{
    begin();
    fake_threads_run(CPUS, count_under_futex);
    CHECK_EQ(counter, CPUS * ROUNDS);
    end();
}

/* Waits that may time out against wakes: each wake that woke somebody is a wait that says so. */
static unsigned long woken_by, woken, timed_out, failures;

static void wait_or_wake(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS / 8; n++) {
        if (i == 0) {
            long k = futex_wake(futex(word), 1 + n % 3, ANY);
            __atomic_fetch_add(&woken_by, (unsigned long)k, __ATOMIC_RELAXED);
            continue;
        }
        long err = futex_wait(futex(word), 0, ANY, clock_ns() + n % 50 * USEC);
        unsigned long *sum = err == 0 ? &woken : err == -ETIMEDOUT ? &timed_out : &failures;
        __atomic_fetch_add(sum, 1, __ATOMIC_RELAXED);
    }
}

static void timeouts(void)
{
    begin();
    woken_by = woken = timed_out = failures = 0;
    fake_threads_run(CPUS, wait_or_wake);
    CHECK_EQ(woken, woken_by);
    CHECK_EQ(woken + timed_out, (CPUS - 1) * (ROUNDS / 8));
    CHECK_EQ(failures, 0);
    end();
}

/* A condition variable whose broadcast moves the sleepers to the lock. other_word counts
 * generations; the lock is word. */
static unsigned long arrived, generation;

static void barrier(void)
{
    futex_lock(word);
    unsigned long mine = generation;
    if (++arrived == CPUS) {
        arrived = 0;
        generation++;
        __atomic_fetch_add(other_word, 1, __ATOMIC_SEQ_CST);
        (void)futex_requeue(futex(other_word), 1, futex(word), UINT32_MAX, NULL);
        (void)futex_wake(futex(other_word), UINT32_MAX, ANY);
    }
    while (generation == mine) {
        uint32_t seen = load(other_word);
        futex_unlock(word);
        (void)futex_wait(futex(other_word), seen, ANY, TIME_NEVER);
        while (__atomic_exchange_n(word, 2, __ATOMIC_SEQ_CST) != 0) { /* others may sleep on it */
            (void)futex_wait(futex(word), 2, ANY, TIME_NEVER);
        }
    }
    futex_unlock(word);
}

static void meet(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS / 8; n++) {
        barrier();
        if (i == n % CPUS) {
            counter++; /* one at a time: barriers lie before and after */
        }
        barrier();
    }
}

static void requeues(void)
{
    begin();
    arrived = generation = 0;
    fake_threads_run(CPUS, meet);
    CHECK_EQ(counter, ROUNDS / 8);
    end();
}

static void count_under_pi(unsigned i)
{
    uint32_t tid = 2 + i;
    for (unsigned n = 0; n < ROUNDS / 2; n++) {
        uint32_t expected = 0;
        if (!__atomic_compare_exchange_n(word, &expected, tid, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST) &&
            futex_lock_pi(futex(word), TIME_NEVER) != 0) {
            __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
        }
        counter++;
        expected = tid;
        if (!__atomic_compare_exchange_n(word, &expected, 0, false, __ATOMIC_SEQ_CST,
                                         __ATOMIC_SEQ_CST) &&
            futex_unlock_pi(futex(word)) != 0) {
            __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
        }
    }
}

static void owners(void)
{
    begin();
    failures = 0;
    fake_threads_run(CPUS, count_under_pi);
    CHECK_EQ(failures, 0);
    CHECK_EQ(counter, CPUS * (ROUNDS / 2));
    CHECK_EQ(load(word), 0);
    end();
}

/* Several words at once: each wake of either goes to one wait. */
static void wait_any_or_wake(unsigned i)
{
    struct futex_wait_item items[2] = {{futex(word), 0}, {futex(other_word), 0}};
    for (unsigned n = 0; n < ROUNDS / 8; n++) {
        if (i == 0) {
            long k = futex_wake(futex(n % 2 == 0 ? word : other_word), 1, ANY);
            __atomic_fetch_add(&woken_by, (unsigned long)k, __ATOMIC_RELAXED);
            continue;
        }
        long which = futex_wait_any(items, 2, clock_ns() + n % 50 * USEC);
        unsigned long *sum = which >= 0 ? &woken : which == -ETIMEDOUT ? &timed_out : &failures;
        __atomic_fetch_add(sum, 1, __ATOMIC_RELAXED);
    }
}

static void several_words(void)
{
    begin();
    woken_by = woken = timed_out = failures = 0;
    fake_threads_run(CPUS, wait_any_or_wake);
    CHECK(woken <= woken_by); /* both words may have been woken before the sleeper looked */
    CHECK(2 * woken >= woken_by);
    CHECK_EQ(woken + timed_out, (CPUS - 1) * (ROUNDS / 8));
    CHECK_EQ(failures, 0);
    end();
}

static struct file files[CPUS];
static int locked_object;
static const struct file_ops no_ops;

static void count_under_file_lock(unsigned i)
{
    struct lock_range r = {F_WRLCK, 0, 9};
    for (unsigned n = 0; n < ROUNDS / 8; n++) {
        r.type = F_WRLCK;
        if (lock_set(&files[i], LOCK_OF_FILE, &r, true) != 0) {
            __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
        }
        counter++;
        r.type = F_UNLCK;
        if (lock_set(&files[i], LOCK_OF_FILE, &r, false) != 0) {
            __atomic_fetch_add(&failures, 1, __ATOMIC_RELAXED);
        }
    }
}

static void file_locks(void)
{
    counter = failures = 0;
    for (unsigned i = 0; i < CPUS; i++) {
        files[i].ops = &no_ops;
        files[i].object = &locked_object;
    }
    fake_threads_run(CPUS, count_under_file_lock);
    CHECK_EQ(failures, 0);
    CHECK_EQ(counter, CPUS * (ROUNDS / 8));
}

/* A thread that sleeps is interrupted, whenever the signal comes. */
static unsigned long interrupted;

static void be_interrupted(unsigned i)
{
    for (unsigned n = 0; n < ROUNDS / 8; n++) {
        if (i == 0) {
            uint32_t zero = 0;
            while (!__atomic_compare_exchange_n(other_word, &zero, 1, false, __ATOMIC_SEQ_CST,
                                                __ATOMIC_SEQ_CST)) {
                zero = 0;
            }
            fake_threads_signal(1, true);
        } else {
            if (futex_wait(futex(word), 0, ANY, TIME_NEVER) == -EINTR) {
                interrupted++;
            }
            fake_threads_signal(1, false);
            __atomic_store_n(other_word, 0, __ATOMIC_SEQ_CST);
        }
    }
}

static void signals(void)
{
    begin();
    interrupted = 0;
    fake_threads_run(2, be_interrupted);
    CHECK_EQ(interrupted, ROUNDS / 8);
    end();
}

__attribute__((constructor)) static void set_up(void)
{
    futex_init();
}

TESTS(mutexes, readers_and_writers, waits, futexes, timeouts, requeues, owners, several_words,
      file_locks, signals)
