/* SPDX-License-Identifier: MIT */
/* signalfd: signals of the thread and of the process, read, polled, waited for.
 * Source: signalfd(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define MSEC 1000000L

static struct signalfd_siginfo info[4];

static long take(int fd)
{
    memset(info, 0, sizeof info);
    return read(fd, info, sizeof info);
}

static void pause_ms(long ms)
{
    struct timespec t = {0, ms * MSEC};
    nanosleep(&t, NULL);
}

static uint64_t bit(int sig)
{
    return 1UL << (sig - 1);
}

static long make(int fd, uint64_t set, int flags)
{
    return syscall(SYS_signalfd4, fd, &set, 8L, flags);
}

static void test_errors(void)
{
    uint64_t set = bit(SIGUSR1);
    int fd = (int)make(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
    SHOW(fcntl(fd, F_GETFL));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(syscall(SYS_signalfd4, -1, &set, 7L, 0));
    SHOW(syscall(SYS_signalfd4, -1, &set, 8L, 1));
    SHOW(syscall(SYS_signalfd4, -1, BAD, 8L, 0));
    SHOW(syscall(SYS_signalfd4, 0, &set, 8L, 0));
    SHOW(syscall(SYS_signalfd4, -5, &set, 8L, 0));
    SHOW(syscall(SYS_signalfd, fd, &set, 8L) == fd);
    SHOW(read(fd, info, sizeof info[0] - 1));
    SHOW(take(fd));
    SHOW(write(fd, info, sizeof info));
    close(fd);
}

static void test_read(void)
{
    int fd = (int)make(-1, bit(SIGUSR1) | bit(SIGRTMIN) | bit(SIGKILL), SFD_NONBLOCK);
    union sigval value = {.sival_ptr = (void *)0x1122334455L};
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR1);
    kill(getpid(), SIGUSR2);
    struct pollfd p = {fd, POLLIN | POLLOUT, 0};
    SHOW(poll(&p, 1, 0));
    SHOW(p.revents);
    SHOW(take(fd));
    TRUE(info[0].ssi_signo == SIGUSR1 && info[0].ssi_code == SI_USER);
    TRUE((int)info[0].ssi_pid == getpid() && info[0].ssi_uid == getuid());
    SHOW(poll(&p, 1, 0));
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN, value);
    raise(SIGUSR1);
    SHOW(take(fd));
    TRUE(info[0].ssi_signo == SIGUSR1 && info[0].ssi_code == SI_TKILL);
    TRUE(info[3].ssi_code == SI_QUEUE && info[3].ssi_ptr == 0x1122334455UL);
    SHOW(info[3].ssi_int);
    SHOW(take(fd));
    SHOW(make(fd, bit(SIGUSR2), 0) == fd);
    SHOW(take(fd));
    SHOW(info[0].ssi_signo);
    close(fd);
}

static void test_timer(void)
{
    timer_t t;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec it = {{0, 0}, {0, 10 * MSEC}};
    int fd = (int)make(-1, bit(SIGUSR1), 0);
    ev.sigev_value.sival_int = 4711;
    timer_create(CLOCK_MONOTONIC, &ev, &t);
    timer_settime(t, 0, &it, NULL);
    SHOW(take(fd));
    TRUE(info[0].ssi_code == SI_TIMER && info[0].ssi_int == 4711 && info[0].ssi_overrun == 0);
    timer_delete(t);
    close(fd);
}

static int shared, stage;

static void *reader(void *arg)
{
    struct signalfd_siginfo one;
    (void)arg;
    long n = read(shared, &one, sizeof one);
    return (void *)(n == sizeof one ? (long)one.ssi_signo : -1L);
}

static void *poller(void *arg)
{
    struct epoll_event ev;
    int ep = *(int *)arg;
    return (void *)(long)epoll_wait(ep, &ev, 1, 5000);
}

static void *own_signal(void *arg)
{
    struct pollfd p = {shared, POLLIN, 0};
    (void)arg;
    pthread_kill(pthread_self(), SIGUSR2);
    printf("its own: %d\n", poll(&p, 1, 0));
    __atomic_store_n(&stage, 1, __ATOMIC_RELEASE);
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != 2)
        pause_ms(1);
    struct signalfd_siginfo one;
    printf("read: %ld\n", (long)read(shared, &one, sizeof one));
    return NULL;
}

static void test_threads(void)
{
    pthread_t t;
    void *result;
    shared = (int)make(-1, bit(SIGUSR1) | bit(SIGUSR2), 0);
    pthread_create(&t, NULL, reader, NULL);
    pause_ms(20);
    kill(getpid(), SIGUSR1); /* the process's: the reader gets it */
    pthread_join(t, &result);
    SHOW((long)result);
    pthread_create(&t, NULL, reader, NULL);
    pause_ms(20);
    pthread_kill(t, SIGUSR2); /* the reader's own */
    pthread_join(t, &result);
    SHOW((long)result);
    pthread_create(&t, NULL, own_signal, NULL);
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) != 1)
        pause_ms(1);
    struct pollfd p = {shared, POLLIN, 0};
    printf("another's: %d\n", poll(&p, 1, 0));
    __atomic_store_n(&stage, 2, __ATOMIC_RELEASE);
    pthread_join(t, NULL);
    int ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN};
    epoll_ctl(ep, EPOLL_CTL_ADD, shared, &ev);
    pthread_create(&t, NULL, poller, &ep);
    pause_ms(20);
    kill(getpid(), SIGUSR1);
    pthread_join(t, &result);
    SHOW((long)result);
    SHOW(take(shared));
    close(ep);
    close(shared);
}

int main(void)
{
    sigset_t block;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigaddset(&block, SIGUSR2);
    sigaddset(&block, SIGRTMIN);
    pthread_sigmask(SIG_BLOCK, &block, NULL);
    test_errors();
    test_read();
    test_timer();
    test_threads();
    return 0;
}
