/* SPDX-License-Identifier: MIT */
/* timerfd: once, periodic, absolute, polled, read by several threads, with the clock set.
 * Source: timerfd_create(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define MSEC 1000000L
#define NSEC 1000000000L

static uint64_t count;

static long take(int fd)
{
    count = 0;
    return read(fd, &count, sizeof count);
}

static long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / MSEC;
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * MSEC};
    nanosleep(&t, NULL);
}

static int set(int fd, long ms, long interval_ms)
{
    struct itimerspec it = {{interval_ms / 1000, interval_ms % 1000 * MSEC},
                            {ms / 1000, ms % 1000 * MSEC}};
    return timerfd_settime(fd, 0, &it, NULL);
}

static void test_errors(void)
{
    struct itimerspec it = {{0, 0}, {1, NSEC}};
    SHOW(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC_RAW, 0));
    SHOW(timerfd_create(CLOCK_REALTIME_COARSE, 0));
    SHOW(timerfd_create(77, 0));
    SHOW(timerfd_create(-1, 0));
    SHOW(timerfd_create(CLOCK_MONOTONIC, 1));
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(timerfd_settime(fd, 0, &it, NULL));
    it.it_value.tv_nsec = -1;
    SHOW(timerfd_settime(fd, 0, &it, NULL));
    it = (struct itimerspec){{0, 0}, {-1, 0}};
    SHOW(timerfd_settime(fd, 0, &it, NULL));
    it = (struct itimerspec){{0, NSEC}, {1, 0}};
    SHOW(timerfd_settime(fd, 0, &it, NULL));
    it = (struct itimerspec){{0, 0}, {1, 0}};
    SHOW(timerfd_settime(fd, 4, &it, NULL));
    SHOW(timerfd_settime(0, 0, &it, NULL));
    SHOW(timerfd_settime(-1, 0, &it, NULL));
    SHOW(timerfd_settime(fd, 0, BAD, NULL));
    SHOW(timerfd_settime(fd, 0, &it, BAD));
    SHOW(timerfd_gettime(fd, BAD));
    SHOW(timerfd_gettime(0, &it));
    SHOW(timerfd_gettime(-1, &it));
    SHOW(read(fd, &it, 7));
    SHOW(read(fd, &it, 8));
    SHOW(write(fd, &it, 8));
    close(fd);
}

static void test_once(int clock)
{
    struct itimerspec it;
    int fd = timerfd_create(clock, 0);
    printf("clock %d\n", clock);
    SHOW(timerfd_gettime(fd, &it));
    TRUE(it.it_value.tv_sec == 0 && it.it_value.tv_nsec == 0);
    long start = now_ms();
    SHOW(set(fd, 30, 0));
    timerfd_gettime(fd, &it);
    TRUE(it.it_value.tv_nsec > 0 && it.it_value.tv_nsec <= 30 * MSEC);
    SHOW(take(fd));
    SHOW(count);
    TRUE(now_ms() - start >= 29 && now_ms() - start < 2000);
    timerfd_gettime(fd, &it);
    TRUE(it.it_value.tv_sec == 0 && it.it_value.tv_nsec == 0);
    struct timespec at;
    clock_gettime(clock, &at);
    struct itimerspec old, abs = {{0, 0}, at};
    SHOW(set(fd, 5000, 7000));
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &abs, &old)); /* past */
    TRUE(old.it_interval.tv_sec == 7 && old.it_value.tv_sec >= 4);
    SHOW(take(fd));
    SHOW(count);
    abs.it_value.tv_nsec += 40 * MSEC;
    if (abs.it_value.tv_nsec >= NSEC) {
        abs.it_value.tv_nsec -= NSEC;
        abs.it_value.tv_sec++;
    }
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME, &abs, NULL));
    SHOW(take(fd));
    SHOW(count);
    SHOW(fcntl(fd, F_SETFL, O_NONBLOCK));
    SHOW(take(fd));
    SHOW(set(fd, 10, 0));
    SHOW(set(fd, 0, 10));
    pause_ms(30);
    SHOW(take(fd));
    SHOW(set(fd, 5, 0));
    pause_ms(20);
    SHOW(set(fd, 10000, 0)); /* what was due is forgotten */
    SHOW(take(fd));
    close(fd);
}

static void test_periodic(void)
{
    struct itimerspec it;
    int fd = timerfd_create(CLOCK_MONOTONIC, 0);
    long start = now_ms(), sum = 0;
    SHOW(set(fd, 5, 5));
    while (sum < 20) {
        take(fd);
        sum += (long)count;
    }
    TRUE(now_ms() - start >= 99);
    pause_ms(40);
    SHOW(take(fd));
    TRUE(count >= 7);
    timerfd_gettime(fd, &it);
    TRUE(it.it_interval.tv_nsec == 5 * MSEC);
    TRUE(it.it_value.tv_nsec > 0 && it.it_value.tv_nsec <= 5 * MSEC);
    it = (struct itimerspec){{0, 1}, {0, 1}};
    SHOW(timerfd_settime(fd, 0, &it, NULL));
    pause_ms(10);
    SHOW(take(fd));
    TRUE(count > 9 * MSEC);
    close(fd);
}

static void test_poll(void)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET};
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK), ep = epoll_create1(0);
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev));
    SHOW(poll(&p, 1, 0));
    SHOW(set(fd, 20, 0));
    SHOW(poll(&p, 1, 5000));
    SHOW(p.revents);
    SHOW(epoll_wait(ep, &ev, 1, 1000));
    SHOW(ev.events);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(take(fd));
    SHOW(poll(&p, 1, 0));
    SHOW(set(fd, 10, 10));
    SHOW(epoll_wait(ep, &ev, 1, 1000));
    SHOW(take(fd) == 8 && epoll_wait(ep, &ev, 1, 1000) == 1);
    close(fd);
    close(ep);
}

static int shared;

static void *reader(void *arg)
{
    uint64_t n = 0;
    if (read(shared, &n, sizeof n) == sizeof n)
        *(long *)arg = (long)n;
    return NULL;
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void test_threads(void)
{
    pthread_t t[3];
    long got[3] = {0, 0, 0};
    shared = timerfd_create(CLOCK_MONOTONIC, 0);
    for (int i = 0; i < 3; i++)
        pthread_create(&t[i], NULL, reader, &got[i]);
    pause_ms(20);
    SHOW(set(shared, 10, 10));
    for (int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    TRUE(got[0] >= 1 && got[1] >= 1 && got[2] >= 1);
    close(shared);
    struct sigaction a = {.sa_handler = on_alarm};
    struct itimerval soon = {.it_value = {0, 20000}};
    shared = timerfd_create(CLOCK_MONOTONIC, 0);
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(take(shared));
    close(shared);
}

static void test_cancel(void)
{
    struct itimerspec it = {{0, 0}, {1L << 40, 0}};
    int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
    SHOW(timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &it, NULL));
    SHOW(take(fd));
    SHOW(timerfd_settime(fd, TFD_TIMER_CANCEL_ON_SET, &it, NULL));
    SHOW(take(fd));
    close(fd);
}

int main(void)
{
    test_errors();
    test_once(CLOCK_MONOTONIC);
    test_once(CLOCK_REALTIME);
    test_once(CLOCK_BOOTTIME);
    test_periodic();
    test_poll();
    test_threads();
    test_cancel();
    return 0;
}
