/* SPDX-License-Identifier: MIT */
/* POSIX message queues: order, limits, waiting, notification, names.
 * Source: mq_overview(7), mq_open(3), mq_send(3), mq_receive(3), mq_notify(3), mq_unlink(3). */
// cflags: -pthread
// host: alone
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define NAME "/elfin-test-queue"
#define RAW "elfin-test-queue"
#define BAD ((void *)8)
#define MSEC 1000000L

static char buf[8192];
static volatile int hits, last_code, last_value;

static mqd_t open_queue(int flags, long most, long size)
{
    struct mq_attr a = {.mq_maxmsg = most, .mq_msgsize = size};
    return mq_open(NAME, flags | O_CREAT, 0600, &a);
}

static struct timespec after_ms(long ms)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += ms % 1000 * MSEC;
    t.tv_sec += ms / 1000 + t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    return t;
}

static void show_message(mqd_t q)
{
    unsigned priority = 77;
    long n = mq_receive(q, buf, sizeof(buf), &priority);
    printf("%ld bytes '%.*s' priority %u\n", n, n > 0 ? (int)n : 0, buf, priority);
}

static void show_attr(mqd_t q)
{
    struct mq_attr a;
    SHOW(mq_getattr(q, &a));
    printf("flags %lx most %ld size %ld now %ld\n", a.mq_flags, a.mq_maxmsg, a.mq_msgsize,
           a.mq_curmsgs);
}

static void test_names(void)
{
    struct mq_attr a = {.mq_maxmsg = 0, .mq_msgsize = 10};
    SHOW(mq_unlink(NAME));
    SHOW(mq_open(NAME, O_RDWR));
    SHOW(syscall(SYS_mq_open, "", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(syscall(SYS_mq_open, "a/b", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(syscall(SYS_mq_open, "..", O_RDWR | O_CREAT, 0600, NULL));
    SHOW(syscall(SYS_mq_open, BAD, O_RDWR | O_CREAT, 0600, NULL));
    SHOW(syscall(SYS_mq_open, RAW, O_RDWR | O_CREAT, 0600, BAD));
    SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &a));
    a.mq_maxmsg = 100000;
    SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, &a));
    struct rlimit limit, before;
    getrlimit(RLIMIT_MSGQUEUE, &before);
    limit = (struct rlimit){1000, before.rlim_max};
    setrlimit(RLIMIT_MSGQUEUE, &limit);
    SHOW(mq_open(NAME, O_RDWR | O_CREAT, 0600, NULL));
    setrlimit(RLIMIT_MSGQUEUE, &before);
    mqd_t q = mq_open(NAME, O_RDWR | O_CREAT, 0600, NULL);
    TRUE(q >= 0);
    SHOW(fcntl(q, F_GETFD));
    show_attr(q);
    SHOW(mq_open(NAME, O_RDWR | O_CREAT | O_EXCL, 0600, NULL));
    mqd_t again = mq_open(NAME, O_RDONLY);
    TRUE(again >= 0);
    SHOW(mq_send(q, "x", 1, 0));
    SHOW(mq_unlink(NAME));
    SHOW(mq_open(NAME, O_RDWR));
    SHOW(close(q));
    show_message(again); /* it lives without a name */
    SHOW(close(again));
}

static void test_order(void)
{
    mqd_t q = open_queue(O_RDWR | O_NONBLOCK, 5, 20);
    SHOW(mq_send(q, "low", 3, 1));
    SHOW(mq_send(q, "high", 4, 9));
    SHOW(mq_send(q, "low too", 7, 1));
    SHOW(mq_send(q, "", 0, 32767));
    show_attr(q);
    SHOW(mq_send(q, "high too", 8, 9));
    SHOW(mq_send(q, "one too many", 12, 9));
    for (int i = 0; i < 5; i++)
        show_message(q);
    SHOW(mq_receive(q, buf, sizeof(buf), NULL));
    SHOW(mq_receive(q, buf, 19, NULL));
    SHOW(mq_send(q, buf, 21, 0));
    SHOW(mq_send(q, buf, 1, 32768));
    SHOW(mq_send(q, BAD, 1, 0));
    mqd_t reader = mq_open(NAME, O_RDONLY);
    SHOW(mq_send(reader, "x", 1, 0));
    mqd_t writer = mq_open(NAME, O_WRONLY);
    SHOW(mq_receive(writer, buf, sizeof(buf), NULL));
    SHOW(mq_send(1, "x", 1, 0));
    SHOW(mq_receive(-1, buf, sizeof(buf), NULL));
    SHOW(syscall(SYS_mq_getsetattr, 1, NULL, NULL));
    struct mq_attr a = {.mq_flags = O_APPEND};
    SHOW(mq_setattr(q, &a, NULL));
    a.mq_flags = 0;
    SHOW(mq_setattr(q, &a, NULL));
    show_attr(q);
    close(writer);
    close(reader);
    close(q);
    SHOW(mq_unlink(NAME));
}

static void on_alarm(int sig)
{
    (void)sig;
    hits++;
}

static void *send_later(void *arg)
{
    struct timespec t = {0, 20 * MSEC};
    nanosleep(&t, NULL);
    mq_send((mqd_t)(long)arg, "later", 5, 3);
    return NULL;
}

static void *receive_later(void *arg)
{
    struct timespec t = {0, 20 * MSEC};
    char own[64];
    nanosleep(&t, NULL);
    mq_receive((mqd_t)(long)arg, own, sizeof(own), NULL);
    return NULL;
}

static void test_waiting(void)
{
    pthread_t t;
    struct timespec at = after_ms(0), bad = {0, 2000000000};
    mqd_t q = open_queue(O_RDWR, 2, 20);
    SHOW(mq_timedreceive(q, buf, sizeof(buf), NULL, &at));
    at = after_ms(20);
    SHOW(mq_timedreceive(q, buf, sizeof(buf), NULL, &at));
    SHOW(mq_timedreceive(q, buf, sizeof(buf), NULL, &bad));
    SHOW(mq_timedsend(q, "a", 1, 0, &bad));
    pthread_create(&t, NULL, send_later, (void *)(long)q);
    show_message(q);
    pthread_join(t, NULL);
    SHOW(mq_send(q, "1", 1, 0));
    SHOW(mq_send(q, "2", 1, 0));
    at = after_ms(20);
    SHOW(mq_timedsend(q, "3", 1, 0, &at));
    pthread_create(&t, NULL, receive_later, (void *)(long)q);
    SHOW(mq_send(q, "3", 1, 0));
    pthread_join(t, NULL);
    show_message(q);
    show_message(q);
    struct sigaction a = {.sa_handler = on_alarm};
    sigaction(SIGALRM, &a, NULL);
    struct itimerval it = {.it_value = {0, 20000}};
    setitimer(ITIMER_REAL, &it, NULL);
    SHOW(mq_receive(q, buf, sizeof(buf), NULL));
    SHOW(hits);
    close(q);
    mq_unlink(NAME);
}

static void test_poll(void)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT};
    mqd_t q = open_queue(O_RDWR, 1, 20);
    struct pollfd p = {.fd = q, .events = POLLIN | POLLOUT};
    int ep = epoll_create1(0);
    SHOW(epoll_ctl(ep, EPOLL_CTL_ADD, q, &ev));
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(mq_send(q, "x", 1, 0));
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(epoll_wait(ep, &ev, 1, 0));
    SHOW(ev.events);
    close(ep);
    close(q);
    mq_unlink(NAME);
}

static void on_message(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    hits++;
    last_code = info->si_code;
    last_value = info->si_value.sival_int;
}

static void test_notify(void)
{
    struct sigaction a = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO | SA_RESTART};
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    pthread_t t;
    sigaction(SIGUSR1, &a, NULL);
    ev.sigev_value.sival_int = 5;
    hits = 0;
    mqd_t q = open_queue(O_RDWR, 3, 20);
    SHOW(mq_notify(q, &ev));
    SHOW(mq_notify(q, &ev));
    SHOW(mq_send(q, "x", 1, 0));
    printf("%d hits, code is SI_MESGQ %d, value %d\n", hits, last_code == SI_MESGQ, last_value);
    SHOW(mq_notify(q, &ev));
    SHOW(mq_send(q, "y", 1, 0)); /* it was not empty */
    SHOW(hits);
    show_message(q);
    show_message(q);
    SHOW(mq_notify(q, NULL));
    SHOW(mq_send(q, "z", 1, 0));
    SHOW(hits);
    show_message(q);
    SHOW(mq_notify(q, &ev));
    pthread_create(&t, NULL, send_later, (void *)(long)q);
    show_message(q); /* who waits comes first */
    pthread_join(t, NULL);
    SHOW(hits);
    SHOW(mq_send(q, "z", 1, 0));
    SHOW(hits);
    show_message(q);
    ev.sigev_notify = 99;
    SHOW(mq_notify(q, &ev));
    ev.sigev_notify = SIGEV_SIGNAL;
    ev.sigev_signo = 65;
    SHOW(syscall(SYS_mq_notify, q, &ev));
    SHOW(syscall(SYS_mq_notify, q, BAD));
    ev.sigev_signo = SIGUSR1;
    SHOW(mq_notify(1, &ev));
    close(q);
    mq_unlink(NAME);
}

int main(void)
{
    test_names();
    test_order();
    test_waiting();
    test_poll();
    test_notify();
    return 0;
}
