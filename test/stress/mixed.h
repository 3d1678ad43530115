/* SPDX-License-Identifier: MIT */
/* Parts of the mixed stress program: kinds of workers, each of which does rounds of something and
 * checks what comes out until it is told to stop. */
#ifndef STRESS_MIXED_H
#define STRESS_MIXED_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

struct worker {
    const char *name;
    void (*round)(struct worker *w); /* leaves nothing behind */
    uint64_t seed;
    atomic_ulong rounds;
    pthread_t thread;
    char folder[64]; /* of its own, in /tmp */
};

/* mixed_random: 0..n-1, of w's own sequence. */
unsigned mixed_random(struct worker *w, unsigned n);

/* mixed_bad: something came out wrong: counted, and told on standard error. */
void mixed_bad(const struct worker *w, const char *what);

/* MUST: what must hold, whatever the others do. */
#define MUST(w, cond)            \
    do {                         \
        if (!(cond))             \
            mixed_bad(w, #cond); \
    } while (0)

/* mixed_start, mixed_join: threads of a round. */
pthread_t mixed_start(struct worker *w, void *(*function)(void *), void *arg);
void *mixed_join(struct worker *w, pthread_t thread);
uint64_t mixed_now_ns(void);

void memory_map(struct worker *w);
void memory_heap(struct worker *w);
void memory_shared(struct worker *w);
void memory_code(struct worker *w);
void files_content(struct worker *w);
void files_mapped(struct worker *w);
void waits_create(struct worker *w);
void waits_futex(struct worker *w);
void waits_queue(struct worker *w);
void waits_pipe(struct worker *w);
void waits_events(struct worker *w);
void waits_sleep(struct worker *w);
void signals_queued(struct worker *w);
void signals_compute(struct worker *w);

/* signals_begin, signals_end: handlers and the timer that interrupts everybody. signals_end returns
 * whether it did. */
void signals_begin(void);
int signals_end(void);

#endif
