/* SPDX-License-Identifier: MIT */
/* POSIX timers: clocks, signals to process and thread, overrun, absolute times, processor time; and
 * sleeps on such clocks. Source: timer_create(2), timer_settime(2), timer_getoverrun(2),
 * clock_nanosleep(2). */
// cflags: -pthread
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define BAD ((void *)8)
#define MSEC 1000000L
#define NSEC 1000000000L
#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

static volatile int hits, last_value, last_code, last_overrun, last_tid;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)context;
    hits++;
    last_value = info->si_value.sival_int;
    last_code = info->si_code;
    last_overrun = info->si_overrun;
    last_tid = (int)syscall(SYS_gettid);
}

static int set(int id, int flags, long ns, long interval_ns)
{
    struct itimerspec it = {{interval_ns / NSEC, interval_ns % NSEC}, {ns / NSEC, ns % NSEC}};
    return (int)syscall(SYS_timer_settime, id, flags, &it, NULL);
}

static int make(int clock, int notify, int sig, int value)
{
    int id = -1;
    struct sigevent ev = {.sigev_notify = notify, .sigev_signo = sig};
    ev.sigev_value.sival_int = value;
    return syscall(SYS_timer_create, clock, &ev, &id) != 0 ? -1 : id;
}

static long now_ms(int clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * 1000 + t.tv_nsec / MSEC;
}

static void pause_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * MSEC};
    while (nanosleep(&t, &t) != 0)
        ;
}

static void wait_hits(int n)
{
    long start = now_ms(CLOCK_MONOTONIC);
    while (hits < n && now_ms(CLOCK_MONOTONIC) - start < 10000)
        pause_ms(1);
}

static void spin_ms(long ms)
{
    long start = now_ms(CLOCK_THREAD_CPUTIME_ID);
    while (now_ms(CLOCK_THREAD_CPUTIME_ID) - start < ms)
        ;
}

static void test_errors(void)
{
    int id = -1;
    struct itimerspec it = {{0, 0}, {0, NSEC}};
    struct sigevent ev = {.sigev_notify = 77, .sigev_signo = SIGUSR1};
    SHOW(syscall(SYS_timer_create, 77, NULL, &id));
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC_RAW, NULL, &id));
    SHOW(syscall(SYS_timer_create, CLOCK_REALTIME_COARSE, NULL, &id));
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
    ev.sigev_notify = SIGEV_SIGNAL;
    ev.sigev_signo = 65;
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
    ev.sigev_signo = 0;
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
    ev.sigev_notify = SIGEV_THREAD_ID;
    ev.sigev_signo = SIGUSR1;
    ev.sigev_notify_thread_id = 1;
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, &ev, &id));
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, BAD, &id));
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, BAD));
    SHOW(syscall(SYS_timer_delete, 12345));
    SHOW(syscall(SYS_timer_delete, -1));
    SHOW(syscall(SYS_timer_getoverrun, 12345));
    SHOW(syscall(SYS_timer_gettime, 12345, &it));
    id = make(CLOCK_MONOTONIC, SIGEV_NONE, 0, 0);
    TRUE(id >= 0);
    SHOW(syscall(SYS_timer_settime, id, 0, &it, NULL));
    it.it_value.tv_nsec = 5;
    SHOW(syscall(SYS_timer_settime, 12345, 0, &it, NULL));
    SHOW(syscall(SYS_timer_settime, id, 0, NULL, NULL));
    SHOW(syscall(SYS_timer_settime, id, 0, BAD, NULL));
    SHOW(syscall(SYS_timer_gettime, id, BAD));
    SHOW(syscall(SYS_timer_delete, id));
    SHOW(syscall(SYS_timer_delete, id));
}

static void test_signal(int clock)
{
    struct itimerspec it;
    printf("clock %d\n", clock);
    int id = make(clock, SIGEV_SIGNAL, SIGUSR1, 42);
    hits = 0;
    SHOW(syscall(SYS_timer_gettime, id, &it));
    TRUE(it.it_value.tv_sec == 0 && it.it_value.tv_nsec == 0);
    SHOW(set(id, 0, 20 * MSEC, 0));
    syscall(SYS_timer_gettime, id, &it);
    TRUE(it.it_value.tv_nsec > 0 && it.it_value.tv_nsec <= 20 * MSEC);
    wait_hits(1);
    printf("%d hits, value %d, code %d, overrun %d\n", hits, last_value, last_code, last_overrun);
    syscall(SYS_timer_gettime, id, &it);
    TRUE(it.it_value.tv_sec == 0 && it.it_value.tv_nsec == 0);
    SHOW(set(id, 0, 2 * MSEC, 2 * MSEC));
    wait_hits(6);
    TRUE(hits >= 6);
    SHOW(set(id, 0, 0, 0));
    int before = hits;
    pause_ms(10);
    TRUE(hits == before);
    SHOW(set(id, TIMER_ABSTIME, 1, 0)); /* past */
    wait_hits(before + 1);
    TRUE(hits == before + 1);
    SHOW(syscall(SYS_timer_delete, id));
}

static void test_overrun(void)
{
    sigset_t block;
    siginfo_t info;
    int id = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2, 7);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR2);
    sigprocmask(SIG_BLOCK, &block, NULL);
    SHOW(set(id, 0, MSEC, MSEC));
    pause_ms(50);
    SHOW(sigwaitinfo(&block, &info));
    TRUE(info.si_overrun >= 40 && info.si_overrun < 40000);
    TRUE(syscall(SYS_timer_getoverrun, id) == info.si_overrun);
    TRUE(info.si_value.sival_int == 7 && info.si_code == SI_TIMER);
    SHOW(sigwaitinfo(&block, &info));
    SHOW(set(id, 0, 0, 0));
    struct timespec none = {0, 0};
    sigtimedwait(&block, &info, &none);
    SHOW(set(id, 0, MSEC, 0));
    pause_ms(10);
    SHOW(syscall(SYS_timer_delete, id));
    SHOW(sigtimedwait(&block, &info, &none)); /* nothing is left of a deleted one */
    sigprocmask(SIG_UNBLOCK, &block, NULL);
    SHOW(hits >= 0);
}

static void blocked(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    sigprocmask(how, &set, NULL);
}

/* A timer whose signal nobody wants goes on, and is heard of again when somebody does. */
static void test_ignored(void)
{
    struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    int id = make(CLOCK_MONOTONIC, SIGEV_SIGNAL, SIGUSR2, 9);
    signal(SIGUSR2, SIG_IGN);
    SHOW(set(id, 0, 5 * MSEC, 5 * MSEC));
    pause_ms(60);
    hits = last_overrun = 0;
    blocked(SIG_BLOCK); /* so that the first one's overrun can be seen */
    sigaction(SIGUSR2, &a, NULL);
    pause_ms(20);
    blocked(SIG_UNBLOCK);
    wait_hits(1);
    TRUE(hits >= 1 && last_value == 9);
    wait_hits(3);
    TRUE(hits >= 3);
    blocked(SIG_BLOCK);
    pause_ms(20);
    signal(SIGUSR2, SIG_IGN); /* with it goes the one that was pending */
    pause_ms(50);
    sigaction(SIGUSR2, &a, NULL);
    hits = 0;
    siginfo_t info;
    sigset_t set2;
    sigemptyset(&set2);
    sigaddset(&set2, SIGUSR2);
    SHOW(sigwaitinfo(&set2, &info));
    TRUE(info.si_overrun >= 10 && info.si_overrun < 10000);
    blocked(SIG_UNBLOCK);
    wait_hits(2);
    TRUE(hits >= 2);
    signal(SIGUSR2, SIG_IGN);
    SHOW(set(id, 0, 5 * MSEC, 0)); /* once: it is lost */
    pause_ms(20);
    hits = 0;
    sigaction(SIGUSR2, &a, NULL);
    pause_ms(20);
    SHOW(hits);
    SHOW(syscall(SYS_timer_delete, id));
}

static void test_ids(void)
{
    struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGALRM, &a, NULL);
    int id;
    hits = 0;
    SHOW(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &id));
    SHOW(set(id, 0, MSEC, 0));
    wait_hits(1);
    TRUE(last_value == id);
    SHOW(syscall(SYS_timer_delete, id));
}

static void test_cpu(void)
{
    hits = 0;
    int id = make(CLOCK_PROCESS_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 1);
    SHOW(set(id, 0, 20 * MSEC, 0));
    pause_ms(40);
    SHOW(hits); /* it has slept */
    spin_ms(30);
    SHOW(hits);
    syscall(SYS_timer_delete, id);
    hits = 0;
    id = make(CLOCK_THREAD_CPUTIME_ID, SIGEV_SIGNAL, SIGUSR1, 1);
    SHOW(set(id, 0, 10 * MSEC, 10 * MSEC));
    long start = now_ms(CLOCK_THREAD_CPUTIME_ID), used = 0;
    while (hits < 3 && used < 10000) { /* a busy machine lets some come together */
        spin_ms(1);
        used = now_ms(CLOCK_THREAD_CPUTIME_ID) - start;
    }
    TRUE(hits >= 3 && hits <= used / 10 + 1);
    syscall(SYS_timer_delete, id);
}

static int target_tid;

static void *target(void *arg)
{
    (void)arg;
    __atomic_store_n(&target_tid, (int)syscall(SYS_gettid), __ATOMIC_RELEASE);
    wait_hits(1);
    return NULL;
}

static int stop;

static void *spin(void *arg)
{
    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE))
        ;
    return arg;
}

static void test_threads(void)
{
    pthread_t t;
    int id;
    struct sigevent ev = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
    hits = 0;
    pthread_create(&t, NULL, target, NULL);
    while (__atomic_load_n(&target_tid, __ATOMIC_ACQUIRE) == 0)
        pause_ms(1);
    ev.sigev_notify_thread_id = target_tid;
    SHOW(syscall(SYS_timer_create, CLOCK_REALTIME, &ev, &id));
    SHOW(set(id, 0, 10 * MSEC, 0));
    pthread_join(t, NULL);
    TRUE(last_tid == target_tid);
    syscall(SYS_timer_delete, id);
    clockid_t other;
    struct timespec before, after, due;
    pthread_create(&t, NULL, spin, NULL);
    SHOW(pthread_getcpuclockid(t, &other));
    SHOW(clock_gettime(other, &before));
    due = (struct timespec){0, 20 * MSEC};
    SHOW(clock_nanosleep(other, TIMER_ABSTIME, &due, NULL));
    SHOW(clock_gettime(other, &after));
    TRUE(after.tv_nsec >= 20 * MSEC);
    SHOW(clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &due, NULL));
    __atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
    pthread_join(t, NULL);
    SHOW(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &due, NULL));
}

int main(void)
{
    struct sigaction a = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(SIGUSR1, &a, NULL);
    sigaction(SIGUSR2, &a, NULL);
    test_errors();
    test_signal(CLOCK_MONOTONIC);
    test_signal(CLOCK_REALTIME);
    test_signal(CLOCK_BOOTTIME);
    test_overrun();
    test_ignored();
    test_ids();
    test_cpu();
    test_threads();
    return 0;
}
