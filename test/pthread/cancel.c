/* SPDX-License-Identifier: MIT */
/* Cancellation: at every kind of cancellation point, deferred, disabled and asynchronous; what a
 * cancelled call leaves behind. musl decides by the program counter of the signal frame, which must
 * be the call's own. Source: pthreads(7) "Cancellation points", pthread_cancel(3),
 * pthread_cleanup_push(3), pthread_setcancelstate(3). */
// cflags: -pthread
// cpus: 1 2 4:kvm
// timeout: 30
#include "peers.h"

#include <fcntl.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <sys/uio.h>

static int empty[2], full[2]; /* a pipe without data, and one without room */
static sem_t sem;
static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static struct peer sleeper;
static char order[32];

static void note(void *what)
{
    strcat(order, what);
}

static void note_and_unlock(void *what)
{
    strcat(order, what);
    strcat(order, pthread_mutex_unlock(&m) ? "?" : "");
}

/* Each body blocks for ever, unless it is cancelled. */
static void block_read(void)
{
    char byte;
    (void)!read(empty[0], &byte, 1);
}

static void block_readv(void)
{
    char byte;
    struct iovec v = {&byte, 1};
    (void)!readv(empty[0], &v, 1);
}

static void block_write(void)
{
    char bytes[4096] = "";
    for (;;) {
        (void)!write(full[1], bytes, sizeof bytes);
    }
}

static void block_nanosleep(void)
{
    struct timespec t = {1000, 0};
    nanosleep(&t, NULL);
}

static void block_clock_nanosleep(void)
{
    struct timespec t = in_ms(CLOCK_MONOTONIC, 1000000);
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void block_sleep(void)
{
    sleep(1000);
}

static void block_usleep(void)
{
    for (;;) {
        usleep(900000);
    }
}

static void block_pause(void)
{
    pause();
}

static void block_poll(void)
{
    struct pollfd p = {.fd = empty[0], .events = POLLIN};
    poll(&p, 1, -1);
}

static void block_ppoll(void)
{
    struct pollfd p = {.fd = empty[0], .events = POLLIN};
    struct timespec t = {1000, 0};
    ppoll(&p, 1, &t, NULL);
}

static void block_select(void)
{
    fd_set set;
    FD_ZERO(&set);
    FD_SET(empty[0], &set);
    select(empty[0] + 1, &set, NULL, NULL, NULL);
}

static void block_pselect(void)
{
    fd_set set;
    sigset_t mask;
    FD_ZERO(&set);
    FD_SET(empty[0], &set);
    sigemptyset(&mask);
    pselect(empty[0] + 1, &set, NULL, NULL, NULL, &mask);
}

static void block_sem_wait(void)
{
    sem_wait(&sem);
}

static void block_sem_timedwait(void)
{
    struct timespec t = in_ms(CLOCK_REALTIME, 1000000);
    sem_timedwait(&sem, &t);
}

static void block_cond_wait(void)
{
    pthread_mutex_lock(&m);
    pthread_cleanup_push(note_and_unlock, "u"); /* it comes back with the mutex */
    pthread_cond_wait(&c, &m);
    pthread_cleanup_pop(1);
}

static void block_cond_timedwait(void)
{
    struct timespec t = in_ms(CLOCK_REALTIME, 1000000);
    pthread_mutex_lock(&m);
    pthread_cleanup_push(note_and_unlock, "u");
    pthread_cond_timedwait(&c, &m, &t);
    pthread_cleanup_pop(1);
}

static void block_join(void)
{
    pthread_join(sleeper.thread, NULL);
}

static void block_sigsuspend(void)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigsuspend(&mask);
}

static void block_sigwait(void)
{
    sigset_t set;
    int sig;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigwait(&set, &sig);
}

static void block_sigtimedwait(void)
{
    sigset_t set;
    struct timespec t = {1000, 0};
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigtimedwait(&set, NULL, &t);
}

static void block_open(void)
{
    (void)!open("fifo", O_RDONLY);
}

static void block_lock(void)
{
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET, .l_len = 1};
    fcntl(empty[0], F_SETLKW, &lock); /* fails at once: then look for the request */
    pause();
}

static const struct {
    const char *name;
    void (*run)(void);
} points[] = {
    {"read", block_read},
    {"readv", block_readv},
    {"write", block_write},
    {"nanosleep", block_nanosleep},
    {"clock_nanosleep", block_clock_nanosleep},
    {"sleep", block_sleep},
    {"usleep", block_usleep},
    {"pause", block_pause},
    {"poll", block_poll},
    {"ppoll", block_ppoll},
    {"select", block_select},
    {"pselect", block_pselect},
    {"sem_wait", block_sem_wait},
    {"sem_timedwait", block_sem_timedwait},
    {"pthread_cond_wait", block_cond_wait},
    {"pthread_cond_timedwait", block_cond_timedwait},
    {"pthread_join", block_join},
    {"sigsuspend", block_sigsuspend},
    {"sigwait", block_sigwait},
    {"sigtimedwait", block_sigtimedwait},
    {"open", block_open},
    {"fcntl", block_lock},
};
#define NPOINTS (sizeof points / sizeof *points)

static void *at_point(void *arg)
{
    pthread_cleanup_push(note, "1");
    pthread_cleanup_push(note, "2");
    points[(intptr_t)arg].run();
    note("!");
    pthread_cleanup_pop(0);
    pthread_cleanup_pop(0);
    return "not cancelled";
}

/* The request is there before the call. */
static void *at_point_early(void *arg)
{
    int old;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
    pthread_cancel(pthread_self());
    nap_ms(0);
    note("d");
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
    return at_point(arg);
}

static void show_end(const char *how, const char *name, struct peer *p)
{
    void *result = peer_join(p);
    printf("%s %s: %s, %s\n", how, name, result == PTHREAD_CANCELED ? "cancelled" : (char *)result,
           order);
    order[0] = 0;
}

static void test_points(void)
{
    for (size_t i = 0; i < NPOINTS; i++) {
        struct peer p;
        peer_start(&p, at_point, (void *)i);
        peer_await_asleep(&p);
        nap_ms(1);
        CODE(pthread_cancel(p.thread));
        show_end("blocked", points[i].name, &p);
        peer_start(&p, at_point_early, (void *)i);
        show_end("early", points[i].name, &p);
    }
    CODE(pthread_mutex_trylock(&m));
    CODE(pthread_mutex_unlock(&m));
}

static atomic_int spins, go;

static void *spin_asynchronously(void *arg)
{
    int old = -1;
    (void)arg;
    CODE(pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &old));
    SHOW(old == PTHREAD_CANCEL_DEFERRED);
    pthread_cleanup_push(note, "a");
    atomic_store(&go, 1);
    for (;;) {
        atomic_fetch_add(&spins, 1);
    }
    pthread_cleanup_pop(0);
    return NULL;
}

static void *test_and_go_on(void *arg)
{
    int old = -1;
    (void)arg;
    CODE(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old));
    SHOW(old == PTHREAD_CANCEL_ENABLE);
    atomic_store(&go, 1);
    while (atomic_load(&go) != 2) { /* cancelled while disabled: every point is passed */
        nap_ms(1);
    }
    note("passed");
    CODE(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old));
    pthread_testcancel();
    return "not cancelled";
}

/* Deferred: a loop without a cancellation point never ends by itself. */
static void *spin_deferred(void *arg)
{
    (void)arg;
    atomic_store(&go, 1);
    while (atomic_load(&go) != 2) {
        atomic_fetch_add(&spins, 1);
    }
    note("spun");
    pthread_testcancel();
    return "not cancelled";
}

static void await_go(void)
{
    while (atomic_load(&go) != 1) {
        nap_ms(1);
    }
}

static void test_modes(void)
{
    struct peer p;
    int type;
    atomic_store(&go, 0);
    peer_start(&p, spin_asynchronously, NULL);
    await_go();
    CODE(pthread_cancel(p.thread));
    show_end("asynchronous", "spin", &p);
    atomic_store(&go, 0);
    peer_start(&p, test_and_go_on, NULL);
    await_go();
    CODE(pthread_cancel(p.thread));
    atomic_store(&go, 2);
    show_end("disabled", "loop", &p);
    atomic_store(&go, 0);
    peer_start(&p, spin_deferred, NULL);
    await_go();
    CODE(pthread_cancel(p.thread));
    nap_ms(5);
    atomic_store(&go, 2);
    show_end("deferred", "spin", &p);
    CODE(pthread_setcancelstate(77, &type));
    CODE(pthread_setcanceltype(77, &type));
}

/* What the cancelled call had in hand is not lost: data are read, or they are still there. glibc
 * before 2.41 cannot promise that much: it may cancel a call that has returned already. */
static void *read_byte(void *arg)
{
    return (void *)(intptr_t)(read(empty[0], arg, 1) == 1 ? 1 : 0);
}

static void test_no_loss(void)
{
    int lost = 0, wrong = 0;
    for (int i = 0; i < 300; i++) {
        struct peer p;
        char got = 0, byte = 'x';
        peer_start(&p, read_byte, &got);
        if (i % 3 == 0) {
            peer_await_asleep(&p);
        }
        (void)!write(empty[1], &byte, 1);
        pthread_cancel(p.thread);
        if (peer_join(&p) == PTHREAD_CANCELED) {
            struct pollfd f = {.fd = empty[0], .events = POLLIN};
            if (poll(&f, 1, 0) == 1) {
                (void)!read(empty[0], &byte, 1);
            } else {
                lost++;
            }
        } else {
            wrong += got != 'x';
        }
    }
    SHOW(wrong);
#ifndef __GLIBC__
    SHOW(lost);
#else
    (void)lost;
#endif
}

/* A thread that is told to end from its own destructor, handler or cleanup. */
static void *exit_in_cleanup(void *arg)
{
    (void)arg;
    pthread_cleanup_push(note, "x");
    pthread_exit("exited");
    pthread_cleanup_pop(0);
    return NULL;
}

static void *wait_for_ever(void *arg)
{
    for (;;) {
        pause();
    }
    return arg;
}

int main(void)
{
    sigset_t usr1;
    char byte[4096] = "";
    struct peer p;
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, NULL);
    if (pipe(empty) || pipe(full) || mkfifo("fifo", 0600)) {
        return 1;
    }
    fcntl(full[1], F_SETFL, O_NONBLOCK);
    while (write(full[1], byte, sizeof byte) > 0) {
    }
    fcntl(full[1], F_SETFL, 0);
    peer_start(&sleeper, wait_for_ever, NULL);
    test_points();
    test_modes();
    test_no_loss();
    peer_start(&p, exit_in_cleanup, NULL);
    show_end("exit", "cleanup", &p);
    CODE(pthread_cancel(sleeper.thread));
    TRUE(peer_join(&sleeper) == PTHREAD_CANCELED);
    return 0;
}
