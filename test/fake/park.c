/* SPDX-License-Identifier: MIT */
/* See park.h. Each thread has a mutex and a condition, which ThreadSanitizer understands. */
#define _GNU_SOURCE
#include "test/fake/park.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct place {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool woken;
} places[PARK_THREADS];

static void (*entry)(unsigned i);
static pthread_barrier_t start; /* short runs would be over one after the other */

__attribute__((constructor)) static void set_up(void)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    for (unsigned i = 0; i < PARK_THREADS; i++) {
        pthread_mutex_init(&places[i].lock, NULL);
        pthread_cond_init(&places[i].cond, &attr);
    }
}

static void *begin(void *number)
{
    pthread_barrier_wait(&start);
    entry((unsigned)(uintptr_t)number);
    return NULL;
}

void park_run(unsigned n, void (*function)(unsigned i))
{
    pthread_t threads[PARK_THREADS];
    entry = function;
    pthread_barrier_init(&start, NULL, n);
    for (unsigned i = 0; i < n; i++) {
        if (pthread_create(&threads[i], NULL, begin, (void *)(uintptr_t)i) != 0) {
            abort();
        }
    }
    for (unsigned i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&start);
}

bool park_wait(unsigned i, uint64_t deadline_ns)
{
    struct place *p = &places[i];
    struct timespec until = {(time_t)(deadline_ns / 1000000000), (long)(deadline_ns % 1000000000)};
    int err = 0;
    pthread_mutex_lock(&p->lock);
    while (!p->woken && err == 0) {
        err = deadline_ns == UINT64_MAX ? pthread_cond_wait(&p->cond, &p->lock)
                                        : pthread_cond_timedwait(&p->cond, &p->lock, &until);
    }
    bool woken = p->woken;
    p->woken = false;
    pthread_mutex_unlock(&p->lock);
    return woken;
}

void park_wake(unsigned i)
{
    pthread_mutex_lock(&places[i].lock);
    places[i].woken = true;
    pthread_cond_signal(&places[i].cond);
    pthread_mutex_unlock(&places[i].lock);
}

uint64_t park_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int park_fork(void (*function)(void), unsigned seconds)
{
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(seconds);
        function();
        exit(0);
    }
    int status;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        abort();
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
