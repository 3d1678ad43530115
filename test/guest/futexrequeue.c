/* SPDX-License-Identifier: MIT */
/* Requeueing sleepers to a word with an owner, as condition variables over priority inheritance
 * mutexes need it. Source: futex(2), FUTEX_WAIT_REQUEUE_PI and FUTEX_CMP_REQUEUE_PI. */
// cflags: -pthread
// cpus: 1 2 4
#define _GNU_SOURCE
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define WAITERS 4

static uint32_t cond, owned, other;
static atomic_int going, inside, owners, alarms;

struct waiter {
    pthread_t thread;
    atomic_int tid;
    uint32_t *target;
    int owns_first;
    struct timespec *deadline;
    long result;
    int error;
};

static long futex(uint32_t *word, int op, uint32_t value, const void *t, uint32_t *second,
                  uint32_t value3)
{
    return syscall(SYS_futex, word, op | FUTEX_PRIVATE_FLAG, value, t, second, value3);
}

static long requeue(uint32_t *target, long nmove, uint32_t expected)
{
    return futex(&cond, FUTEX_CMP_REQUEUE_PI, 1, (void *)nmove, target, expected);
}

static int own_tid(void)
{
    return (int)syscall(SYS_gettid);
}

static void *wait_and_own(void *arg)
{
    struct waiter *w = arg;
    if (w->owns_first)
        futex(w->target, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    atomic_store(&w->tid, own_tid());
    w->result = futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, w->deadline, w->target, 0);
    w->error = errno;
    if (w->result == 0) {
        if ((*w->target & FUTEX_TID_MASK) != (uint32_t)own_tid())
            printf("not the owner\n");
        if (atomic_fetch_add(&inside, 1) != 0)
            printf("not alone\n");
        sched_yield();
        atomic_fetch_add(&owners, 1);
        atomic_fetch_sub(&inside, 1);
    }
    if (w->result == 0 || w->owns_first)
        futex(w->target, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0);
    return NULL;
}

/* Wait until thread tid sleeps: there is nothing else for it to sleep in. */
static void until_asleep(int tid)
{
    char path[64], line[256];
    for (int n = 0; n < 20000; n++) {
        char state = 'R';
        snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
        FILE *f = fopen(path, "r");
        if (f != NULL && fgets(line, sizeof line, f) != NULL && strrchr(line, ')') != NULL)
            state = strrchr(line, ')')[2];
        if (f != NULL)
            fclose(f);
        if (state == 'S')
            return;
        usleep(500);
    }
    printf("thread never sleeps\n");
}

static void start(struct waiter *w, uint32_t *target)
{
    w->target = target;
    atomic_store(&w->tid, 0);
    pthread_create(&w->thread, NULL, wait_and_own, w);
    while (atomic_load(&w->tid) == 0)
        usleep(500);
    until_asleep(atomic_load(&w->tid));
}

static void finish(struct waiter *w)
{
    pthread_join(w->thread, NULL);
    printf("waiter: %ld%s%s\n", w->result, w->result < 0 ? " " : "",
           w->result < 0 ? errno_name(w->error) : "");
}

static void test_errors(void)
{
    struct timespec past = {0, 1};
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI, 2, (void *)1L, &owned, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE_PI, 0, (void *)1L, &owned, 0));
    SHOW(requeue(&owned, -1, 0));
    SHOW(requeue(&cond, 1, 0));
    SHOW(requeue((uint32_t *)((char *)&owned + 1), 1, 0));
    SHOW(requeue(NULL, 1, 0));
    SHOW(requeue(&owned, 1, 7));
    SHOW(requeue(&owned, 1, 0));
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 1, NULL, &owned, 0));
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, &past, &owned, 0));
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &past, &owned, 0));
    SHOW(futex(&cond, FUTEX_WAIT_REQUEUE_PI, 0, NULL, &cond, 0));
    SHOW(owned);
}

/* Nobody owns the word: the first sleeper gets it at once. */
static void test_free(void)
{
    struct waiter w = {0};
    start(&w, &owned);
    SHOW(futex(&cond, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(futex(&cond, FUTEX_CMP_REQUEUE, 0, (void *)1L, &other, 0));
    SHOW(requeue(&other, 1, 0));
    SHOW(requeue(&owned, 0, 0));
    finish(&w);
    SHOW(owned);
}

static void test_owned(void)
{
    struct waiter w[WAITERS] = {{0}};
    SHOW(futex(&owned, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    for (int i = 0; i < WAITERS; i++)
        start(&w[i], &owned);
    atomic_store(&owners, 0);
    SHOW(requeue(&owned, 1, 0));
    SHOW(requeue(&owned, INT_MAX, 0));
    SHOW(requeue(&owned, INT_MAX, 0));
    TRUE(owned == ((uint32_t)own_tid() | FUTEX_WAITERS));
    SHOW(futex(&owned, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(atomic_load(&owners));
    SHOW(futex(&owned, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    for (int i = 0; i < WAITERS; i++)
        finish(&w[i]);
    SHOW(atomic_load(&owners));
    SHOW(owned);
    for (int i = 0; i < WAITERS; i++)
        start(&w[i], &owned);
    SHOW(requeue(&owned, INT_MAX, 0)); /* free again, and all at once */
    for (int i = 0; i < WAITERS; i++)
        finish(&w[i]);
    SHOW(atomic_load(&owners));
    SHOW(owned);
}

static void on_alarm(int sig)
{
    (void)sig;
    atomic_fetch_add(&alarms, 1);
}

/* A deadline counts before and after the move; a signal lets go of who has been moved. */
static void test_given_up(void)
{
    struct waiter w = {0};
    struct timespec soon;
    struct sigaction act = {.sa_handler = on_alarm};
    sigaction(SIGUSR1, &act, NULL);
    SHOW(futex(&owned, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    clock_gettime(CLOCK_MONOTONIC, &soon);
    soon.tv_sec += 1;
    w.deadline = &soon;
    start(&w, &owned);
    SHOW(requeue(&owned, 0, 0));
    finish(&w);
    w = (struct waiter){0};
    start(&w, &owned);
    pthread_kill(w.thread, SIGUSR1);
    while (atomic_load(&alarms) == 0)
        usleep(500);
    until_asleep(atomic_load(&w.tid));
    SHOW(requeue(&owned, 0, 0)); /* it sleeps there still */
    pthread_kill(w.thread, SIGUSR1);
    finish(&w);
    SHOW(atomic_load(&alarms));
    SHOW(futex(&owned, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    SHOW(owned);
}

static void *lock_and_end(void *arg)
{
    (void)arg;
    futex(&owned, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
    while (atomic_load(&going))
        usleep(500);
    return NULL;
}

static void test_owners(void)
{
    struct waiter w = {.owns_first = 1};
    start(&w, &owned);
    SHOW(requeue(&owned, 0, 0)); /* its own */
    other = 99999999 & FUTEX_TID_MASK;
    struct waiter x = {0};
    uint32_t first = owned;
    TRUE(first == (uint32_t)atomic_load(&w.tid));
    cond = 1; /* sleepers do not look again */
    SHOW(requeue(&owned, 0, 0));
    cond = 0;
    owned = 0; /* as if it had let go */
    SHOW(requeue(&owned, 0, 0));
    finish(&w);
    start(&x, &other);
    SHOW(requeue(&other, 0, 0)); /* owner does not exist */
    other = 0;
    SHOW(requeue(&other, 0, 0));
    finish(&x);
}

/* The owner ends without letting go: the first in the queue inherits. */
static void test_inherit(void)
{
    pthread_t owner;
    struct waiter w = {0};
    owned = 0;
    atomic_store(&going, 1);
    pthread_create(&owner, NULL, lock_and_end, NULL);
    while (__atomic_load_n(&owned, __ATOMIC_SEQ_CST) == 0)
        usleep(500);
    start(&w, &owned);
    SHOW(requeue(&owned, 0, 0));
    atomic_store(&going, 0);
    pthread_join(owner, NULL);
    finish(&w);
    SHOW(owned);
}

int main(void)
{
    test_errors();
    test_free();
    test_owned();
    test_given_up();
    test_owners();
    test_inherit();
    return 0;
}
