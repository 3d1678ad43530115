/* SPDX-License-Identifier: MIT */
/* Signals between threads: who gets them, in which order, on which stack, and what they interrupt.
 * Source: signal(7), pthread_kill(3), pthread_sigmask(3), sigwaitinfo(2), sigqueue(3),
 * sigsuspend(2), sigaltstack(2), sigaction(2). */
// cflags: -pthread
// cpus: 1 2 4:kvm
// timeout: 10
#include "peers.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>

#define RT(n) (SIGRTMIN + 2 + (n))

static atomic_int handled_by, handled, stage;
static int values[64], nvalues;
static char trail[128];
static int fds[2];

static sigset_t set_of(int a, int b)
{
    sigset_t s;
    sigemptyset(&s);
    sigaddset(&s, a);
    sigaddset(&s, b);
    return s;
}

static void set_handler(int sig, int flags, void (*handler)(int, siginfo_t *, void *))
{
    struct sigaction sa = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};
    sigaction(sig, &sa, NULL);
}

static void note_taker(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    atomic_store(&handled_by, (int)syscall(SYS_gettid));
    atomic_fetch_add(&handled, 1);
}

static const char *taker(struct peer *p)
{
    for (int i = 0; i < 2000 && atomic_load(&handled_by) == 0; i++) {
        nap_ms(1);
    }
    int tid = atomic_exchange(&handled_by, 0);
    return tid == getpid() ? "main" : p && tid == atomic_load(&p->tid) ? "peer" : "nobody";
}

static void *sleep_till_stage(void *arg)
{
    if (arg) {
        pthread_sigmask(SIG_SETMASK, arg, NULL);
    }
    while (atomic_load(&stage) == 0) {
        nap_ms(2);
    }
    return NULL;
}

static void test_directed(void)
{
    struct peer p;
    sigset_t usr = set_of(SIGUSR1, SIGUSR2), none;
    sigemptyset(&none);
    set_handler(SIGUSR1, 0, note_taker);
    atomic_store(&stage, 0);
    peer_start(&p, sleep_till_stage, NULL);
    CODE(pthread_kill(p.thread, SIGUSR1));
    printf("to the peer: %s\n", taker(&p));
    CODE(pthread_kill(pthread_self(), SIGUSR1));
    printf("to main: %s\n", taker(&p));
    SHOW(kill(getpid(), SIGUSR1));
    printf("to the process: %s\n", taker(&p));
    CODE(pthread_sigmask(SIG_BLOCK, &usr, NULL));
    SHOW(kill(getpid(), SIGUSR1));
    printf("to the process while main blocks it: %s\n", taker(&p));
    CODE(pthread_kill(p.thread, 0));
    CODE(pthread_kill(p.thread, 65));
    CODE(pthread_sigmask(77, &usr, NULL));
    atomic_store(&stage, 1);
    peer_join(&p);

    atomic_store(&stage, 0); /* blocked by all, then taken by whoever lets it in */
    peer_start(&p, sleep_till_stage, NULL); /* inherits the mask */
    SHOW(kill(getpid(), SIGUSR1));
    nap_ms(10);
    SHOW(atomic_load(&handled_by));
    CODE(pthread_sigmask(SIG_SETMASK, &none, NULL));
    printf("after main unblocks: %s\n", taker(&p));
    CODE(pthread_kill(p.thread, SIGUSR1));
    nap_ms(10);
    SHOW(atomic_load(&handled_by)); /* pending for the peer alone, */
    atomic_store(&stage, 1);
    peer_join(&p); /* and lost with it */
    SHOW(atomic_load(&handled_by));
    SHOW(syscall(SYS_tgkill, getpid(), atomic_load(&p.tid), SIGUSR1));
}

struct waiting {
    sigset_t set;
    siginfo_t info;
    struct peer peer;
};

static void *wait_signal(void *arg)
{
    struct waiting *w = arg;
    return (void *)(intptr_t)sigwaitinfo(&w->set, &w->info);
}

static void start_waiting(struct waiting *w)
{
    memset(&w->info, 0, sizeof w->info);
    peer_start(&w->peer, wait_signal, w);
    peer_await_asleep(&w->peer);
}

static void show_waited(struct waiting *w)
{
    int sig = (int)(intptr_t)peer_join(&w->peer), queued = w->info.si_code == SI_QUEUE;
    printf("waited for: %d code %d from %s value %d\n", sig, w->info.si_code,
           w->info.si_pid == getpid() ? "self" : "another", queued ? w->info.si_int : 0);
}

/* Signals that nobody handles, even ignored ones, reach a thread that waits for them. */
static void test_wait(int sig)
{
    sigset_t s = set_of(sig, SIGUSR2), none;
    struct waiting w = {.set = s};
    union sigval v = {.sival_int = 77};
    struct timespec zero = {0, 0}, little = {0, 20000000}, wrong = {0, -1};
    int got = 0;
    sigemptyset(&none);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    start_waiting(&w);
    SHOW(kill(getpid(), sig));
    show_waited(&w);
    start_waiting(&w);
    CODE(pthread_kill(w.peer.thread, sig));
    show_waited(&w);
    start_waiting(&w);
    SHOW(sigqueue(getpid(), SIGUSR2, v));
    show_waited(&w);
    SHOW(sigtimedwait(&s, NULL, &zero));
    SHOW(sigtimedwait(&s, NULL, &little));
    SHOW(sigtimedwait(&s, NULL, &wrong));
    SHOW(raise(sig));
    CODE(sigwait(&s, &got));
    SHOW(got);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void *wait_usr2(void *arg)
{
    sigset_t s = set_of(SIGUSR2, SIGUSR2);
    (void)arg;
    return (void *)(intptr_t)(sigwaitinfo(&s, NULL) < 0 ? errno : 0);
}

static void test_wait_interrupted(void)
{
    struct peer p;
    sigset_t s = set_of(SIGUSR2, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    set_handler(SIGUSR1, SA_RESTART, note_taker); /* SA_RESTART does not matter here */
    peer_start(&p, wait_usr2, NULL);
    peer_await_asleep(&p);
    CODE(pthread_kill(p.thread, SIGUSR1));
    printf("handler in: %s\n", taker(&p));
#ifndef __GLIBC__
    CODE(pthread_kill(p.thread, SIGUSR2)); /* musl begins anew when it is interrupted */
#endif
    CODE((int)(intptr_t)peer_join(&p));
    pthread_sigmask(SIG_UNBLOCK, &s, NULL);
}

static void note_value(int sig, siginfo_t *info, void *context)
{
    (void)context;
    values[nvalues++ % 64] = (sig - RT(0)) * 1000 + info->si_int;
}

static void queue(int sig, int value)
{
    union sigval v = {.sival_int = value};
    if (sigqueue(getpid(), sig, v)) {
        printf("sigqueue: %s\n", errno_name(errno));
    }
}

/* Lowest number first, in the order of sending; those to the thread before those to the process. */
static void test_order(void)
{
    sigset_t s, none;
    siginfo_t info;
    struct timespec zero = {0, 0};
    union sigval v = {.sival_int = 50};
    sigfillset(&s);
    sigemptyset(&none);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    for (int i = 0; i < 4; i++) {
        set_handler(RT(i), 0, note_value);
    }
    for (int round = 0; round < 2; round++) {
        queue(RT(2), 1), queue(RT(0), 2), queue(RT(2), 3), queue(RT(1), 4), queue(RT(0), 5);
        raise(SIGUSR2);
        info = (siginfo_t){.si_code = SI_QUEUE, .si_value = v};
        SHOW(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), RT(1), &info));
        CODE(pthread_kill(pthread_self(), RT(3)));
        while (round == 0 && sigtimedwait(&s, &info, &zero) > 0) {
            int rt = info.si_signo >= SIGRTMIN;
            printf("%s %d code %d value %d\n", rt ? "real-time" : "standard",
                   rt ? info.si_signo - RT(0) : info.si_signo, info.si_code,
                   info.si_code == SI_QUEUE ? info.si_int : 0);
        }
    }
    set_handler(SIGUSR2, 0, note_taker);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    printf("handlers:");
    for (int i = 0; i < nvalues; i++) {
        printf(" %d", values[i]);
    }
    printf("\n");
    nvalues = 0;
}

static void test_limit(void)
{
    struct rlimit limit, small;
    sigset_t s = set_of(RT(0), RT(1)), none;
    struct timespec zero = {0, 0};
    union sigval v = {.sival_int = 1};
    int sent = 0;
    sigemptyset(&none);
    getrlimit(RLIMIT_SIGPENDING, &limit);
    small = limit;
    small.rlim_cur = 0; /* whatever the user's other programs have queued */
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    SHOW(setrlimit(RLIMIT_SIGPENDING, &small));
    SHOW(sigqueue(getpid(), RT(0), v));
    SHOW(setrlimit(RLIMIT_SIGPENDING, &limit));
    while (sent < 100 && sigqueue(getpid(), RT(1), v) == 0) {
        sent++;
    }
    SHOW(sent);
    while (sigtimedwait(&s, NULL, &zero) > 0) {
        sent--;
    }
    SHOW(sent);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static void leave_trail(int sig, siginfo_t *info, void *context)
{
    (void)info, (void)context;
    strcat(trail, sig == SIGUSR1 ? "(1" : "(2");
    if (sig == SIGUSR1 && strlen(trail) < 20) {
        raise(SIGUSR2); /* its handler runs inside this one, unless masked */
        if (strlen(trail) < 12) {
            raise(SIGUSR1); /* now, or after this one */
        }
    }
    strcat(trail, ")");
}

static void test_nesting(void)
{
    struct sigaction sa = {.sa_sigaction = leave_trail};
    int flags[] = {0, SA_NODEFER};
    set_handler(SIGUSR2, 0, leave_trail);
    for (int masked = 0; masked < 2; masked++) {
        for (int i = 0; i < 2; i++) {
            sa.sa_flags = SA_SIGINFO | flags[i];
            sigemptyset(&sa.sa_mask);
            if (masked) {
                sigaddset(&sa.sa_mask, SIGUSR2);
            }
            sigaction(SIGUSR1, &sa, NULL);
            trail[0] = 0;
            raise(SIGUSR1);
            printf("masked %d flags %d: %s\n", masked, i, trail);
        }
    }
    sa.sa_flags = SA_SIGINFO | SA_RESETHAND;
    sa.sa_sigaction = note_taker;
    sigaction(SIGUSR1, &sa, NULL);
    raise(SIGUSR1);
    sigaction(SIGUSR1, NULL, &sa);
    SHOW(sa.sa_handler == SIG_DFL);
    atomic_store(&handled_by, 0);
}

static void *read_byte(void *arg)
{
    char c = 0;
    (void)arg;
    return (void *)(intptr_t)(read(fds[0], &c, 1) == 1 ? c : -errno);
}

/* A handler interrupts the call of its own thread, and of no other. */
static void test_restart(int flags)
{
    struct peer p[2];
    set_handler(SIGUSR1, flags, note_taker);
    for (int i = 0; i < 2; i++) {
        peer_start(&p[i], read_byte, NULL);
        peer_await_asleep(&p[i]);
    }
    CODE(pthread_kill(p[0].thread, SIGUSR1));
    printf("handler in: %s\n", taker(&p[0]));
    if (!flags) {
        intptr_t r = (intptr_t)peer_join(&p[0]);
        printf("interrupted: %s\n", errno_name((int)-r));
    }
    peer_await_asleep(&p[1]);
    (void)!write(fds[1], "ab", flags ? 2 : 1);
    for (int i = flags ? 0 : 1; i < 2; i++) {
        SHOW((intptr_t)peer_join(&p[i]) > 0);
    }
}

static void *suspend(void *arg)
{
    sigset_t none, now;
    sigemptyset(&none);
    int r = sigsuspend(&none), err = errno;
    (void)arg;
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    return (void *)(intptr_t)(r == -1 ? err + 1000 * sigismember(&now, SIGUSR1) : 0);
}

static void test_suspend(void)
{
    struct peer p;
    sigset_t s = set_of(SIGUSR1, SIGUSR2), none;
    sigemptyset(&none);
    pthread_sigmask(SIG_BLOCK, &s, NULL);
    peer_start(&p, suspend, NULL);
    peer_await_asleep(&p);
    SHOW(kill(getpid(), SIGUSR1)); /* only its suspended mask lets it in */
    SHOW((intptr_t)peer_join(&p) == 1000 + EINTR);
    printf("handler in: %s\n", taker(&p));
    pthread_sigmask(SIG_SETMASK, &none, NULL);
}

static _Thread_local stack_t own_stack;
static void check_stack(int sig, siginfo_t *info, void *context)
{
    char here;
    (void)sig, (void)info, (void)context;
    atomic_fetch_add(&handled, &here >= (char *)own_stack.ss_sp &&
                                   &here < (char *)own_stack.ss_sp + own_stack.ss_size);
}

static void *with_stack(void *arg)
{
    stack_t before;
    sigaltstack(NULL, &before);
    own_stack = (stack_t){.ss_sp = malloc(32768), .ss_size = 32768};
    sigaltstack(&own_stack, NULL);
    for (int i = 0; i < 200; i++) {
        raise(SIGUSR1);
        if (i % 16 == 0) {
            sched_yield();
        }
    }
    free(own_stack.ss_sp);
    (void)arg;
    return (void *)(intptr_t)(before.ss_flags == SS_DISABLE);
}

/* Each thread has its alternate stack, and begins without. */
static void test_stacks(void)
{
    struct peer crew[4];
    atomic_store(&handled, 0);
    set_handler(SIGUSR1, SA_ONSTACK, check_stack);
    for (int i = 0; i < 4; i++) {
        peer_start(&crew[i], with_stack, NULL);
    }
    for (int i = 0; i < 4; i++) {
        SHOW((intptr_t)peer_join(&crew[i]));
    }
    SHOW(atomic_load(&handled));
}

/* Threads that signal each other while they are in handlers. */
static struct peer storm[4];
static void count_signal(int sig, siginfo_t *info, void *context)
{
    (void)sig, (void)info, (void)context;
    atomic_fetch_add(&handled, 1);
}

static void *send_storm(void *arg)
{
    while (atomic_load(&stage) == 0) {
        nap_ms(1);
    }
    for (int i = 0; i < 500; i++) { /* real-time: none may be lost */
        while (pthread_kill(storm[(i + (intptr_t)arg) % 4].thread, RT(i % 4)) == EAGAIN) {
            sched_yield();
        }
    }
    while (atomic_load(&handled) < 2000) {
        nap_ms(1);
    }
    return NULL;
}

static void test_storm(void)
{
    atomic_store(&handled, 0);
    atomic_store(&stage, 0);
    for (int i = 0; i < 4; i++) {
        set_handler(RT(i), 0, count_signal);
    }
    for (intptr_t i = 0; i < 4; i++) {
        peer_start(&storm[i], send_storm, (void *)i);
    }
    atomic_store(&stage, 1);
    for (int i = 0; i < 4; i++) {
        peer_join(&storm[i]);
    }
    SHOW(atomic_load(&handled));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (pipe(fds)) {
        return 1;
    }
    test_directed();
    test_wait(SIGURG);
    test_wait(SIGHUP);
    test_wait_interrupted();
    test_order();
    test_limit();
    test_nesting();
    test_restart(0);
    test_restart(SA_RESTART);
    test_suspend();
    test_stacks();
    test_storm();
    return 0;
}
