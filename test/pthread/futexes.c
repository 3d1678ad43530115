/* SPDX-License-Identifier: MIT */
/* The futex calls between threads: wake and its bitsets, requeue, wake-op, words with owners, words
 * in shared files, several words at once, both clocks, the death of owners; and membarrier.
 * Source: futex(2), get_robust_list(2), set_tid_address(2), membarrier(2). */
// cflags: -pthread
// cpus: 1 2 4:kvm
#include "peers.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#define WAITV_NR 449
#define LOCK_PI2 13
#define ALL 0x7fffffff

static uint32_t words[4];
static atomic_int woken;

static long futex(uint32_t *w, int op, uint32_t value, const void *timeout, uint32_t *w2,
                  uint32_t v3)
{
    return syscall(SYS_futex, w, op, value, timeout, w2, v3);
}

struct sleep {
    uint32_t *word, value, bits;
    int op;
    struct peer peer;
};

static void *sleep_on(void *arg)
{
    struct sleep *s = arg;
    long r = futex(s->word, s->op, s->value, NULL, NULL, s->bits);
    int err = r < 0 ? errno : 0;
    atomic_fetch_add(&woken, 1);
    return (void *)(intptr_t)err;
}

static void start_sleep(struct sleep *s, uint32_t *word, int op, uint32_t bits)
{
    s->word = word;
    s->value = *word;
    s->op = op;
    s->bits = bits;
    peer_start(&s->peer, sleep_on, s);
    peer_await_asleep(&s->peer);
}

static void end_sleeps(struct sleep *s, int n)
{
    for (int i = 0; i < n; i++) {
        CODE((int)(intptr_t)peer_join(&s[i].peer));
    }
    SHOW(atomic_exchange(&woken, 0));
}

static void test_wake(int flag)
{
    struct sleep s[4];
    for (int i = 0; i < 4; i++) {
        start_sleep(&s[i], &words[0], FUTEX_WAIT_BITSET | flag, 1U << i);
    }
    SHOW(futex(&words[0], FUTEX_WAKE_BITSET | flag, ALL, NULL, NULL, 0x30));
    SHOW(futex(&words[0], FUTEX_WAKE_BITSET | flag, ALL, NULL, NULL, 4));
    CODE((int)(intptr_t)peer_join(&s[2].peer));
    SHOW(futex(&words[0], FUTEX_WAKE_BITSET | flag, 1, NULL, NULL, 3)); /* the first of two */
    CODE((int)(intptr_t)peer_join(&s[0].peer));
    SHOW(futex(&words[1], FUTEX_WAKE | flag, ALL, NULL, NULL, 0));
    SHOW(futex(&words[0], FUTEX_WAKE | flag, ALL, NULL, NULL, 0));
    CODE((int)(intptr_t)peer_join(&s[1].peer));
    CODE((int)(intptr_t)peer_join(&s[3].peer));
    SHOW(atomic_exchange(&woken, 0));
}

static void test_requeue(void)
{
    struct sleep s[4];
    for (int i = 0; i < 4; i++) {
        start_sleep(&s[i], &words[0], FUTEX_WAIT_PRIVATE, 0);
    }
    SHOW(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2L, &words[1], 1));
    SHOW(futex(&words[0], FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)2L, &words[1], 0));
    SHOW(futex(&words[1], FUTEX_WAKE_PRIVATE, ALL, NULL, NULL, 0));
    SHOW(futex(&words[0], FUTEX_REQUEUE_PRIVATE, 0, (void *)(long)ALL, &words[2], 0));
    SHOW(futex(&words[0], FUTEX_WAKE_PRIVATE, ALL, NULL, NULL, 0));
    SHOW(futex(&words[2], FUTEX_WAKE_PRIVATE, ALL, NULL, NULL, 0));
    end_sleeps(s, 4);
    start_sleep(&s[0], &words[0], FUTEX_WAIT_PRIVATE, 0);
    start_sleep(&s[1], &words[1], FUTEX_WAIT_PRIVATE, 0);
    SHOW(futex(&words[0], FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, &words[1],
               FUTEX_OP(FUTEX_OP_ADD, 5, FUTEX_OP_CMP_EQ, 1)));
    SHOW(words[1]);
    SHOW(futex(&words[0], FUTEX_WAKE_OP_PRIVATE, 1, (void *)1L, &words[1],
               FUTEX_OP(FUTEX_OP_SET, 0, FUTEX_OP_CMP_GT, 4)));
    SHOW(words[1]);
    end_sleeps(s, 2);
}

/* One word of a file, mapped twice: shared waits meet, private ones do not. */
static void test_shared(void)
{
    struct sleep s[2];
    int fd = open("words", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 8192)) {
        return;
    }
    uint32_t *a = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    uint32_t *b = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
    start_sleep(&s[0], a + 1024, FUTEX_WAIT, 0);
    SHOW(futex(b, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    SHOW(futex(b + 1, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(futex(b, FUTEX_WAKE, 1, NULL, NULL, 0));
    end_sleeps(s, 1);
    start_sleep(&s[0], a + 1024, FUTEX_WAIT, 0);
    start_sleep(&s[1], a + 1024, FUTEX_WAIT, 0);
    SHOW(futex(b, FUTEX_CMP_REQUEUE, 1, (void *)1L, b + 8, 0));
    SHOW(futex(a + 1024 + 8, FUTEX_WAKE, 1, NULL, NULL, 0));
    end_sleeps(s, 2);
    munmap(a, 8192);
    munmap(b, 4096);
    close(fd);
}

static void test_clocks(void)
{
    const int real = FUTEX_WAIT_BITSET_PRIVATE | FUTEX_CLOCK_REALTIME;
    struct timespec little = {0, 20000000}, start, soon;
    clock_gettime(CLOCK_MONOTONIC, &start);
    SHOW(futex(&words[3], FUTEX_WAIT_PRIVATE, 0, &little, NULL, 0));
    start.tv_nsec += 19000000;
    start.tv_sec += start.tv_nsec / 1000000000;
    start.tv_nsec %= 1000000000;
    TRUE(is_past(CLOCK_MONOTONIC, start));
    soon = in_ms(CLOCK_MONOTONIC, 20);
    SHOW(futex(&words[3], FUTEX_WAIT_BITSET_PRIVATE, 0, &soon, NULL, ~0U));
    TRUE(is_past(CLOCK_MONOTONIC, soon));
    soon = in_ms(CLOCK_REALTIME, 20);
    SHOW(futex(&words[3], real, 0, &soon, NULL, ~0U));
    TRUE(is_past(CLOCK_REALTIME, soon));
}

static void on_signal(int sig)
{
    (void)sig;
}

static void *lock_pi(void *arg)
{
    uint32_t *w = arg;
    long r = futex(w, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    int err = r < 0 ? errno : 0;
    int mine = (*w & FUTEX_TID_MASK) == (uint32_t)syscall(SYS_gettid);
    int died = (*w & FUTEX_OWNER_DIED) != 0;
    if (!err && !died) {
        futex(w, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0);
    }
    return (void *)(intptr_t)(err * 100 + mine * 10 + died);
}

static void *trylock_pi(void *arg)
{
    return (void *)(intptr_t)(futex(arg, FUTEX_TRYLOCK_PI_PRIVATE, 0, NULL, NULL, 0) < 0 ? errno
                                                                                         : 0);
}

static void *unlock_pi(void *arg)
{
    return (void *)(intptr_t)(futex(arg, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0) < 0 ? errno
                                                                                        : 0);
}

static void test_owned(void)
{
    static uint32_t w;
    struct peer p[3];
    struct sleep owner;
    struct sigaction sa = {.sa_handler = on_signal};
    struct timespec soon;
    sigaction(SIGUSR1, &sa, NULL);
    SHOW(futex(&w, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    TRUE(w == (uint32_t)getpid());
    SHOW(futex(&w, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    CODE((int)(intptr_t)peer_do(trylock_pi, &w));
    CODE((int)(intptr_t)peer_do(unlock_pi, &w));
    for (int i = 0; i < 3; i++) {
        peer_start(&p[i], lock_pi, &w);
        peer_await_asleep(&p[i]);
    }
    TRUE(w == ((uint32_t)getpid() | FUTEX_WAITERS));
    CODE(pthread_kill(p[0].thread, SIGUSR1)); /* it goes on waiting */
    nap_ms(5);
    peer_await_asleep(&p[0]);
    SHOW(futex(&w, FUTEX_UNLOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    for (int i = 0; i < 3; i++) {
        SHOW((intptr_t)peer_join(&p[i]));
    }
    SHOW(w & FUTEX_TID_MASK);
    w = 9999999; /* nobody */
    SHOW(futex(&w, FUTEX_LOCK_PI_PRIVATE, 0, NULL, NULL, 0));
    w = 0;
    start_sleep(&owner, &words[3], FUTEX_WAIT_BITSET_PRIVATE, ~0U);
    w = (uint32_t)atomic_load(&owner.peer.tid); /* it holds the word, as far as the word says */
    soon = in_ms(CLOCK_REALTIME, 20);
    SHOW(futex(&w, FUTEX_LOCK_PI_PRIVATE, 0, &soon, NULL, 0));
    soon = in_ms(CLOCK_MONOTONIC, 20);
    SHOW(futex(&w, LOCK_PI2 | FUTEX_PRIVATE_FLAG, 0, &soon, NULL, 0));
    peer_start(&p[1], lock_pi, &w);
    peer_await_asleep(&p[1]);
    futex(&words[3], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); /* it ends, not robust at all */
    end_sleeps(&owner, 1);
    SHOW((intptr_t)peer_join(&p[1]));
}

/* A robust list by hand: words of a thread that ends. */
static struct {
    struct robust_list list;
    uint32_t word;
} held[2], pending;
static struct robust_list_head head;

static void *die_with_list(void *arg)
{
    uint32_t tid = (uint32_t)syscall(SYS_gettid);
    uintptr_t offset = (uintptr_t)&held[0].word - (uintptr_t)&held[0].list;
    void *got;
    size_t len = 0;
    head = (struct robust_list_head){{&held[0].list}, (long)offset, &pending.list};
    held[0].list.next = &held[1].list;
    held[1].list.next = &head.list;
    held[0].word = tid | FUTEX_WAITERS;
    held[1].word = 12345; /* somebody else's */
    pending.word = tid;
    SHOW(syscall(SYS_set_robust_list, &head, sizeof head));
    SHOW(syscall(SYS_get_robust_list, 0, &got, &len));
    TRUE(got == &head && len == sizeof head);
    atomic_store((atomic_int *)arg, 1);
    while (atomic_load((atomic_int *)arg) != 2) {
        nap_ms(1);
    }
    return NULL;
}

static void test_robust(void)
{
    struct peer p;
    struct sleep s;
    atomic_int stage = 0;
    peer_start(&p, die_with_list, &stage);
    while (atomic_load(&stage) != 1) {
        nap_ms(1);
    }
    start_sleep(&s, &held[0].word, FUTEX_WAIT, 0);
    atomic_store(&stage, 2);
    peer_join(&p);
    end_sleeps(&s, 1);
    TRUE(held[0].word == (FUTEX_OWNER_DIED | FUTEX_WAITERS));
    SHOW(held[1].word);
    TRUE(pending.word == FUTEX_OWNER_DIED);
}

static void *wait_any(void *arg)
{
    struct futex_waitv w[3];
    for (int i = 0; i < 3; i++) {
        w[i] = (struct futex_waitv){
            .val = words[i], .uaddr = (uintptr_t)&words[i], .flags = FUTEX_32 | FUTEX_PRIVATE_FLAG};
    }
    (void)arg;
    return (void *)(intptr_t)syscall(WAITV_NR, w, 3, 0, NULL, CLOCK_MONOTONIC);
}

static void test_any(void)
{
    struct peer p;
    struct sleep s;
    for (int i = 0; i < 3; i++) {
        peer_start(&p, wait_any, NULL);
        peer_await_asleep(&p);
        SHOW(futex(&words[i], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
        SHOW((intptr_t)peer_join(&p));
        SHOW(futex(&words[(i + 1) % 3], FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0)); /* none is left */
    }
    peer_start(&p, wait_any, NULL);
    peer_await_asleep(&p);
    start_sleep(&s, &words[1], FUTEX_WAIT_PRIVATE, 0);
    SHOW(futex(&words[1], FUTEX_WAKE_PRIVATE, ALL, NULL, NULL, 0));
    SHOW((intptr_t)peer_join(&p));
    end_sleeps(&s, 1);
}

/* Store, barrier, load on one side; store, compiler's barrier, load on the other: not both may miss
 * the other's store. */
static atomic_int left, right, go, seen[2];
static void *light_side(void *rounds)
{
    for (intptr_t i = 1; i <= (intptr_t)rounds; i++) {
        while (atomic_load(&go) != i) {
            if (atomic_load(&go) % 8 == 0) {
                sched_yield();
            }
        }
        atomic_store_explicit(&left, 1, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst);
        atomic_store(&seen[0], 1 + atomic_load_explicit(&right, memory_order_relaxed));
    }
    return NULL;
}

static void test_membarrier(void)
{
    struct peer p;
    int missed = 0;
    const intptr_t rounds = 50;
    SHOW(syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
    peer_start(&p, light_side, (void *)rounds);
    for (intptr_t i = 1; i <= rounds; i++) {
        atomic_store(&left, 0), atomic_store(&right, 0), atomic_store(&seen[0], 0);
        atomic_store(&go, (int)i);
        atomic_store_explicit(&right, 1, memory_order_relaxed);
        if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0)) {
            printf("membarrier: %s\n", errno_name(errno));
        }
        int mine = atomic_load_explicit(&left, memory_order_relaxed);
        while (atomic_load(&seen[0]) == 0) {
            sched_yield();
        }
        missed += mine == 0 && atomic_load(&seen[0]) == 1;
    }
    peer_join(&p);
    SHOW(missed);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    test_wake(FUTEX_PRIVATE_FLAG);
    test_wake(0);
    words[1] = 1;
    test_requeue();
    test_shared();
    test_clocks();
    test_owned();
    test_robust();
    words[1] = 7;
    test_any();
    test_membarrier();
    return 0;
}
