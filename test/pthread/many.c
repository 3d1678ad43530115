/* SPDX-License-Identifier: MIT */
/* Ten thousand threads, one after the other and in waves, and a thousand alive at once in a small
 * machine: what a thread takes comes back with its end. Source: pthread_create(3), clone(2). */
// cflags: -pthread
// memory: 256M
// timeout: 90
#include "peers.h"

#define TOTAL 10000
#define WAVE 100
#define ALIVE 1000

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int arrived, leave;
static atomic_long sum;

static void *add(void *arg)
{
    atomic_fetch_add(&sum, (intptr_t)arg);
    return arg;
}

static void create(pthread_t *t, void *(*run)(void *), intptr_t arg)
{
    pthread_attr_t attr;
    pthread_attr_init(&attr);
    pthread_attr_setstacksize(&attr, 65536);
    int err = pthread_create(t, &attr, run, (void *)arg);
    pthread_attr_destroy(&attr);
    if (err) {
        printf("pthread_create: %s\n", errno_name(err));
        exit(1);
    }
}

static void test_total(int wave, int total)
{
    static pthread_t t[WAVE];
    long joined = 0;
    atomic_store(&sum, 0);
    for (int done = 0; done < total; done += wave) {
        for (int i = 0; i < wave; i++) {
            create(&t[i], add, done + i);
        }
        for (int i = 0; i < wave; i++) {
            void *result;
            pthread_join(t[i], &result);
            joined += result == (void *)(intptr_t)(done + i);
        }
    }
    printf("waves of %d: joined %ld, sum %ld\n", wave, joined, atomic_load(&sum));
}

static void *stay(void *arg)
{
    char room[16384]; /* of its stack */
    memset(room, (int)(intptr_t)arg, sizeof room);
    pthread_mutex_lock(&m);
    arrived++;
    pthread_cond_broadcast(&c);
    while (!leave) {
        pthread_cond_wait(&c, &m);
    }
    pthread_mutex_unlock(&m);
    for (size_t i = 0; i < sizeof room; i++) {
        if (room[i] != (char)(intptr_t)arg) {
            return NULL;
        }
    }
    return (void *)1;
}

static void test_alive(void)
{
    static pthread_t t[ALIVE];
    long intact = 0;
    arrived = leave = 0;
    for (int i = 0; i < ALIVE; i++) {
        create(&t[i], stay, i);
    }
    pthread_mutex_lock(&m);
    while (arrived < ALIVE) {
        pthread_cond_wait(&c, &m);
    }
    leave = 1;
    pthread_cond_broadcast(&c);
    pthread_mutex_unlock(&m);
    for (int i = 0; i < ALIVE; i++) {
        void *result;
        pthread_join(t[i], &result);
        intact += result != NULL;
    }
    printf("alive %d, intact %ld\n", arrived, intact);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_total(1, TOTAL / 10);
    test_total(WAVE, TOTAL);
    test_alive();
    test_alive();
    return 0;
}
