/* SPDX-License-Identifier: MIT */
/* eventfd: counter and semaphore, overflow, readiness, threads. Source: eventfd(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define FULL 0xfffffffffffffffeUL
#define ROUNDS 2000

static uint64_t value;

static long put(int fd, uint64_t v)
{
    return write(fd, &v, sizeof v);
}

static long take(int fd)
{
    value = 0;
    return read(fd, &value, sizeof value);
}

static void events(const char *what, int fd)
{
    struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDNORM | POLLWRNORM, 0};
    poll(&p, 1, 0);
    printf("%s: %x\n", what, p.revents);
}

static void test_counter(void)
{
    char buf[16];
    int fd = eventfd(3, EFD_NONBLOCK | EFD_CLOEXEC);
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(eventfd(0, 4));
    SHOW(take(fd));
    SHOW(value);
    SHOW(take(fd));
    events("empty", fd);
    SHOW(put(fd, 1));
    SHOW(put(fd, 41));
    events("some", fd);
    SHOW(put(fd, 0));
    SHOW(read(fd, buf, 7));
    SHOW(write(fd, buf, 7));
    SHOW(read(fd, BAD, 8));
    SHOW(take(fd));
    SHOW(put(fd, 5));
    SHOW(write(fd, BAD, 8));
    SHOW(read(fd, buf, 16));
    SHOW(pread(fd, buf, 8, 0));
    SHOW(put(fd, ~0UL));
    SHOW(put(fd, FULL));
    events("full", fd);
    SHOW(put(fd, 1));
    SHOW(put(fd, 0));
    SHOW(take(fd));
    TRUE(value == FULL);
    SHOW(put(fd, FULL - 1));
    SHOW(put(fd, 2));
    SHOW(put(fd, 1));
    SHOW(syscall(SYS_eventfd, 0x7fffffff) >= 0);
    close(fd);
}

static void test_semaphore(void)
{
    int fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
    SHOW(take(fd));
    SHOW(value);
    SHOW(take(fd));
    SHOW(value);
    SHOW(take(fd));
    SHOW(put(fd, 100));
    SHOW(take(fd));
    SHOW(value);
    events("semaphore", fd);
    close(fd);
}

static int shared;

static void *taker(void *arg)
{
    long sum = 0;
    for (int i = 0; i < ROUNDS; i++) {
        eventfd_t v = 0;
        if (eventfd_read(shared, &v) == 0)
            sum += (long)v;
    }
    *(long *)arg = sum;
    return NULL;
}

static void *giver(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++)
        eventfd_write(shared, 1);
    return NULL;
}

static void test_threads(void)
{
    pthread_t t[4];
    long sums[2] = {0, 0};
    shared = eventfd(0, EFD_SEMAPHORE);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, taker, &sums[i]);
    for (int i = 2; i < 4; i++)
        pthread_create(&t[i], NULL, giver, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    SHOW(sums[0] + sums[1]);
    close(shared);
}

static void *late_reader(void *arg)
{
    struct timespec t = {0, 30000000};
    (void)arg;
    nanosleep(&t, NULL);
    eventfd_t v;
    eventfd_read(shared, &v);
    return NULL;
}

static void on_alarm(int sig)
{
    (void)sig;
}

static void test_blocking(void)
{
    pthread_t t;
    struct itimerval soon = {.it_value = {0, 20000}};
    struct sigaction a = {.sa_handler = on_alarm};
    shared = eventfd(0, 0);
    SHOW(put(shared, FULL));
    pthread_create(&t, NULL, late_reader, NULL);
    SHOW(put(shared, 7)); /* waits for the reader */
    pthread_join(t, NULL);
    SHOW(take(shared));
    SHOW(value);
    sigaction(SIGALRM, &a, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    SHOW(take(shared));
    close(shared);
}

int main(void)
{
    test_counter();
    test_semaphore();
    test_threads();
    test_blocking();
    return 0;
}
