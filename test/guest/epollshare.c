/* SPDX-License-Identifier: MIT */
/* epoll: several instances, each with a thread that waits, share a descriptor; EPOLLEXCLUSIVE lets
 * one event wake one of them. Source: epoll_ctl(2) EPOLLEXCLUSIVE. */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define N 4
#define MSEC 1000000L

static pthread_t threads[N];
static int sets[N], tids[N], woken;

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * MSEC};
    nanosleep(&t, NULL);
}

static void *wait_in_set(void *arg)
{
    long i = (long)arg;
    struct epoll_event ev;
    __atomic_store_n(&tids[i], (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    if (epoll_wait(sets[i], &ev, 1, -1) == 1)
        __atomic_fetch_add(&woken, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* The letter of its state, as /proc tells it. */
static char state_of(int tid)
{
    char name[64], text[256] = "";
    snprintf(name, sizeof(name), "/proc/self/task/%d/stat", tid);
    int fd = open(name, O_RDONLY);
    long n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : 0;
    close(fd);
    text[n > 0 ? n : 0] = 0;
    char *end = strrchr(text, ')');
    return end != NULL ? end[2] : '?';
}

/* N threads wait, each in a set of its own that watches fd. */
static void start(int fd, unsigned events)
{
    woken = 0;
    for (long i = 0; i < N; i++) {
        struct epoll_event ev = {.events = events};
        sets[i] = epoll_create1(0);
        if (epoll_ctl(sets[i], EPOLL_CTL_ADD, fd, &ev) != 0)
            printf("not watched: %s\n", errno_name(errno));
        tids[i] = 0;
        pthread_create(&threads[i], NULL, wait_in_set, (void *)i);
        while (__atomic_load_n(&tids[i], __ATOMIC_ACQUIRE) == 0)
            pause_ms(1);
        for (int tries = 0; state_of(tids[i]) != 'S' && tries < 5000; tries++)
            pause_ms(1);
    }
    pause_ms(20);
}

/* Until at least n are awake, and then some time for more. */
static void count(const char *what, int n)
{
    for (int tries = 0; __atomic_load_n(&woken, __ATOMIC_SEQ_CST) < n && tries < 5000; tries++)
        pause_ms(1);
    pause_ms(50);
    printf("%s: %d awake\n", what, __atomic_load_n(&woken, __ATOMIC_SEQ_CST));
}

static void finish(void)
{
    for (int i = 0; i < N; i++) {
        pthread_join(threads[i], NULL);
        close(sets[i]);
    }
}

static void add(int fd)
{
    uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) != (long)sizeof(one))
        printf("not written\n");
}

static void test_shared(void)
{
    int fd = eventfd(0, EFD_NONBLOCK);
    start(fd, EPOLLIN);
    add(fd);
    count("shared by all", N);
    finish();
    close(fd);
}

/* Nobody reads: each event wakes one who still waits. */
static void test_exclusive(unsigned mode)
{
    int fd = eventfd(0, EFD_NONBLOCK);
    start(fd, EPOLLIN | EPOLLEXCLUSIVE | mode);
    for (int i = 1; i <= N; i++) {
        add(fd);
        count("exclusive", i);
    }
    finish();
    close(fd);
}

/* A watch that is not exclusive is woken besides. */
static void test_mixed(void)
{
    struct epoll_event ev = {.events = EPOLLIN};
    int fd = eventfd(0, EFD_NONBLOCK);
    int other = epoll_create1(0);
    epoll_ctl(other, EPOLL_CTL_ADD, fd, &ev);
    start(fd, EPOLLIN | EPOLLEXCLUSIVE);
    add(fd);
    count("one besides another set", 1);
    SHOW(epoll_wait(other, &ev, 1, 0));
    for (int i = 2; i <= N; i++)
        add(fd);
    finish();
    close(other);
    close(fd);
}

/* The end of a stream is news for everybody. */
static void test_end(void)
{
    int fd[2];
    SHOW(pipe(fd));
    start(fd[0], EPOLLIN | EPOLLEXCLUSIVE);
    SHOW(write(fd[1], "x", 1));
    count("a byte", 1);
    close(fd[1]);
    count("end of a pipe", N);
    finish();
    close(fd[0]);
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, fd));
    start(fd[0], EPOLLIN | EPOLLEXCLUSIVE);
    SHOW(write(fd[1], "x", 1));
    count("a byte", 1);
    close(fd[1]);
    count("end of a socket", N);
    finish();
    close(fd[0]);
}

int main(void)
{
    test_shared();
    test_exclusive(0);
    test_exclusive(EPOLLET);
    test_mixed();
    test_end();
    return 0;
}
