/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets of many threads: one listener for many clients and acceptors, full queues,
 * sockets that are closed under those who wait.
 * Source: unix(7), accept(2), connect(2), send(2), recv(2). */
// cflags: -pthread
// cpus: 1 2 4
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

#include "test/guest/unix.h"

#define CLIENTS 12
#define ROUNDS 50
#define ACCEPTORS 3
#define SENDERS 6
#define MESSAGES 400

static int listener, receiver;
static long total[64];

static void run(pthread_t *t, int n, void *(*body)(void *))
{
    for (long i = 0; i < n; i++)
        if (pthread_create(&t[i], NULL, body, (void *)i) != 0)
            printf("no thread\n");
}

static long join(pthread_t *t, int n)
{
    long sum = 0;
    for (int i = 0; i < n; i++) {
        void *result = NULL;
        pthread_join(t[i], &result);
        sum += (long)(intptr_t)result;
    }
    return sum;
}

/* Connect, ask, get the answer; returns how often that worked. */
static void *client(void *arg)
{
    long good = 0, id = (long)(intptr_t)arg;
    for (long i = 0; i < ROUNDS; i++) {
        long question = id * ROUNDS + i, answer = 0;
        int fd = unix_socket(SOCK_STREAM);
        good += connect_to(fd, abstract_address("many")) == 0 &&
                write(fd, &question, sizeof(question)) == sizeof(question) &&
                read(fd, &answer, sizeof(answer)) == sizeof(answer) && answer == question + 1 &&
                read(fd, &answer, sizeof(answer)) == 0;
        close(fd);
    }
    return (void *)(intptr_t)good;
}

static int serve(int fd)
{
    long number = 0;
    if (read(fd, &number, sizeof(number)) != sizeof(number))
        return 0;
    number++;
    return write(fd, &number, sizeof(number)) == sizeof(number);
}

/* Until the listener is shut. */
static void *acceptor(void *arg)
{
    long served = 0;
    int fd;
    (void)arg;
    while ((fd = accept(listener, NULL, NULL)) >= 0) {
        served += serve(fd);
        close(fd);
    }
    return (void *)(intptr_t)(errno == EINVAL ? served : -1);
}

static void test_accept(void)
{
    pthread_t c[CLIENTS], a[ACCEPTORS];
    listener = listener_at(SOCK_STREAM, abstract_address("many"), 2);
    run(a, ACCEPTORS, acceptor);
    run(c, CLIENTS, client);
    SHOW(join(c, CLIENTS));
    SHOW(shutdown(listener, SHUT_RD));
    SHOW(join(a, ACCEPTORS));
    close(listener);
}

/* A server with one thread, and edges. */
static void accept_all(int ep)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event ev = {.events = EPOLLIN | EPOLLET | EPOLLRDHUP, .data.fd = fd};
        epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
    }
}

static void test_events(void)
{
    pthread_t c[CLIENTS];
    int served = 0, ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.fd = -1}, got[8];
    listener = listener_at(SOCK_STREAM | SOCK_NONBLOCK, abstract_address("many"), CLIENTS);
    epoll_ctl(ep, EPOLL_CTL_ADD, listener, &ev);
    run(c, CLIENTS, client);
    while (served < CLIENTS * ROUNDS) {
        int n = epoll_wait(ep, got, 8, 10000);
        if (n <= 0) {
            printf("nothing happens after %d\n", served);
            break;
        }
        for (int i = 0; i < n; i++) {
            if (got[i].data.fd < 0) {
                accept_all(ep);
            } else if (serve(got[i].data.fd)) {
                served++;
                close(got[i].data.fd);
            }
        }
    }
    SHOW(join(c, CLIENTS));
    SHOW(served);
    close(listener);
    close(ep);
}

struct numbered {
    long from, number;
};

static void *sender(void *arg)
{
    struct numbered m = {.from = (long)(intptr_t)arg};
    long sent = 0;
    int fd = unix_socket(SOCK_DGRAM);
    connect_to(fd, abstract_address("sink"));
    for (m.number = 0; m.number < MESSAGES; m.number++)
        sent += write(fd, &m, sizeof(m)) == sizeof(m);
    close(fd);
    return (void *)(intptr_t)sent;
}

/* The same, never waiting in a call but for readiness. */
static void *poller(void *arg)
{
    struct numbered m = {.from = (long)(intptr_t)arg + SENDERS};
    struct pollfd p = {.fd = unix_socket(SOCK_DGRAM | SOCK_NONBLOCK), .events = POLLOUT};
    connect_to(p.fd, abstract_address("sink"));
    while (m.number < MESSAGES) {
        if (write(p.fd, &m, sizeof(m)) == sizeof(m))
            m.number++;
        else if (errno != EAGAIN || poll(&p, 1, 10000) != 1)
            break;
    }
    close(p.fd);
    return (void *)(intptr_t)m.number;
}

/* Each takes what it gets until an empty message. */
static void *taker(void *arg)
{
    struct numbered m;
    long taken = 0;
    (void)arg;
    while (read(receiver, &m, sizeof(m)) == sizeof(m))
        __atomic_fetch_add(&total[m.from], m.number + 1, __ATOMIC_RELAXED), taken++;
    return (void *)(intptr_t)taken;
}

static void test_datagrams(void)
{
    pthread_t s[SENDERS], p[SENDERS], t[ACCEPTORS];
    int good = 0, end = unix_socket(SOCK_DGRAM);
    receiver = unix_socket(SOCK_DGRAM);
    bind_to(receiver, abstract_address("sink"));
    connect_to(end, abstract_address("sink"));
    run(s, SENDERS, sender);
    run(p, SENDERS, poller);
    sched_yield();
    run(t, ACCEPTORS, taker);
    SHOW(join(s, SENDERS));
    SHOW(join(p, SENDERS));
    for (int i = 0; i < ACCEPTORS; i++)
        write(end, "", 0);
    SHOW(join(t, ACCEPTORS));
    for (int i = 0; i < 2 * SENDERS; i++)
        good += total[i] == (long)MESSAGES * (MESSAGES + 1) / 2;
    SHOW(good);
    close(end);
    close(receiver);
}

/* What waits for a listener, or a full receiver, hears when it is closed. */
static void *late_client(void *arg)
{
    int fd = unix_socket(SOCK_STREAM);
    (void)arg;
    int failed = connect_to(fd, abstract_address("late")) != 0 && errno == ECONNREFUSED;
    close(fd);
    return (void *)(intptr_t)failed;
}

static void *late_sender(void *arg)
{
    int fd = unix_socket(SOCK_DGRAM);
    (void)arg;
    bool late = connect_to(fd, abstract_address("full")) != 0;
    int failed = (late || write(fd, "x", 1) < 0) && errno == ECONNREFUSED;
    close(fd);
    return (void *)(intptr_t)failed;
}

static void pause_ms(long ms)
{
    struct timespec ts = {0, ms * 1000000};
    nanosleep(&ts, NULL);
}

static void test_late(void)
{
    pthread_t c[4], s[4];
    int filler = unix_socket(SOCK_DGRAM | SOCK_NONBLOCK), first = unix_socket(SOCK_STREAM);
    receiver = unix_socket(SOCK_DGRAM);
    bind_to(receiver, abstract_address("full"));
    while (send_to(filler, "x", abstract_address("full")) == 1)
        ;
    listener = listener_at(SOCK_STREAM, abstract_address("late"), 0);
    connect_to(first, abstract_address("late"));
    run(c, 4, late_client);
    run(s, 4, late_sender);
    pause_ms(50);
    close(listener);
    close(receiver);
    SHOW(join(c, 4));
    SHOW(join(s, 4));
    close(first);
    close(filler);
}

/* Everything at once on names that come and go: no call may get lost. */
static void *churner(void *arg)
{
    long id = (long)(intptr_t)arg;
    int fds[4];
    for (int i = 0; i < 200; i++) {
        struct address a = abstract_address(i % 2 != 0 ? "odd" : "even");
        int type = id % 2 != 0 ? SOCK_STREAM : SOCK_DGRAM;
        for (int j = 0; j < 4; j++)
            fds[j] = unix_socket(type | SOCK_NONBLOCK);
        if (bind_to(fds[0], a) == 0)
            listen(fds[0], 1);
        connect_to(fds[1], a);
        connect_to(fds[2], a);
        (void)!write(fds[1], &i, sizeof(i));
        send_to(fds[3], "x", a);
        int got = accept(fds[0], NULL, NULL);
        if (got >= 0) {
            (void)!read(got, &i, 0);
            close(got);
        }
        for (int j = 3; j >= 0; j--)
            close(fds[j]);
    }
    return (void *)1;
}

static void test_churn(void)
{
    pthread_t t[6];
    run(t, 6, churner);
    SHOW(join(t, 6));
    int fd = unix_socket(SOCK_STREAM);
    SHOW(bind_to(fd, abstract_address("odd"))); /* all are gone */
    close(fd);
}

int main(void)
{
    signal(SIGPIPE, SIG_IGN);
    test_accept();
    test_events();
    test_datagrams();
    test_late();
    test_churn();
    return 0;
}
