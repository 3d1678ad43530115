/* SPDX-License-Identifier: MIT */
/* Mutexes of every kind and protocol. Source: pthread_mutexattr_init(3), pthread_mutex_lock(3p),
 * pthread_mutex_timedlock(3p), pthread_mutex_consistent(3), pthread_mutexattr_setprotocol(3p). */
// cflags: -pthread
// cpus: 1 2 4:kvm
// timeout: 10
#include "peers.h"

#include <sys/mman.h>

#define CREW 4
/* musl 1.2.3 loses count of a recursive mutex that inherits priorities when threads contend */
#ifdef __GLIBC__
#define CONTENDS(type, protocol) 1
#define CHECKS_TIME(protocol) 1
#else
#define CHECKS_TIME(protocol) ((protocol) != PTHREAD_PRIO_INHERIT) /* it waits for ever instead */
#define CONTENDS(type, protocol) \
    ((type) != PTHREAD_MUTEX_RECURSIVE || (protocol) != PTHREAD_PRIO_INHERIT)
#endif
#define ROUNDS 5000

static pthread_mutex_t m;
static long counter;

static void init(int type, int protocol, int robust, int shared)
{
    pthread_mutexattr_t attr;
    int got = -1, err = pthread_mutexattr_init(&attr);
    err = err ? err : pthread_mutexattr_settype(&attr, type);
    err = err ? err : pthread_mutexattr_setprotocol(&attr, protocol);
    err = err ? err : pthread_mutexattr_setrobust(&attr, robust);
    err = err ? err : pthread_mutexattr_setpshared(&attr, shared);
    err = err ? err : pthread_mutexattr_gettype(&attr, &got);
    err = err ? err : pthread_mutex_init(&m, &attr);
    printf("mutex of type %d protocol %d robust %d shared %d: %s, type %d\n", type, protocol,
           robust, shared, err ? errno_name(err) : "ok", got);
    pthread_mutexattr_destroy(&attr);
}

static void *try_lock(void *arg)
{
    int err = pthread_mutex_trylock(&m);
    if (!err) {
        pthread_mutex_unlock(&m);
    }
    (void)arg;
    return (void *)(intptr_t)err;
}

static void *unlock(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)pthread_mutex_unlock(&m);
}

static void *lock(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)pthread_mutex_lock(&m);
}

static void *lock_and_unlock(void *arg)
{
    (void)arg;
    int err = pthread_mutex_lock(&m);
    return (void *)(intptr_t)(err ? err : pthread_mutex_unlock(&m));
}

#define IN_PEER(run) ((int)(intptr_t)peer_do(run, NULL))

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        if (pthread_mutex_lock(&m)) {
            printf("a lock failed\n");
        }
        counter++;
        if (i % 512 == 0) {
            sched_yield(); /* let others run into it */
        }
        if (pthread_mutex_unlock(&m)) {
            printf("an unlock failed\n");
        }
    }
    (void)arg;
    return NULL;
}

static void contend(void)
{
    struct peer crew[CREW];
    counter = 0;
    for (int i = 0; i < CREW; i++) {
        peer_start(&crew[i], count, NULL);
    }
    for (int i = 0; i < CREW; i++) {
        peer_join(&crew[i]);
    }
    printf("counted %ld\n", counter);
}

/* A sleeper gets it when we let go. */
static void hand_over(void)
{
    struct peer p;
    CODE(pthread_mutex_lock(&m));
    peer_start(&p, lock_and_unlock, NULL);
    peer_await_asleep(&p);
    CODE(pthread_mutex_unlock(&m));
    CODE((int)(intptr_t)peer_join(&p));
}

static void test_kind(int type, int protocol)
{
    struct timespec past = {1, 0};
    init(type, protocol, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    CODE(pthread_mutex_lock(&m));
    CODE(IN_PEER(try_lock));
    CODE(pthread_mutex_trylock(&m));
    if (type != PTHREAD_MUTEX_NORMAL) {
        CODE(pthread_mutex_lock(&m));
        CODE(IN_PEER(unlock));
    }
    if (type == PTHREAD_MUTEX_RECURSIVE) {
        CODE(pthread_mutex_unlock(&m));
        CODE(pthread_mutex_unlock(&m));
        CODE(IN_PEER(try_lock));
    } else if (protocol == PTHREAD_PRIO_NONE) {
        CODE(pthread_mutex_timedlock(&m, &past));
    }
    CODE(pthread_mutex_unlock(&m));
    if (type != PTHREAD_MUTEX_NORMAL) {
        CODE(pthread_mutex_unlock(&m));
    }
    CODE(IN_PEER(try_lock));
    hand_over();
    if (CONTENDS(type, protocol)) {
        contend();
    }
    CODE(pthread_mutex_destroy(&m));
}

static void *hold(void *released)
{
    pthread_mutex_lock(&m);
    pthread_barrier_wait(released);
    pthread_barrier_wait(released);
    return (void *)(intptr_t)pthread_mutex_unlock(&m);
}

static void test_timedlock(int protocol)
{
    struct peer p;
    struct timespec past = {1, 0}, wrong = {0, 1000000000}, soon;
    pthread_barrier_t released;
    pthread_barrier_init(&released, NULL, 2);
    init(PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
    peer_start(&p, hold, &released);
    pthread_barrier_wait(&released);
    CODE(pthread_mutex_timedlock(&m, &past));
    if (CHECKS_TIME(protocol)) {
        CODE(pthread_mutex_timedlock(&m, &wrong));
    }
    soon = in_ms(CLOCK_REALTIME, 30);
    CODE(pthread_mutex_timedlock(&m, &soon));
    TRUE(is_past(CLOCK_REALTIME, soon));
#ifdef __GLIBC__
    soon = in_ms(CLOCK_MONOTONIC, 30);
    CODE(pthread_mutex_clocklock(&m, CLOCK_MONOTONIC, &soon));
    TRUE(is_past(CLOCK_MONOTONIC, soon));
    CODE(pthread_mutex_clocklock(&m, CLOCK_PROCESS_CPUTIME_ID, &soon));
#endif
    pthread_barrier_wait(&released);
    soon = in_ms(CLOCK_REALTIME, 60000);
    CODE(pthread_mutex_timedlock(&m, &soon));
    CODE((int)(intptr_t)peer_join(&p));
    CODE(pthread_mutex_unlock(&m));
    CODE(pthread_mutex_timedlock(&m, &past)); /* free: time does not matter */
    CODE(pthread_mutex_unlock(&m));
}

static void *die_later(void *released)
{
    pthread_mutex_lock(&m);
    pthread_barrier_wait(released);
    pthread_barrier_wait(released);
    return NULL;
}

static void test_robust(int protocol, int shared)
{
    struct peer owner, waiter;
    pthread_barrier_t released;
    pthread_barrier_init(&released, NULL, 2);
    init(PTHREAD_MUTEX_NORMAL, protocol, PTHREAD_MUTEX_ROBUST, shared);
    CODE(IN_PEER(lock)); /* its owner is dead now */
    CODE(pthread_mutex_trylock(&m));
    CODE(pthread_mutex_consistent(&m));
    CODE(pthread_mutex_unlock(&m));
    CODE(pthread_mutex_lock(&m));
    CODE(pthread_mutex_consistent(&m));
    CODE(pthread_mutex_unlock(&m));

    peer_start(&owner, die_later, &released); /* dies while somebody waits */
    pthread_barrier_wait(&released);
    peer_start(&waiter, lock, NULL);
    peer_await_asleep(&waiter);
    pthread_barrier_wait(&released);
    peer_join(&owner);
    CODE((int)(intptr_t)peer_join(&waiter)); /* and leaves it, inconsistent and held */
    CODE(pthread_mutex_lock(&m));
    CODE(pthread_mutex_unlock(&m)); /* not repaired */
    CODE(pthread_mutex_lock(&m));
    CODE(pthread_mutex_trylock(&m));
    CODE(pthread_mutex_destroy(&m));
}

/* Sleepers of all ages when the owner dies: each gets it in turn. */
static void *repair(void *arg)
{
    int err = pthread_mutex_lock(&m);
    if (err == EOWNERDEAD) {
        pthread_mutex_consistent(&m);
    }
    counter += 1 + 100 * (err == EOWNERDEAD);
    err = err == EOWNERDEAD ? 0 : err;
    pthread_mutex_unlock(&m);
    (void)arg;
    return (void *)(intptr_t)err;
}

static void test_heirs(int protocol)
{
    struct peer owner, heirs[CREW];
    pthread_barrier_t released;
    pthread_barrier_init(&released, NULL, 2);
    init(PTHREAD_MUTEX_ERRORCHECK, protocol, PTHREAD_MUTEX_ROBUST, PTHREAD_PROCESS_PRIVATE);
    counter = 0;
    peer_start(&owner, die_later, &released);
    pthread_barrier_wait(&released);
    for (int i = 0; i < CREW; i++) {
        peer_start(&heirs[i], repair, NULL);
        peer_await_asleep(&heirs[i]);
    }
    pthread_barrier_wait(&released);
    peer_join(&owner);
    for (int i = 0; i < CREW; i++) {
        CODE((int)(intptr_t)peer_join(&heirs[i]));
    }
    printf("heirs %ld\n", counter);
    contend();
}

/* Priority ceilings need a real-time policy, which not every user may ask for. */
static void test_ceiling(void)
{
#ifdef __GLIBC__
    pthread_mutexattr_t attr;
    int ceiling = -1;
    pthread_mutexattr_init(&attr);
    CODE(pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_PROTECT));
    CODE(pthread_mutexattr_setprioceiling(&attr, 1000));
    CODE(pthread_mutexattr_setprioceiling(&attr, 10));
    CODE(pthread_mutex_init(&m, &attr));
    CODE(pthread_mutex_getprioceiling(&m, &ceiling));
    SHOW(ceiling);
    int err = pthread_mutex_lock(&m);
    TRUE(err == 0 || err == EPERM || err == EINVAL);
    if (!err) {
        pthread_mutex_unlock(&m);
    }
#endif
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
    int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT};
    for (int p = 0; p < 2; p++) {
        for (int t = 0; t < 3; t++) {
            test_kind(types[t], protocols[p]);
        }
        test_timedlock(protocols[p]);
        test_robust(protocols[p], PTHREAD_PROCESS_PRIVATE);
        test_robust(protocols[p], PTHREAD_PROCESS_SHARED);
        test_heirs(protocols[p]);
    }
    test_ceiling();
    return 0;
}
