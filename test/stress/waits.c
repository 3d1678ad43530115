/* SPDX-License-Identifier: MIT */
/* Threads that wait for each other: by join, futex, mutex and condition, pipe, epoll; and for the
 * clock. A wake that is lost is a round that never ends. Source: futex(2), pipe(7), epoll(7),
 * timerfd_create(2), clock_nanosleep(2). */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "test/stress/mixed.h"

#define THREADS 4
#define LAPS 100 /* of a token; divisible by THREADS */
#define ITEMS 400
#define ROOM 5
#define BYTES 300000
#define EVENTS 200
#define TICKS 10

static void *double_it(void *arg)
{
    return (void *)(2 * (uintptr_t)arg);
}

void waits_create(struct worker *w)
{
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = mixed_start(w, double_it, (void *)i);
    for (uintptr_t i = 0; i < THREADS; i++)
        MUST(w, mixed_join(w, threads[i]) == (void *)(2 * i));
}

/* A token that goes round. */
struct ring {
    struct worker *w;
    atomic_uint number; /* passes so far */
    unsigned long plain; /* only who has the token touches it */
};

struct place {
    struct ring *ring;
    unsigned me;
};

static void *pass_on(void *arg)
{
    struct place *p = arg;
    struct ring *r = p->ring;
    for (unsigned n = p->me; n < LAPS; n += THREADS) {
        unsigned seen;
        while ((seen = atomic_load(&r->number)) != n)
            syscall(SYS_futex, &r->number, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
        r->plain++;
        atomic_store(&r->number, n + 1);
        syscall(SYS_futex, &r->number, FUTEX_WAKE_PRIVATE, THREADS, NULL, NULL, 0);
    }
    return NULL;
}

void waits_futex(struct worker *w)
{
    struct ring r = {.w = w};
    struct place places[THREADS];
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        places[i] = (struct place){&r, i};
        threads[i] = mixed_start(w, pass_on, &places[i]);
    }
    for (unsigned i = 0; i < THREADS; i++)
        mixed_join(w, threads[i]);
    MUST(w, r.plain == LAPS);
}

/* Two producers, two consumers. */
struct queue {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned long items[ROOM], put, taken, sum;
};

static void *produce(void *arg)
{
    struct queue *q = arg;
    for (unsigned long i = 1; i <= ITEMS; i++) {
        pthread_mutex_lock(&q->lock);
        while (q->put - q->taken == ROOM)
            pthread_cond_wait(&q->changed, &q->lock);
        q->items[q->put++ % ROOM] = i;
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->lock);
    }
    return NULL;
}

static void *consume(void *arg)
{
    struct queue *q = arg;
    for (unsigned long i = 0; i < ITEMS; i++) {
        pthread_mutex_lock(&q->lock);
        while (q->put == q->taken)
            pthread_cond_wait(&q->changed, &q->lock);
        q->sum += q->items[q->taken++ % ROOM];
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->lock);
    }
    return NULL;
}

void waits_queue(struct worker *w)
{
    struct queue q = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        threads[i] = mixed_start(w, i % 2 ? consume : produce, &q);
    for (unsigned i = 0; i < THREADS; i++)
        mixed_join(w, threads[i]);
    MUST(w, q.put == 2 * ITEMS && q.taken == 2 * ITEMS && q.sum == ITEMS * (ITEMS + 1UL));
}

struct reader {
    struct worker *w;
    int fd;
};

static void *read_all(void *arg)
{
    struct reader *r = arg;
    unsigned char block[5000];
    uintptr_t total = 0;
    ssize_t n;
    while ((n = read(r->fd, block, sizeof block)) > 0)
        for (ssize_t i = 0; i < n; i++, total++)
            if (block[i] != total % 251) {
                mixed_bad(r->w, "byte of a pipe");
                return NULL;
            }
    MUST(r->w, n == 0);
    return (void *)total;
}

void waits_pipe(struct worker *w)
{
    int fds[2];
    unsigned char block[8000];
    MUST(w, pipe(fds) == 0);
    struct reader r = {w, fds[0]};
    pthread_t thread = mixed_start(w, read_all, &r);
    size_t sent = 0;
    while (sent < BYTES) {
        size_t len = 1 + mixed_random(w, sizeof block);
        for (size_t i = 0; i < len; i++)
            block[i] = (unsigned char)((sent + i) % 251);
        ssize_t n = write(fds[1], block, len);
        MUST(w, n > 0 && (size_t)n <= len);
        sent += n > 0 ? (size_t)n : BYTES;
    }
    MUST(w, close(fds[1]) == 0);
    MUST(w, mixed_join(w, thread) == (void *)sent);
    MUST(w, close(fds[0]) == 0);
}

static void *send_events(void *arg)
{
    struct reader *r = arg;
    for (uint64_t i = 1; i <= EVENTS; i++)
        MUST(r->w, write(r->fd, &i, sizeof i) == sizeof i);
    return NULL;
}

static uint64_t drain(int fd)
{
    uint64_t n = 0;
    return read(fd, &n, sizeof n) == sizeof n ? n : 0;
}

void waits_events(struct worker *w)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC), event = eventfd(0, EFD_NONBLOCK);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
    struct epoll_event ev = {.events = EPOLLIN | EPOLLET, .data.fd = event};
    struct itimerspec every = {{0, 1000000}, {0, 1000000}};
    uint64_t sum = 0, fired = 0;
    MUST(w, epoll >= 0 && event >= 0 && timer >= 0);
    MUST(w, epoll_ctl(epoll, EPOLL_CTL_ADD, event, &ev) == 0);
    ev = (struct epoll_event){.events = EPOLLIN, .data.fd = timer};
    MUST(w, epoll_ctl(epoll, EPOLL_CTL_ADD, timer, &ev) == 0);
    uint64_t begin = mixed_now_ns();
    MUST(w, timerfd_settime(timer, 0, &every, NULL) == 0);
    struct reader r = {w, event};
    pthread_t thread = mixed_start(w, send_events, &r);
    while (sum < EVENTS * (EVENTS + 1) / 2 || fired < TICKS) {
        int n = epoll_wait(epoll, &ev, 1, -1);
        MUST(w, n == 1 || (n == -1 && errno == EINTR));
        if (n == 1)
            *(ev.data.fd == event ? &sum : &fired) += drain(ev.data.fd);
    }
    MUST(w, sum == EVENTS * (EVENTS + 1) / 2);
    MUST(w, fired <= (mixed_now_ns() - begin) / 1000000 + 1);
    mixed_join(w, thread);
    MUST(w, close(timer) == 0 && close(event) == 0 && close(epoll) == 0);
}

void waits_sleep(struct worker *w)
{
    uint64_t until = mixed_now_ns() + mixed_random(w, 3000) * 1000UL;
    struct timespec at = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
    int err;
    while ((err = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL)) == EINTR)
        ;
    MUST(w, err == 0 && mixed_now_ns() >= until);
    until = mixed_now_ns() + 2000000;
    int n = poll(NULL, 0, 2);
    MUST(w, (n == 0 && mixed_now_ns() >= until) || (n == -1 && errno == EINTR));
}
