/* SPDX-License-Identifier: MIT */
/* Semaphores, named and not. Source: sem_overview(7), sem_wait(3), sem_open(3). */
// cflags: -pthread
// cpus: 1 2 4:kvm
// timeout: 30
#include "peers.h"

#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define CREW 4
#define ROUNDS 1000
#ifdef __GLIBC__
#define IN_SHM "/dev/shm/sem.%s"
#else
#define IN_SHM "/dev/shm/%s"
#endif

static sem_t plain, *used;
static atomic_int inside, most, got;

static int value_of(sem_t *s)
{
    int v = -1;
    sem_getvalue(s, &v);
    return v;
}

static void *take_one(void *arg)
{
    (void)arg;
    int r = sem_wait(used);
    atomic_fetch_add(&got, 1);
    return (void *)(intptr_t)r;
}

static void *pass_through(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        sem_wait(used);
        int n = atomic_fetch_add(&inside, 1) + 1;
        if (n > atomic_load(&most)) {
            atomic_store(&most, n);
        }
        if (i % 128 == 0) {
            sched_yield();
        }
        atomic_fetch_sub(&inside, 1);
        sem_post(used);
    }
    return arg;
}

static void test_times(void)
{
    struct timespec past = {1, 0}, wrong = {0, 1000000000}, soon = in_ms(CLOCK_REALTIME, 30);
    SHOW(sem_timedwait(used, &past));
    SHOW(sem_timedwait(used, &wrong));
    SHOW(sem_timedwait(used, &soon));
    TRUE(is_past(CLOCK_REALTIME, soon));
#ifdef __GLIBC__
    soon = in_ms(CLOCK_MONOTONIC, 30);
    SHOW(sem_clockwait(used, CLOCK_MONOTONIC, &soon));
    TRUE(is_past(CLOCK_MONOTONIC, soon));
#endif
    sem_post(used);
    SHOW(sem_timedwait(used, &past));
}

static void test_one(void)
{
    struct peer crew[CREW];
    SHOW(value_of(used));
    SHOW(sem_trywait(used));
    SHOW(sem_post(used));
    SHOW(value_of(used));
    SHOW(sem_wait(used));
    test_times();
    atomic_store(&got, 0);
    for (int i = 0; i < CREW; i++) {
        peer_start(&crew[i], take_one, NULL);
        peer_await_asleep(&crew[i]);
    }
    SHOW(atomic_load(&got));
    for (int i = 0; i < CREW; i++) {
        sem_post(used);
    }
    for (int i = 0; i < CREW; i++) {
        SHOW((intptr_t)peer_join(&crew[i]));
    }
    SHOW(value_of(used));
    sem_post(used);
    sem_post(used);
    for (int i = 0; i < CREW; i++) {
        peer_start(&crew[i], pass_through, NULL);
    }
    for (int i = 0; i < CREW; i++) {
        peer_join(&crew[i]);
    }
    TRUE(atomic_load(&most) >= 1 && atomic_load(&most) <= 2);
    SHOW(value_of(used));
    sem_wait(used);
    sem_wait(used);
}

static void on_signal(int sig)
{
    (void)sig;
}

static void *interrupted(void *arg)
{
    (void)arg;
    int r = sem_wait(used);
    return (void *)(intptr_t)(r == 0 ? 0 : errno);
}

/* A handler ends the wait, unless its action says SA_RESTART. */
static void test_interrupt(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    struct peer p;
    sigaction(SIGUSR1, &sa, NULL);
    peer_start(&p, interrupted, NULL);
    peer_await_asleep(&p);
    CODE(pthread_kill(p.thread, SIGUSR1));
    CODE((int)(intptr_t)peer_join(&p));
    sa.sa_flags = SA_RESTART;
    sigaction(SIGUSR1, &sa, NULL);
    peer_start(&p, interrupted, NULL);
    peer_await_asleep(&p);
    CODE(pthread_kill(p.thread, SIGUSR1));
    nap_ms(10);
    peer_await_asleep(&p);
    sem_post(used);
    CODE((int)(intptr_t)peer_join(&p));
}

static void test_named(void)
{
    sem_t *again;
    char name[32], path[64];
    /* the host's /dev/shm is everybody's */
    snprintf(name, sizeof name, "/elfin-%d", (int)getpid());
    snprintf(path, sizeof path, IN_SHM, name + 1);
    sem_unlink(name);
    TRUE(sem_open(name, 0) == SEM_FAILED);
    printf("%s\n", errno_name(errno));
    TRUE(sem_open("/", O_CREAT, 0600, 0) == SEM_FAILED);
    printf("%s\n", errno_name(errno));
    TRUE(sem_open(name, O_CREAT, 0600, (unsigned)INT_MAX + 1) == SEM_FAILED);
    printf("%s\n", errno_name(errno));
    used = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    TRUE(used != SEM_FAILED);
    TRUE(sem_open(name, O_CREAT | O_EXCL, 0600, 0) == SEM_FAILED);
    printf("%s\n", errno_name(errno));
    again = sem_open(name, O_CREAT, 0600, 5);
    TRUE(again == used);
    SHOW(access(path, R_OK | W_OK));
    test_one();
    test_interrupt();
    SHOW(sem_unlink(name));
    SHOW(sem_unlink(name));
    sem_post(used);
    SHOW(value_of(again));
    SHOW(sem_close(used));
    SHOW(sem_close(again));
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    used = &plain;
    SHOW(sem_init(used, 0, (unsigned)INT_MAX + 1));
    SHOW(sem_init(used, 0, SEM_VALUE_MAX));
    SHOW(sem_post(used));
    SHOW(sem_init(used, 0, 0));
    test_one();
    test_interrupt();
    SHOW(sem_destroy(used));
    used = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    SHOW(sem_init(used, 1, 0));
    test_one();
    test_interrupt();
    SHOW(sem_destroy(used));
    test_named();
    return 0;
}
