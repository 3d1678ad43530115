/* SPDX-License-Identifier: MIT */
/* Processor time of the program itself and of the system, of threads and of the process, on several
 * CPUs; timers on these clocks; the limit of processor time. All bounds are such that only wrong
 * accounts exceed them. Source: getitimer(2), getrusage(2), timer_create(2), times(2),
 * clock_getcpuclockid(3), getrlimit(2). */
// cflags: -pthread
// cpus: 1 2
// kinds: musl-static
// status: 137
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

#define MSEC 1000000L
#define NSEC 1000000000L
#define CLOCK_USER -7 /* this process, CPUCLOCK_VIRT */
#define CLOCK_THREAD_USER -3
#define BIG (8 << 20)

static volatile sig_atomic_t virtuals, profs, timers, limits, code;
static char big[BIG];
static atomic_int stop;

static void on_signal(int sig, siginfo_t *info, void *context)
{
    (void)context;
    virtuals += sig == SIGVTALRM;
    profs += sig == SIGPROF;
    timers += sig == SIGUSR1;
    limits += sig == SIGXCPU;
    code = info->si_code;
}

static void catch_signal(int sig)
{
    struct sigaction act = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | SA_RESTART};
    sigaction(sig, &act, NULL);
}

static long now(int clock)
{
    struct timespec t = {0, 0};
    syscall(SYS_clock_gettime, clock, &t);
    return t.tv_sec * NSEC + t.tv_nsec;
}

static long ns_of(struct timeval t)
{
    return t.tv_sec * NSEC + t.tv_usec * 1000;
}

static void user_ms(long ms)
{
    long end = now(CLOCK_THREAD_CPUTIME_ID) + ms * MSEC;
    while (now(CLOCK_THREAD_CPUTIME_ID) < end)
        for (volatile int i = 0; i < 100000; i++)
            ;
}

/* Nearly all of it in the system. */
static void system_work(int zero)
{
    if (read(zero, big, BIG) != BIG)
        exit(1);
}

static void system_ms(long ms)
{
    int zero = open("/dev/zero", O_RDONLY);
    long end = now(CLOCK_THREAD_CPUTIME_ID) + ms * MSEC;
    while (now(CLOCK_THREAD_CPUTIME_ID) < end)
        system_work(zero);
    close(zero);
}

struct used {
    long user, system;
};

static struct used used_by(int who)
{
    struct rusage r;
    getrusage(who, &r);
    return (struct used){ns_of(r.ru_utime), ns_of(r.ru_stime)};
}

static struct used since(struct used then, int who)
{
    struct used u = used_by(who);
    return (struct used){u.user - then.user, u.system - then.system};
}

static void test_usage(void)
{
    struct tms first, last;
    struct used then = used_by(RUSAGE_SELF), u;
    times(&first);
    user_ms(200);
    u = since(then, RUSAGE_SELF);
    TRUE(u.user > 150 * MSEC && u.user > 3 * u.system);
    then = used_by(RUSAGE_SELF);
    system_ms(400);
    u = since(then, RUSAGE_SELF);
    TRUE(u.system > 200 * MSEC && u.system > u.user);
    times(&last);
    TRUE(last.tms_utime - first.tms_utime >= 15);
    TRUE(last.tms_stime - first.tms_stime >= 20);
    TRUE(now(CLOCK_USER) <= now(CLOCK_PROCESS_CPUTIME_ID));
    TRUE(now(CLOCK_THREAD_USER) <= now(CLOCK_THREAD_CPUTIME_ID));
}

/* Sleeping is no time at all, faults are the system's. */
static void test_waiting(void)
{
    struct timespec t = {0, 200 * MSEC};
    struct used then = used_by(RUSAGE_SELF);
    nanosleep(&t, NULL);
    struct used u = since(then, RUSAGE_SELF);
    TRUE(u.user < 100 * MSEC && u.system < 100 * MSEC);
    struct rusage r;
    getrusage(RUSAGE_THREAD, &r);
    TRUE(r.ru_nvcsw > 0);
}

static void set(int which, long ms)
{
    struct itimerval v = {{0, 0}, {ms / 1000, ms % 1000 * 1000}};
    SHOW(setitimer(which, &v, NULL));
}

/* Work in the system moves one clock of the two. */
static void test_clocks(void)
{
    virtuals = profs = 0;
    set(ITIMER_VIRTUAL, 300);
    set(ITIMER_PROF, 300);
    int zero = open("/dev/zero", O_RDONLY);
    while (!profs)
        system_work(zero);
    close(zero);
    SHOW(profs);
    SHOW(virtuals);
    TRUE(code == SI_KERNEL);
    struct itimerval v;
    getitimer(ITIMER_VIRTUAL, &v);
    TRUE(ns_of(v.it_value) > 50 * MSEC);
    while (!virtuals)
        user_ms(1);
    SHOW(virtuals);
    SHOW(profs);
}

static void *spin(void *arg)
{
    while (!atomic_load(&stop))
        user_ms(1);
    return arg;
}

/* Both clocks count what every thread does, those that have ended included. */
static void test_threads(void)
{
    pthread_t t[2];
    struct used then = used_by(RUSAGE_SELF), mine = used_by(RUSAGE_THREAD);
    virtuals = profs = 0;
    atomic_store(&stop, 0);
    long start = now(CLOCK_PROCESS_CPUTIME_ID);
    set(ITIMER_VIRTUAL, 400);
    set(ITIMER_PROF, 400);
    for (int i = 0; i < 2; i++)
        pthread_create(&t[i], NULL, spin, NULL);
    while (!virtuals || !profs)
        usleep(1000);
    long took = now(CLOCK_PROCESS_CPUTIME_ID) - start;
    TRUE(took >= 390 * MSEC);
    atomic_store(&stop, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    struct used u = since(then, RUSAGE_SELF), own = since(mine, RUSAGE_THREAD);
    TRUE(u.user >= 300 * MSEC);
    TRUE(own.user + own.system < u.user);
}

static long made, elapsed;

static void *burn(void *arg)
{
    pthread_barrier_wait(arg);
    while (!timers)
        user_ms(1);
    elapsed = now(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

/* A timer on another thread's clock does not run by what this one does. */
static void test_other_thread(void)
{
    pthread_barrier_t begin;
    pthread_t t;
    clockid_t clock;
    timer_t id;
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
    struct itimerspec v = {{0, 0}, {0, 100 * MSEC}};
    timers = 0;
    pthread_barrier_init(&begin, NULL, 2);
    pthread_create(&t, NULL, burn, &begin);
    SHOW(pthread_getcpuclockid(t, &clock));
    SHOW(timer_create(clock, &ev, &id));
    SHOW(timer_settime(id, 0, &v, NULL));
    user_ms(150);
    SHOW(timers);
    pthread_barrier_wait(&begin);
    pthread_join(t, NULL);
    SHOW(timers);
    TRUE(elapsed >= 90 * MSEC);
    SHOW(timer_delete(id));
    SHOW(timer_create(CLOCK_USER, &ev, &id));
    timers = 0;
    SHOW(timer_settime(id, 0, &v, NULL));
    made = now(CLOCK_USER);
    while (!timers)
        user_ms(1);
    TRUE(now(CLOCK_USER) - made >= 90 * MSEC);
    SHOW(timer_delete(id));
}

/* The soft limit moves on with each second; the hard one ends the process. */
static void test_limit(void)
{
    struct rlimit r, after;
    rlim_t soft = (rlim_t)(now(CLOCK_PROCESS_CPUTIME_ID) / NSEC) + 1;
    r = (struct rlimit){soft, soft + 1};
    SHOW(setrlimit(RLIMIT_CPU, &r));
    while (!limits)
        user_ms(5);
    TRUE(now(CLOCK_PROCESS_CPUTIME_ID) >= (long)soft * NSEC - 500 * MSEC && code == SI_KERNEL);
    getrlimit(RLIMIT_CPU, &after);
    TRUE(after.rlim_cur == soft + 1 && after.rlim_max == soft + 1);
    fflush(stdout);
    for (;;)
        user_ms(5);
}

int main(void)
{
    catch_signal(SIGVTALRM);
    catch_signal(SIGPROF);
    catch_signal(SIGUSR1);
    catch_signal(SIGXCPU);
    test_usage();
    test_waiting();
    test_clocks();
    test_threads();
    test_other_thread();
    test_limit();
    return 0;
}
