/* SPDX-License-Identifier: MIT */
/* Signals between threads: real-time ones in order, on a stack of their own; and computing that is
 * interrupted all the time. Source: signal(7), sigaltstack(2), rt_tgsigqueueinfo(2),
 * setitimer(2). */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "test/stress/mixed.h"

#define SIGNALS 100
#define STACK_LEN 65536
#define TICK_US 3000

static atomic_ulong ticks;

/* Of the thread that receives. */
struct receiver {
    struct worker *w;
    char *stack;
    atomic_int tid;
    int next;
};

static _Thread_local struct receiver *receiver;
static _Thread_local volatile double noise;

static void on_queued(int sig, siginfo_t *info, void *context)
{
    struct receiver *r = receiver;
    char here;
    (void)context;
    MUST(r->w, info->si_signo == sig && info->si_code == SI_QUEUE && info->si_pid == getpid());
    MUST(r->w, info->si_value.sival_int == r->next);
    MUST(r->w, &here >= r->stack && &here < r->stack + STACK_LEN);
    r->next++;
}

static void on_disturbance(int sig)
{
    int before = errno;
    noise = noise * 1.25 + sig; /* vector registers of whom it interrupts must survive it */
    syscall(SYS_gettid);
    errno = before;
}

static void on_tick(int sig)
{
    atomic_fetch_add(&ticks, 1);
    on_disturbance(sig);
}

static void *receive(void *arg)
{
    struct receiver *r = arg;
    stack_t alternative = {.ss_sp = r->stack, .ss_size = STACK_LEN}, off = {.ss_flags = SS_DISABLE};
    sigset_t queued, before;
    receiver = r;
    MUST(r->w, sigaltstack(&alternative, NULL) == 0);
    sigemptyset(&queued);
    sigaddset(&queued, SIGRTMIN + 1);
    pthread_sigmask(SIG_BLOCK, &queued, &before);
    atomic_store(&r->tid, (int)syscall(SYS_gettid));
    while (r->next < SIGNALS)
        sigsuspend(&before);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    MUST(r->w, sigaltstack(&off, NULL) == 0);
    return NULL;
}

void signals_queued(struct worker *w)
{
    struct receiver r = {.w = w, .stack = malloc(STACK_LEN)};
    pthread_t thread = mixed_start(w, receive, &r);
    int tid;
    while ((tid = atomic_load(&r.tid)) == 0)
        sched_yield();
    for (int n = 0; n < SIGNALS; n++) {
        siginfo_t info;
        memset(&info, 0, sizeof info);
        info.si_code = SI_QUEUE;
        info.si_pid = getpid();
        info.si_value.sival_int = n;
        while (syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGRTMIN + 1, &info) != 0) {
            MUST(w, errno == EAGAIN); /* the queue is full */
            sched_yield();
        }
    }
    mixed_join(w, thread);
    MUST(w, r.next == SIGNALS);
    free(r.stack);
}

struct sum {
    struct worker *w;
    double result;
    atomic_int over;
};

/* In double precision, so in vector registers. */
static double add_up(void)
{
    double sum = 0, step = 1;
    for (int i = 1; i < 20000; i++) {
        sum += step / i;
        step = -step * 0.99999;
    }
    return sum;
}

static void *compute(void *arg)
{
    struct sum *s = arg;
    for (int i = 0; i < 20; i++)
        MUST(s->w, add_up() == s->result);
    atomic_store(&s->over, 1);
    return NULL;
}

void signals_compute(struct worker *w)
{
    struct sum s = {.w = w};
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s.result = add_up();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_t thread = mixed_start(w, compute, &s);
    while (!atomic_load(&s.over)) {
        MUST(w, pthread_kill(thread, SIGUSR1) == 0);
        sched_yield();
    }
    mixed_join(w, thread);
}

static void handle(int sig, void (*handler)(int), void (*with_info)(int, siginfo_t *, void *))
{
    struct sigaction act = {.sa_flags = SA_RESTART | (with_info != NULL ? SA_SIGINFO : 0)};
    if (with_info != NULL) {
        act.sa_sigaction = with_info;
        act.sa_flags |= SA_ONSTACK;
    } else {
        act.sa_handler = handler;
    }
    if (sigaction(sig, &act, NULL) != 0)
        abort();
}

void signals_begin(void)
{
    struct itimerval every = {{0, TICK_US}, {0, TICK_US}};
    handle(SIGRTMIN + 1, NULL, on_queued);
    handle(SIGUSR1, on_disturbance, NULL);
    handle(SIGALRM, on_tick, NULL);
    if (setitimer(ITIMER_REAL, &every, NULL) != 0)
        abort();
}

int signals_end(void)
{
    struct itimerval off = {{0, 0}, {0, 0}};
    return setitimer(ITIMER_REAL, &off, NULL) == 0 && atomic_load(&ticks) != 0;
}
