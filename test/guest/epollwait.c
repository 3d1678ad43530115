/* SPDX-License-Identifier: MIT */
/* epoll: how long it waits, for whom, and what other threads do meanwhile.
 * Source: epoll(7), epoll_ctl(2), epoll_wait(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/epolls.h"
#include "test/guest/show.h"

#ifndef SYS_epoll_pwait2
#define SYS_epoll_pwait2 441
#endif
#define MSEC 1000000L
#define ROUNDS 2000

static volatile int alarms;
static int r, w;

static void on_alarm(int sig)
{
    (void)sig;
    alarms++;
}

static void new_pipe(void)
{
    int fd[2];
    if (pipe2(fd, O_NONBLOCK) != 0)
        printf("no pipe\n");
    r = fd[0];
    w = fd[1];
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / MSEC;
}

static void test_timeouts(void)
{
    struct epoll_event ev;
    struct timespec ts = {0, 20 * MSEC};
    struct itimerval soon = {.it_value = {0, 30000}};
    struct sigaction a = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigset_t block, none;
    int ep = epoll_create1(0);
    long start = now_ms();
    SHOW(epoll_wait(ep, &ev, 1, 30));
    TRUE(now_ms() - start >= 30);
    start = now_ms();
    SHOW(syscall(SYS_epoll_pwait2, ep, &ev, 1, &ts, NULL, 8L));
    TRUE(now_ms() - start >= 20);
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(epoll_wait(ep, &ev, 1, -1));
    SHOW(alarms);
    sigemptyset(&none);
    sigemptyset(&block);
    sigaddset(&block, SIGALRM);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGALRM);
    SHOW(epoll_pwait(ep, &ev, 1, 10, &block));
    SHOW(alarms);
    SHOW(epoll_pwait(ep, &ev, 1, -1, &none));
    SHOW(alarms);
    raise(SIGALRM);
    SHOW(syscall(SYS_epoll_pwait2, ep, &ev, 1, NULL, &none, 8L));
    SHOW(alarms);
    raise(SIGALRM);
    int fd = eventfd(1, 0);
    control(ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1);
    SHOW(epoll_pwait(ep, &ev, 1, -1, &none));
    sigset_t now;
    sigpending(&now);
    printf("an event comes first: pending %d, alarms %d\n", sigismember(&now, SIGALRM), alarms);
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    SHOW(alarms);
    close(fd);
    close(ep);
}

/* Threads. */
static int shared_ep, go_on;

static void pause_ms(long ms)
{
    struct timespec t = {0, ms * MSEC};
    nanosleep(&t, NULL);
}

static void *wait_one(void *arg)
{
    struct epoll_event ev = {.data = {.u64 = 77}};
    (void)arg;
    int n = epoll_wait(shared_ep, &ev, 1, 10000);
    return (void *)(long)(n * 1000 + (int)ev.data.u64);
}

static void test_changes(void)
{
    pthread_t t;
    void *result;
    shared_ep = epoll_create1(0);
    new_pipe();
    pthread_create(&t, NULL, wait_one, NULL);
    pause_ms(20);
    SHOW(control(shared_ep, EPOLL_CTL_ADD, w, EPOLLOUT, 5));
    pthread_join(t, &result);
    SHOW((long)result);
    SHOW(control(shared_ep, EPOLL_CTL_MOD, w, 0, 5));
    pthread_create(&t, NULL, wait_one, NULL);
    pause_ms(20);
    SHOW(control(shared_ep, EPOLL_CTL_MOD, w, EPOLLOUT, 6));
    pthread_join(t, &result);
    SHOW((long)result);
    SHOW(control(shared_ep, EPOLL_CTL_DEL, w, 0, 0));
    SHOW(control(shared_ep, EPOLL_CTL_ADD, r, EPOLLIN, 8));
    int other = eventfd(0, 0);
    SHOW(control(shared_ep, EPOLL_CTL_ADD, other, EPOLLIN, 9));
    pthread_create(&t, NULL, wait_one, NULL);
    pause_ms(20);
    close(r); /* watched and waited for: it goes quietly */
    pause_ms(20);
    SHOW(eventfd_write(other, 1));
    pthread_join(t, &result);
    SHOW((long)result);
    close(w);
    close(other);
    pthread_create(&t, NULL, wait_one, NULL);
    pause_ms(20);
    other = eventfd(1, 0);
    SHOW(control(shared_ep, EPOLL_CTL_ADD, other, EPOLLIN, 10));
    pthread_join(t, &result);
    SHOW((long)result);
    close(other);
    close(shared_ep);
}

static int counters[4];
static long taken;

/* Each event of an edge-triggered one-shot watch goes to one thread. */
static void *consume(void *arg)
{
    struct epoll_event ev;
    (void)arg;
    while (!__atomic_load_n(&go_on, __ATOMIC_ACQUIRE)) {
        if (epoll_wait(shared_ep, &ev, 1, 50) != 1)
            continue;
        int fd = counters[ev.data.u64];
        eventfd_t value = 0;
        if (eventfd_read(fd, &value) == 0)
            __atomic_fetch_add(&taken, (long)value, __ATOMIC_RELAXED);
        control(shared_ep, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLET | EPOLLONESHOT, ev.data.u64);
    }
    return NULL;
}

static void *produce(void *arg)
{
    for (int i = 0; i < ROUNDS; i++)
        eventfd_write(counters[(long)arg], 1);
    return NULL;
}

static void test_crowd(void)
{
    pthread_t consumers[4], producers[4];
    shared_ep = epoll_create1(0);
    for (long i = 0; i < 4; i++) {
        counters[i] = eventfd(0, EFD_NONBLOCK);
        control(shared_ep, EPOLL_CTL_ADD, counters[i], EPOLLIN | EPOLLET | EPOLLONESHOT,
                (uint64_t)i);
    }
    for (long i = 0; i < 4; i++)
        pthread_create(&consumers[i], NULL, consume, NULL);
    for (long i = 0; i < 4; i++)
        pthread_create(&producers[i], NULL, produce, (void *)i);
    for (long i = 0; i < 4; i++)
        pthread_join(producers[i], NULL);
    for (int i = 0; i < 500 && __atomic_load_n(&taken, __ATOMIC_RELAXED) < 4 * ROUNDS; i++)
        pause_ms(10);
    __atomic_store_n(&go_on, 1, __ATOMIC_RELEASE);
    for (long i = 0; i < 4; i++)
        pthread_join(consumers[i], NULL);
    SHOW(taken);
    for (int i = 0; i < 4; i++)
        close(counters[i]);
    close(shared_ep);
}

/* Files are watched and closed by one thread while others wait and close, too. */
static void *churn(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        int fd = eventfd(1, EFD_NONBLOCK);
        control(shared_ep, EPOLL_CTL_ADD, fd, EPOLLIN, 1);
        int inner = epoll_create1(0);
        control(inner, EPOLL_CTL_ADD, fd, EPOLLIN, 1);
        control(shared_ep, EPOLL_CTL_ADD, inner, EPOLLIN, 2);
        close(fd);
        close(inner);
    }
    return NULL;
}

static void test_churn(void)
{
    pthread_t t[2];
    struct epoll_event ev[8];
    shared_ep = epoll_create1(0);
    for (long i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, churn, NULL);
    for (int i = 0; i < ROUNDS; i++)
        epoll_wait(shared_ep, ev, 8, 0);
    for (long i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    look("after the churn", shared_ep);
    close(shared_ep);
}

int main(void)
{
    test_timeouts();
    test_changes();
    test_crowd();
    test_churn();
    return 0;
}
