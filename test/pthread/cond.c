/* SPDX-License-Identifier: MIT */
/* Condition variables. Source: pthread_cond_wait(3p), pthread_cond_timedwait(3p),
 * pthread_condattr_setclock(3p). */
// cflags: -pthread
// cpus: 1 2:kvm 4
// timeout: 30
#include "peers.h"

#define CREW 4
#define ITEMS 4000
#define ROOM 7

static pthread_mutex_t m;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER, space = PTHREAD_COND_INITIALIZER;
static int turn, woken, queue[ROOM], queued, closed;
static long sum;

static void *await_turn(void *arg)
{
    int mine = (int)(intptr_t)arg;
    pthread_mutex_lock(&m);
    while (turn < mine) {
        pthread_cond_wait(&c, &m);
    }
    woken++;
    pthread_mutex_unlock(&m);
    return NULL;
}

static void start_sleepers(struct peer *crew, int threshold)
{
    for (int i = 0; i < CREW; i++) {
        peer_start(&crew[i], await_turn, (void *)(intptr_t)threshold);
        peer_await_asleep(&crew[i]);
    }
}

static int read_woken(void)
{
    pthread_mutex_lock(&m);
    int n = woken;
    pthread_mutex_unlock(&m);
    return n;
}

static void test_wakes(void)
{
    struct peer crew[CREW];
    turn = woken = 0;
    start_sleepers(crew, 1);
    pthread_mutex_lock(&m);
    turn = 1;
    CODE(pthread_cond_broadcast(&c));
    SHOW(woken);
    pthread_mutex_unlock(&m);
    for (int i = 0; i < CREW; i++) {
        peer_join(&crew[i]);
    }
    SHOW(woken);
    turn = woken = 0;
    start_sleepers(crew, 1);
    for (int i = 1; i <= CREW; i++) { /* each signal wakes one that finds its condition */
        pthread_mutex_lock(&m);
        turn = 1;
        pthread_cond_signal(&c);
        pthread_mutex_unlock(&m);
        while (read_woken() < i) {
            nap_ms(1);
        }
    }
    for (int i = 0; i < CREW; i++) {
        peer_join(&crew[i]);
    }
    SHOW(woken);
    CODE(pthread_cond_signal(&c)); /* nobody there */
    CODE(pthread_cond_broadcast(&c));
}

static void test_clock(clockid_t clock)
{
    pthread_condattr_t attr;
    pthread_cond_t timed;
    clockid_t got = -1;
    struct timespec past = {0, 1}, wrong = {0, 1000000000}, soon;
    CODE(pthread_condattr_init(&attr));
    CODE(pthread_condattr_setclock(&attr, clock));
    CODE(pthread_condattr_getclock(&attr, &got));
    SHOW(got);
    CODE(pthread_cond_init(&timed, &attr));
    pthread_mutex_lock(&m);
    CODE(pthread_cond_timedwait(&timed, &m, &past));
    CODE(pthread_cond_timedwait(&timed, &m, &wrong));
    soon = in_ms(clock, 30);
    CODE(pthread_cond_timedwait(&timed, &m, &soon));
    TRUE(is_past(clock, soon));
#ifdef __GLIBC__
    soon = in_ms(CLOCK_MONOTONIC, 30);
    CODE(pthread_cond_clockwait(&timed, &m, CLOCK_MONOTONIC, &soon));
    TRUE(is_past(CLOCK_MONOTONIC, soon));
#endif
    pthread_mutex_unlock(&m);
    CODE(pthread_cond_destroy(&timed));
}

static void *signal_late(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&m);
    turn = 1;
    pthread_cond_signal(&c);
    pthread_mutex_unlock(&m);
    return NULL;
}

/* A signal long before the deadline. */
static void test_in_time(void)
{
    struct peer p;
    struct timespec late = in_ms(CLOCK_REALTIME, 60000);
    int err = 0;
    turn = 0;
    pthread_mutex_lock(&m);
    peer_start(&p, signal_late, NULL);
    while (!turn && !err) {
        err = pthread_cond_timedwait(&c, &m, &late);
    }
    pthread_mutex_unlock(&m);
    CODE(err);
    peer_join(&p);
}

static void *produce(void *arg)
{
    for (int i = 1; i <= ITEMS; i++) {
        pthread_mutex_lock(&m);
        while (queued == ROOM) {
            pthread_cond_wait(&space, &m);
        }
        queue[queued++] = i;
        pthread_cond_signal(&c);
        pthread_mutex_unlock(&m);
    }
    return arg;
}

static void *consume(void *arg)
{
    pthread_mutex_lock(&m);
    for (;;) {
        while (queued == 0 && !closed) {
            pthread_cond_wait(&c, &m);
        }
        if (queued == 0) {
            break;
        }
        sum += queue[--queued];
        pthread_cond_signal(&space);
    }
    pthread_mutex_unlock(&m);
    return arg;
}

static void test_queue(void)
{
    struct peer makers[2], eaters[2];
    queued = closed = 0;
    sum = 0;
    for (int i = 0; i < 2; i++) {
        peer_start(&makers[i], produce, NULL);
        peer_start(&eaters[i], consume, NULL);
    }
    peer_join(&makers[0]);
    peer_join(&makers[1]);
    pthread_mutex_lock(&m);
    closed = 1;
    pthread_cond_broadcast(&c);
    pthread_mutex_unlock(&m);
    peer_join(&eaters[0]);
    peer_join(&eaters[1]);
    printf("consumed %ld\n", sum);
}

static void *ping(void *arg)
{
    int me = (int)(intptr_t)arg;
    pthread_mutex_lock(&m);
    for (int i = 0; i < 1000; i++) {
        while (turn % 2 != me) {
            pthread_cond_wait(&c, &m);
        }
        turn++;
        pthread_cond_broadcast(&c);
    }
    pthread_mutex_unlock(&m);
    return NULL;
}

static void test_with(int type, int protocol)
{
    pthread_mutexattr_t attr;
    struct peer a, b;
    pthread_mutexattr_init(&attr);
    CODE(pthread_mutexattr_settype(&attr, type));
    CODE(pthread_mutexattr_setprotocol(&attr, protocol));
    CODE(pthread_mutex_init(&m, &attr));
    test_wakes();
    test_in_time();
    test_queue();
    turn = 0;
    peer_start(&a, ping, (void *)0);
    peer_start(&b, ping, (void *)1);
    peer_join(&a);
    peer_join(&b);
    SHOW(turn);
    if (type == PTHREAD_MUTEX_ERRORCHECK) {
        CODE(pthread_cond_wait(&c, &m)); /* not ours */
    }
}

int main(void)
{
    pthread_condattr_t attr;
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_with(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    test_with(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE);
    test_with(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT);
    pthread_condattr_init(&attr);
    CODE(pthread_condattr_setclock(&attr, CLOCK_PROCESS_CPUTIME_ID));
    test_clock(CLOCK_REALTIME);
    test_clock(CLOCK_MONOTONIC);
    CODE(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    CODE(pthread_cond_init(&c, &attr));
    test_with(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE);
    return 0;
}
