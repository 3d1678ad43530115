/* SPDX-License-Identifier: MIT */
/* Once, thread-specific data and its destructors, identity, C11 threads. Source: pthread_once(3p),
 * pthread_key_create(3p), pthread_equal(3), ISO C11 7.26. */
// cflags: -pthread
// cpus: 1 2 4:kvm
#include "peers.h"

#include <limits.h>
#include <threads.h>

#define CREW 8

static pthread_once_t once = PTHREAD_ONCE_INIT, again = PTHREAD_ONCE_INIT;
static atomic_int runs, slow_entered;
static pthread_key_t key, other_key;
static int destroyed[3], rounds;

static void run_once(void)
{
    atomic_fetch_add(&runs, 1);
    nap_ms(20); /* others arrive meanwhile and must wait */
    atomic_fetch_add(&runs, 100);
}

static void *go_once(void *arg)
{
    (void)arg;
    pthread_once(&once, run_once);
    return (void *)(intptr_t)atomic_load(&runs);
}

static void slow_init(void)
{
    if (atomic_fetch_add(&slow_entered, 1) == 0) {
        pause(); /* a cancellation point: the next caller has to begin anew */
    }
}

static void *go_again(void *arg)
{
    pthread_once(&again, slow_init);
    return arg;
}

static void test_once(void)
{
    struct peer crew[CREW];
    for (int i = 0; i < CREW; i++) {
        peer_start(&crew[i], go_once, NULL);
    }
    for (int i = 0; i < CREW; i++) {
        SHOW((intptr_t)peer_join(&crew[i]));
    }
    peer_start(&crew[0], go_again, NULL);
    peer_await_asleep(&crew[0]);
    peer_start(&crew[1], go_again, "done");
    peer_await_asleep(&crew[1]);
    CODE(pthread_cancel(crew[0].thread));
    TRUE(peer_join(&crew[0]) == PTHREAD_CANCELED);
    printf("%s\n", (char *)peer_join(&crew[1]));
    SHOW(atomic_load(&slow_entered));
}

static void destroy(void *value)
{
    destroyed[(intptr_t)value]++;
}

static void destroy_and_set(void *value)
{
    rounds++;
    pthread_setspecific(other_key, value); /* for ever, but for the limit of rounds */
}

static void *use_key(void *value)
{
    TRUE(pthread_getspecific(key) == NULL);
    CODE(pthread_setspecific(key, value));
    TRUE(pthread_getspecific(key) == value);
    pthread_exit((void *)7);
}

static void *use_other(void *value)
{
    pthread_setspecific(other_key, value);
    return NULL;
}

static void test_keys(void)
{
    static pthread_key_t many[PTHREAD_KEYS_MAX + 1];
    int n = 0;
    CODE(pthread_key_create(&key, destroy));
    SHOW((intptr_t)peer_do(use_key, (void *)1));
    SHOW((intptr_t)peer_do(use_key, (void *)2));
    SHOW(destroyed[1] * 10 + destroyed[2]);
    CODE(pthread_setspecific(key, NULL));
    CODE(pthread_key_create(&other_key, destroy_and_set));
    peer_do(use_other, (void *)1);
    TRUE(rounds == PTHREAD_DESTRUCTOR_ITERATIONS);
    CODE(pthread_key_delete(key));
    CODE(pthread_key_delete(other_key));
    while (n <= PTHREAD_KEYS_MAX && pthread_key_create(&many[n], NULL) == 0) {
        n++;
    }
    TRUE(n <= PTHREAD_KEYS_MAX && n >= PTHREAD_KEYS_MAX - 2);
    CODE(pthread_key_create(&key, NULL));
    while (n > 0) {
        pthread_key_delete(many[--n]);
    }
}

static mtx_t mutex;
static cnd_t cond;
static tss_t tss;
static once_flag flag = ONCE_FLAG_INIT;
static int flagged, ready;

static void set_flag(void)
{
    flagged++;
}

static int c11_main(void *arg)
{
    call_once(&flag, set_flag);
    tss_set(tss, arg);
    mtx_lock(&mutex);
    while (!ready) {
        cnd_wait(&cond, &mutex);
    }
    ready++;
    mtx_unlock(&mutex);
    thrd_yield();
    thrd_exit((int)(intptr_t)tss_get(tss));
}

static void test_c11_timed(void)
{
    mtx_t timed;
    struct timespec soon, little = {0, 1000000};
    SHOW(mtx_init(&timed, mtx_timed | mtx_recursive) == thrd_success);
    SHOW(mtx_lock(&timed) == thrd_success);
    SHOW(mtx_trylock(&timed) == thrd_success);
    mtx_unlock(&timed);
    mtx_unlock(&timed);
    mtx_destroy(&timed);
    mtx_init(&timed, mtx_timed);
    mtx_lock(&timed);
    soon = in_ms(CLOCK_REALTIME, 20);
    SHOW(mtx_timedlock(&timed, &soon) == thrd_timedout);
    SHOW(mtx_trylock(&timed) == thrd_busy);
    soon = in_ms(CLOCK_REALTIME, 20);
    SHOW(cnd_timedwait(&cond, &timed, &soon) == thrd_timedout);
    SHOW(mtx_unlock(&timed) == thrd_success);
    SHOW(thrd_sleep(&little, NULL));
    mtx_destroy(&timed);
}

static void test_c11(void)
{
    thrd_t crew[CREW];
    int result;
    SHOW(mtx_init(&mutex, mtx_plain) == thrd_success);
    SHOW(cnd_init(&cond) == thrd_success);
    SHOW(tss_create(&tss, destroy) == thrd_success);
    destroyed[1] = 0;
    for (int i = 0; i < CREW; i++) {
        SHOW(thrd_create(&crew[i], c11_main, (void *)1) == thrd_success);
    }
    SHOW(thrd_equal(crew[0], crew[1]));
    mtx_lock(&mutex);
    ready = 1;
    SHOW(cnd_broadcast(&cond) == thrd_success);
    SHOW(cnd_signal(&cond) == thrd_success);
    mtx_unlock(&mutex);
    for (int i = 0; i < CREW; i++) {
        SHOW(thrd_join(crew[i], &result) == thrd_success);
        SHOW(result);
    }
    SHOW(flagged);
    SHOW(ready);
    SHOW(destroyed[1]);
    test_c11_timed();
}

static __thread int own = 5;

static void *use_own(void *main_thread)
{
    own++;
    SHOW(own);
    SHOW(!!pthread_equal(pthread_self(), *(pthread_t *)main_thread));
    return &own;
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    pthread_t self = pthread_self();
    SHOW(!!pthread_equal(self, pthread_self()));
    TRUE(peer_do(use_own, &self) != &own);
    SHOW(own);
    test_once();
    test_keys();
    test_c11();
    return 0;
}
