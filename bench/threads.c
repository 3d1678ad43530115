/* SPDX-License-Identifier: MIT */
/* Threads that hand something over, and threads that compute. Prints `name nanoseconds` an
 * operation: a round trip, a hand-over, a create and join; speedup_2 is not a time but how many
 * times as much two threads do as one. late_* is how late a thread runs beside two that compute,
 * the median and the 19th of 20 (worst): one that sleeps 1 ms, and one that another wakes. The
 * argument is the number of CPUs to compute on, or the name of the one figure to measure. Every
 * figure is the best of some rounds. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 5
#define HANDOVERS 4000
#define CREATIONS 1000
#define WORK 60000000L
#define LATE 200 /* sleeps */
#define BUSY 2

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t t;
    if (pthread_create(&t, NULL, fn, arg) != 0) {
        perror("threads");
        exit(1);
    }
    return t;
}

static atomic_int ball;

/* Wait until the ball has my number, give it the other one. */
static void play(int me)
{
    for (int i = 0; i < HANDOVERS; i++) {
        while (atomic_load(&ball) != me)
            syscall(SYS_futex, &ball, FUTEX_WAIT_PRIVATE, !me, NULL, NULL, 0);
        atomic_store(&ball, !me);
        syscall(SYS_futex, &ball, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void *play_other(void *arg)
{
    play(1);
    return arg;
}

static long futex_ping_pong(void)
{
    atomic_store(&ball, 0);
    pthread_t t = start(play_other, NULL);
    play(0);
    pthread_join(t, NULL);
    return HANDOVERS;
}

static int there[2], back[2];

static void *echo(void *arg)
{
    char c;
    for (int i = 0; i < HANDOVERS && read(there[0], &c, 1) == 1; i++)
        if (write(back[1], &c, 1) != 1)
            break;
    return arg;
}

static long pipe_ping_pong(void)
{
    char c = 'x';
    if (pipe(there) != 0 || pipe(back) != 0)
        exit(1);
    pthread_t t = start(echo, NULL);
    for (int i = 0; i < HANDOVERS; i++)
        if (write(there[1], &c, 1) != 1 || read(back[0], &c, 1) != 1)
            exit(1);
    pthread_join(t, NULL);
    for (int i = 0; i < 2; i++) {
        close(there[i]);
        close(back[i]);
    }
    return HANDOVERS;
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static int turn;

static void take_turns(int me)
{
    pthread_mutex_lock(&mutex);
    for (int i = 0; i < HANDOVERS; i++) {
        while (turn != me)
            pthread_cond_wait(&changed, &mutex);
        turn = !me;
        pthread_cond_signal(&changed);
    }
    pthread_mutex_unlock(&mutex);
}

static void *take_other_turns(void *arg)
{
    take_turns(1);
    return arg;
}

static long mutex_hand_over(void)
{
    turn = 0;
    pthread_t t = start(take_other_turns, NULL);
    take_turns(0);
    pthread_join(t, NULL);
    return HANDOVERS;
}

static void *nothing(void *arg)
{
    return arg;
}

static long create_join(void)
{
    for (int i = 0; i < CREATIONS; i++)
        pthread_join(start(nothing, NULL), NULL);
    return CREATIONS;
}

static void *compute(void *arg)
{
    uint64_t x = 1;
    for (long i = 0; i < WORK; i++) {
        x = x * 6364136223846793005u + 1;
        __asm__ volatile("" : "+r"(x));
    }
    return arg;
}

static uint64_t time_of_two(int together)
{
    uint64_t begin = now_ns();
    pthread_t t = start(compute, NULL);
    if (!together)
        pthread_join(t, NULL);
    compute(NULL);
    if (together)
        pthread_join(t, NULL);
    return now_ns() - begin;
}

/* Threads that compute until told not to. */
static atomic_int resting;

static void *be_busy(void *arg)
{
    uint64_t x = 1;
    while (!atomic_load_explicit(&resting, memory_order_relaxed))
        x = x * 6364136223846793005u + 1;
    return (void *)(uintptr_t)(x + (uintptr_t)arg);
}

static void sleep_1ms(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static uint64_t late[LATE];

static void sleep_late(void)
{
    for (int i = 0; i < LATE; i++) {
        uint64_t until = now_ns() + 1000000;
        sleep_1ms();
        late[i] = now_ns() - until;
    }
}

/* When the sleeper was woken; 0: it is to sleep. */
static atomic_ulong woken_at;
static atomic_uint calls;

static void *be_woken(void *arg)
{
    for (unsigned i = 0; i < LATE; i++) {
        while (atomic_load(&calls) == i)
            syscall(SYS_futex, &calls, FUTEX_WAIT_PRIVATE, i, NULL, NULL, 0);
        late[i] = now_ns() - atomic_exchange(&woken_at, 0);
    }
    return arg;
}

static void wake_late(void)
{
    atomic_store(&calls, 0);
    atomic_store(&woken_at, 0);
    pthread_t t = start(be_woken, NULL);
    for (unsigned i = 1; i <= LATE; i++) {
        do
            sleep_1ms();
        while (atomic_load(&woken_at) != 0);
        atomic_store(&woken_at, now_ns());
        atomic_store(&calls, i);
        syscall(SYS_futex, &calls, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
    pthread_join(t, NULL);
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void measure_late(const char *name, void (*run)(void))
{
    pthread_t busy[BUSY];
    atomic_store(&resting, 0);
    for (int i = 0; i < BUSY; i++)
        busy[i] = start(be_busy, NULL);
    run();
    atomic_store(&resting, 1);
    for (int i = 0; i < BUSY; i++)
        pthread_join(busy[i], NULL);
    qsort(late, LATE, sizeof *late, compare);
    printf("%s %lu\n%s_worst %lu\n", name, (unsigned long)late[LATE / 2], name,
           (unsigned long)late[LATE * 19 / 20]);
}

static const struct {
    const char *name;
    long (*run)(void);
} figures[] = {
    {"futex_ping_pong", futex_ping_pong},
    {"pipe_ping_pong", pipe_ping_pong},
    {"mutex_hand_over", mutex_hand_over},
    {"create_join", create_join},
};

int main(int argc, char **argv)
{
    const char *only = argc > 1 && atoi(argv[1]) == 0 ? argv[1] : NULL;
    for (unsigned i = 0; i < sizeof figures / sizeof *figures; i++) {
        if (only != NULL && strcmp(only, figures[i].name) != 0)
            continue;
        double best = 1e18;
        for (int round = 0; round < ROUNDS; round++) {
            uint64_t begin = now_ns();
            long n = figures[i].run();
            double ns = (double)(now_ns() - begin) / (double)n;
            best = ns < best ? ns : best;
        }
        printf("%s %.1f\n", figures[i].name, best);
    }
    if (only != NULL)
        return 0;
    measure_late("late_sleep", sleep_late);
    measure_late("late_wake", wake_late);
    double speedup = 0;
    for (int round = 0; argc > 1 && atoi(argv[1]) > 1 && round < ROUNDS; round++) {
        uint64_t apart = time_of_two(0), together = time_of_two(1);
        double now = (double)apart / (double)together;
        speedup = now > speedup ? now : speedup;
    }
    if (speedup > 0)
        printf("speedup_2 %.3f\n", speedup);
    return 0;
}
