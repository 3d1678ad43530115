/* SPDX-License-Identifier: MIT */
/* Read-write locks, spin locks, barriers. Source: pthread_rwlock_rdlock(3p),
 * pthread_rwlock_timedwrlock(3p), pthread_spin_lock(3), pthread_barrier_wait(3p). */
// cflags: -pthread
// cpus: 1 2 4:kvm
// timeout: 30
#include "peers.h"

#define CREW 4
#define ROUNDS 3000

static pthread_rwlock_t rw;
static pthread_spinlock_t spin;
static pthread_barrier_t barrier;
static long first, second;
static atomic_int mismatches, inside, serial;

static void *read_once(void *arg)
{
    (void)arg;
    int err = pthread_rwlock_rdlock(&rw);
    return (void *)(intptr_t)(err ? err : pthread_rwlock_unlock(&rw));
}

static void *write_once(void *arg)
{
    (void)arg;
    int err = pthread_rwlock_wrlock(&rw);
    return (void *)(intptr_t)(err ? err : pthread_rwlock_unlock(&rw));
}

static void *try_read(void *arg)
{
    (void)arg;
    int err = pthread_rwlock_tryrdlock(&rw);
    return (void *)(intptr_t)(err ? err : pthread_rwlock_unlock(&rw));
}

static void *try_write(void *arg)
{
    (void)arg;
    int err = pthread_rwlock_trywrlock(&rw);
    return (void *)(intptr_t)(err ? err : pthread_rwlock_unlock(&rw));
}

#define IN_PEER(run) ((int)(intptr_t)peer_do(run, NULL))

static void test_states(void)
{
    struct timespec past = {1, 0}, wrong = {0, 1000000000}, soon;
    CODE(pthread_rwlock_rdlock(&rw));
    CODE(pthread_rwlock_rdlock(&rw));
    CODE(IN_PEER(read_once));
    CODE(IN_PEER(try_read));
    CODE(IN_PEER(try_write));
    CODE(pthread_rwlock_timedwrlock(&rw, &past));
    CODE(pthread_rwlock_unlock(&rw));
    CODE(IN_PEER(try_write));
    CODE(pthread_rwlock_unlock(&rw));
    CODE(pthread_rwlock_wrlock(&rw));
    CODE(IN_PEER(try_read));
    CODE(IN_PEER(try_write));
    CODE(pthread_rwlock_unlock(&rw));
    CODE(IN_PEER(try_write));
    CODE(pthread_rwlock_rdlock(&rw));
    CODE(pthread_rwlock_timedwrlock(&rw, &wrong));
    soon = in_ms(CLOCK_REALTIME, 20);
    CODE(pthread_rwlock_timedwrlock(&rw, &soon));
    TRUE(is_past(CLOCK_REALTIME, soon));
#ifdef __GLIBC__
    soon = in_ms(CLOCK_MONOTONIC, 20);
    CODE(pthread_rwlock_clockwrlock(&rw, CLOCK_MONOTONIC, &soon));
    TRUE(is_past(CLOCK_MONOTONIC, soon));
#endif
    CODE(pthread_rwlock_timedrdlock(&rw, &past)); /* it need not wait */
    CODE(pthread_rwlock_unlock(&rw));
    CODE(pthread_rwlock_unlock(&rw));
}

static void test_sleepers(void)
{
    struct peer writer, readers[2];
    CODE(pthread_rwlock_rdlock(&rw));
    peer_start(&writer, write_once, NULL);
    peer_await_asleep(&writer);
    CODE(pthread_rwlock_unlock(&rw));
    CODE((int)(intptr_t)peer_join(&writer));
    CODE(pthread_rwlock_wrlock(&rw));
    for (int i = 0; i < 2; i++) {
        peer_start(&readers[i], read_once, NULL);
        peer_await_asleep(&readers[i]);
    }
    peer_start(&writer, write_once, NULL);
    peer_await_asleep(&writer);
    CODE(pthread_rwlock_unlock(&rw));
    for (int i = 0; i < 2; i++) {
        CODE((int)(intptr_t)peer_join(&readers[i]));
    }
    CODE((int)(intptr_t)peer_join(&writer));
}

static void *work(void *arg)
{
    int writes = (int)(intptr_t)arg;
    for (int i = 0; i < ROUNDS; i++) {
        if (writes) {
            pthread_rwlock_wrlock(&rw);
            first++;
            if (i % 256 == 0) {
                sched_yield();
            }
            second++;
        } else {
            pthread_rwlock_rdlock(&rw);
            atomic_fetch_add(&mismatches, first != second);
        }
        pthread_rwlock_unlock(&rw);
    }
    return NULL;
}

static void run_crew(void *(*run)(void *))
{
    struct peer crew[CREW];
    for (int i = 0; i < CREW; i++) {
        peer_start(&crew[i], run, (void *)(intptr_t)(i % 2));
    }
    for (int i = 0; i < CREW; i++) {
        peer_join(&crew[i]);
    }
}

static void *spin_count(void *arg)
{
    (void)arg;
    for (int i = 0; i < ROUNDS; i++) {
        pthread_spin_lock(&spin);
        first++;
        pthread_spin_unlock(&spin);
    }
    return NULL;
}

static void *try_spin(void *arg)
{
    (void)arg;
    int err = pthread_spin_trylock(&spin);
    return (void *)(intptr_t)(err ? err : pthread_spin_unlock(&spin));
}

static void test_spin(void)
{
    first = 0;
    CODE(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE));
    CODE(pthread_spin_lock(&spin));
    CODE(IN_PEER(try_spin));
    CODE(pthread_spin_unlock(&spin));
    CODE(IN_PEER(try_spin));
    run_crew(spin_count);
    printf("spun %ld\n", first);
    CODE(pthread_spin_destroy(&spin));
}

/* Nobody passes before all are there, and one of each round is told. */
static void *meet(void *arg)
{
    (void)arg;
    for (int i = 0; i < 200; i++) {
        atomic_fetch_add(&inside, 1);
        int r = pthread_barrier_wait(&barrier);
        atomic_fetch_add(&serial, r == PTHREAD_BARRIER_SERIAL_THREAD);
        atomic_fetch_add(&mismatches, atomic_load(&inside) != CREW);
        pthread_barrier_wait(&barrier);
        atomic_fetch_sub(&inside, 1);
        pthread_barrier_wait(&barrier);
    }
    return NULL;
}

static void test_barrier(void)
{
    CODE(pthread_barrier_init(&barrier, NULL, 0));
    CODE(pthread_barrier_init(&barrier, NULL, 1));
    SHOW(pthread_barrier_wait(&barrier) == PTHREAD_BARRIER_SERIAL_THREAD);
    CODE(pthread_barrier_destroy(&barrier));
    CODE(pthread_barrier_init(&barrier, NULL, CREW));
    run_crew(meet);
    printf("serial %d\n", atomic_load(&serial));
    CODE(pthread_barrier_destroy(&barrier));
}

int main(void)
{
    pthread_rwlockattr_t attr;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int shared = 0; shared < 2; shared++) {
        CODE(pthread_rwlockattr_init(&attr));
        CODE(pthread_rwlockattr_setpshared(&attr, shared));
        CODE(pthread_rwlock_init(&rw, &attr));
        test_states();
        test_sleepers();
        first = second = 0;
        run_crew(work);
        printf("written %ld %ld\n", first, second);
        CODE(pthread_rwlock_destroy(&rw));
    }
    test_spin();
    test_barrier();
    printf("mismatches %d\n", atomic_load(&mismatches));
    return 0;
}
