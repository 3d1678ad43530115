/* SPDX-License-Identifier: MIT */
/* Threads under test. What they do is told to nobody but the kernel, so that a test that needs
 * somebody asleep looks at /proc and never guesses by time. Include first: it asks for GNU's. */
#ifndef PTHREAD_PEERS_H
#define PTHREAD_PEERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "test/guest/show.h"

/* CODE: print the expression and the error that a pthread function returns. */
#define CODE(expr) show_code(#expr, (expr))

static inline int show_code(const char *text, int code)
{
    printf("%s = %s\n", text, code == 0 ? "0" : errno_name(code));
    return code;
}

struct peer {
    pthread_t thread;
    atomic_int tid; /* 0 until it runs */
    void *(*run)(void *);
    void *arg;
};

static inline void *peer_main(void *of)
{
    struct peer *p = of;
    atomic_store(&p->tid, (int)syscall(SYS_gettid));
    return p->run(p->arg);
}

static inline void nap_ms(long ms)
{
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    while (nanosleep(&t, &t) && errno == EINTR) {
    }
}

/* peer_start: run(arg) in a thread of its own, which runs already when this returns. */
static inline void peer_start_with(struct peer *p, const pthread_attr_t *attr, void *(*run)(void *),
                                   void *arg)
{
    p->run = run;
    p->arg = arg;
    atomic_store(&p->tid, 0);
    int err = pthread_create(&p->thread, attr, peer_main, p);
    if (err) {
        printf("pthread_create: %s\n", errno_name(err));
        exit(99);
    }
    while (atomic_load(&p->tid) == 0) {
        nap_ms(1);
    }
}

static inline void peer_start(struct peer *p, void *(*run)(void *), void *arg)
{
    peer_start_with(p, NULL, run, arg);
}

static inline void *peer_join(struct peer *p)
{
    void *result = NULL;
    int err = pthread_join(p->thread, &result);
    if (err) {
        printf("pthread_join: %s\n", errno_name(err));
    }
    return result;
}

/* peer_do: run(arg) in a thread of its own, to its end. */
static inline void *peer_do(void *(*run)(void *), void *arg)
{
    struct peer p;
    peer_start(&p, run, arg);
    return peer_join(&p);
}

/* peer_state: the letter of proc(5); 0 when the thread is gone. */
static inline char peer_state(int tid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
    FILE *f = fopen(path, "r");
    if (!f) {
        return 0;
    }
    char *got = fgets(line, sizeof line, f);
    fclose(f);
    char *end = got ? strrchr(line, ')') : NULL;
    return end ? end[2] : 0;
}

/* peer_await_asleep: return once the thread blocks. */
static inline void peer_await_asleep(struct peer *p)
{
    while (peer_state(atomic_load(&p->tid)) != 'S') {
        nap_ms(1);
    }
}

/* peer_gone: the thread has left the kernel's table; waits for that. */
static inline int peer_gone(struct peer *p)
{
    for (int i = 0; i < 5000; i++) {
        if (peer_state(atomic_load(&p->tid)) == 0) {
            return 1;
        }
        nap_ms(1);
    }
    return 0;
}

/* in_ms: that far from now on a clock. */
static inline struct timespec in_ms(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* is_past: a point on a clock lies behind us. */
static inline int is_past(clockid_t clock, struct timespec t)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec > t.tv_sec || (now.tv_sec == t.tv_sec && now.tv_nsec >= t.tv_nsec);
}

#endif
