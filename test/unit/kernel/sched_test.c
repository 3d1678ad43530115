/* SPDX-License-Identifier: MIT */
// fakes: schedcpus
// sanitize: thread
/* The scheduler on 1, 2 and 4 CPUs, under ThreadSanitizer: no wake is lost, threads run where they
 * may, timers fire once and not after their end, and who computes starves nobody. Each machine is a
 * process of its own; a lost wake is one that does not end. */
#include "kernel/sched.h"

#include "kernel/runqueue.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "platform/clock.h"
#include "test/fake/schedcpus.h"
#include "test/unit/check.h"

#define PLAYERS 8 /* in pairs */
#define CHILDREN 4 /* of a parent, at a time */
#define OPERATIONS 16000 /* of a machine; ELFIN_OPERATIONS in the environment: another number */
#define SECONDS 110
#define USEC 1000UL

static unsigned quota; /* operations of each thread */

/* HOLDS: as CHECK, but for the count, which several CPUs would race for. */
#define HOLDS(cond)                                                            \
    do {                                                                       \
        if (!(cond)) {                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #cond); \
            _exit(1);                                                          \
        }                                                                      \
    } while (0)

/* A thread of a test. */
struct player {
    struct thread *thread;
    uint64_t seed;
    bool token; /* [A] its partner lets it go on */
    unsigned running; /* [A] threads that are not done */
    unsigned changes; /* [A] of its affinity by others; odd: one is under way */
};

static struct player players[PLAYERS];
static bool go; /* [A] all players are there */
static unsigned done; /* [A] players and others that have ended */

static uint64_t below(struct player *p, uint64_t n)
{
    p->seed = p->seed * 6364136223846793005u + 1442695040888963407u;
    return (p->seed >> 33) % n;
}

static void set_flag(bool *flag, struct thread *of)
{
    __atomic_store_n(flag, true, __ATOMIC_RELEASE);
    sched_wake(of);
}

static void wait_flag(bool *flag)
{
    while (!__atomic_exchange_n(flag, false, __ATOMIC_ACQUIRE)) {
        sched_block();
        schedcpus_point();
    }
}

static void wait_done(unsigned n)
{
    while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) != n) {
        schedcpus_point();
        sched_yield();
    }
}

static void wait_go(void)
{
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE)) {
        schedcpus_point();
        sched_yield();
    }
}

static void say_done(void)
{
    __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
}

/* Where the thread runs after it came through the exit path, others leaving its affinity alone. */
static void check_place(struct player *p)
{
    unsigned before = __atomic_load_n(&p->changes, __ATOMIC_SEQ_CST);
    schedcpus_point();
    uint64_t may = __atomic_load_n(&thread_this()->affinity, __ATOMIC_SEQ_CST) >> cpu_id() & 1;
    if (before % 2 == 0 && before == __atomic_load_n(&p->changes, __ATOMIC_SEQ_CST)) {
        HOLDS(may == 1);
    }
}

static void move(struct player *p)
{
    uint64_t cpus = 1 + below(p, (1UL << cpu_count()) - 1);
    HOLDS(sched_set_affinity(thread_this(), cpus) == 0);
}

/* A timer that is waited for, or cancelled at some moment. */
struct guard {
    struct timer timer;
    struct thread *owner;
    unsigned fired; /* plain: nobody looks before the end */
    bool over; /* [A] */
};

static void guard_fire(struct timer *t)
{
    struct guard *g = container_of(t, struct guard, timer);
    HOLDS(t->deadline_ns <= clock_ns());
    set_flag(&g->over, g->owner);
    for (unsigned n = 0; n < 100; n++) { /* its owner, elsewhere, may be in timer_cancel by now */
        __builtin_ia32_pause();
    }
    g->fired++;
}

static void use_timer(struct player *p, bool cancel)
{
    struct guard g = {.owner = thread_this()};
    timer_init(&g.timer, guard_fire);
    timer_set(&g.timer, clock_ns() + below(p, 100) * USEC);
    move(p);
    if (cancel) {
        for (uint64_t n = below(p, 200); n > 0; n--) {
            schedcpus_point();
        }
        timer_cancel(&g.timer);
        HOLDS(g.fired <= 1);
    } else {
        wait_flag(&g.over);
        timer_cancel(&g.timer); /* its handler may still be about to return */
        HOLDS(g.fired == 1);
    }
    g = (struct guard){.fired = 2}; /* a handler that ran now would be a race */
}

static void child_main(void *arg)
{
    struct player *parent = arg;
    schedcpus_point();
    if (__atomic_sub_fetch(&parent->running, 1, __ATOMIC_ACQ_REL) == 0) {
        set_flag(&parent->token, parent->thread);
    }
}

static void have_children(struct player *p)
{
    struct thread *children[CHILDREN];
    __atomic_store_n(&p->running, CHILDREN, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < CHILDREN; i++) {
        children[i] = schedcpus_start(child_main, p);
    }
    for (unsigned i = 0; i < CHILDREN; i++) {
        if (below(p, 2) == 0) {
            sched_kick(children[i]); /* whatever it does, or has done */
        }
    }
    wait_flag(&p->token);
    for (unsigned i = 0; i < CHILDREN; i++) {
        thread_put(children[i]);
    }
}

/* Half of the players hand a token to their partner, whom nobody else wakes. */
static void play(void *arg)
{
    struct player *p = arg;
    struct player *partner = &players[(p - players) ^ 1];
    wait_go();
    for (unsigned i = 0; i < quota; i++) {
        wait_flag(&p->token);
        switch (below(p, 8)) {
        case 0: sched_yield(); break;
        case 1: move(p); break;
        default: break;
        }
        check_place(p);
        set_flag(&partner->token, partner->thread);
    }
    say_done();
}

static void disturb(struct player *p, struct player *victim)
{
    switch (below(p, 4)) {
    case 0: sched_wake(victim->thread); break;
    case 1: sched_kick(victim->thread); break;
    case 2: {
        __atomic_fetch_add(&victim->changes, 1, __ATOMIC_SEQ_CST);
        uint64_t cpus = 1 + below(p, (1UL << cpu_count()) - 1);
        HOLDS(sched_set_affinity(victim->thread, cpus) == 0);
        __atomic_fetch_add(&victim->changes, 1, __ATOMIC_SEQ_CST);
        break;
    }
    default: HOLDS(sched_cpu_ns(victim->thread) < UINT64_MAX / 2); break;
    }
}

/* The other half do everything, to each other, too. */
static void roam(void *arg)
{
    struct player *p = arg;
    wait_go();
    for (unsigned i = 0; i < quota; i++) {
        switch (below(p, 32)) {
        case 0: use_timer(p, false); break;
        case 1: use_timer(p, true); break;
        case 2: have_children(p); break;
        case 3: move(p); break;
        case 4 ... 15: sched_yield(); break;
        default: disturb(p, &players[PLAYERS / 2 + below(p, PLAYERS / 2)]); break;
        }
        check_place(p);
    }
    say_done();
}

static void start_players(void)
{
    for (unsigned i = 0; i < PLAYERS; i++) {
        players[i] = (struct player){.seed = i + cpu_count()};
    }
    for (unsigned i = 0; i < PLAYERS; i++) {
        players[i].thread = schedcpus_start(i < PLAYERS / 2 ? play : roam, &players[i]);
    }
    __atomic_store_n(&go, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < PLAYERS / 2; i += 2) {
        set_flag(&players[i].token, players[i].thread);
    }
}

static void random_operations(void)
{
    start_players();
    wait_done(PLAYERS);
    for (unsigned i = 0; i < PLAYERS; i++) {
        thread_put(players[i].thread);
    }
    while (schedcpus_alive() != 0) { /* each is released by whoever runs after it */
        schedcpus_point();
        sched_yield();
    }
}

static void no_wake_lost(void)
{
    const char *wanted = getenv("ELFIN_OPERATIONS");
    quota = (wanted != NULL ? (unsigned)atoi(wanted) : OPERATIONS) / PLAYERS;
    for (unsigned n = 1; n <= SCHEDCPUS_MAX; n *= 2) {
        CHECK(schedcpus_run(n, random_operations, SECONDS));
    }
}

/* Threads that compute, and what each has had. */
struct spinner {
    struct thread *thread;
    bool start; /* [A] */
    uint64_t cpus; /* where it is to run; 0: anywhere */
    uint64_t gap_ns; /* the longest between two looks at the clock */
    uint64_t had_ns;
};

static struct spinner spinners[PLAYERS];
static bool over; /* [A] */

static void spin(void *arg)
{
    struct spinner *s = arg;
    if (s->cpus != 0) {
        HOLDS(sched_set_affinity(thread_this(), s->cpus) == 0);
    }
    wait_flag(&s->start);
    uint64_t begin = sched_cpu_ns(thread_this());
    uint64_t last = begin;
    while (!__atomic_load_n(&over, __ATOMIC_RELAXED)) {
        schedcpus_compute();
        uint64_t now = sched_cpu_ns(thread_this());
        s->gap_ns = max(s->gap_ns, now - last);
        last = now;
    }
    s->had_ns = last - begin;
    say_done();
}

static void start_spinners(unsigned n, uint64_t cpus)
{
    over = false;
    done = 0;
    for (unsigned i = 0; i < n; i++) {
        spinners[i] = (struct spinner){.cpus = cpus};
        spinners[i].thread = schedcpus_start(spin, &spinners[i]);
    }
}

static void sleep_until(uint64_t deadline_ns)
{
    struct guard g = {.owner = thread_this()};
    timer_init(&g.timer, guard_fire);
    timer_set(&g.timer, deadline_ns);
    wait_flag(&g.over);
    timer_cancel(&g.timer);
}

static void let_spin(unsigned from, unsigned to, uint64_t ns)
{
    for (unsigned i = from; i < to; i++) {
        set_flag(&spinners[i].start, spinners[i].thread);
    }
    sleep_until(clock_ns() + ns);
}

static void end_spinners(unsigned n)
{
    __atomic_store_n(&over, true, __ATOMIC_RELAXED);
    wait_done(n);
}

/* Beyond what a host that runs something else may make of it. */
static uint64_t tolerance(unsigned n)
{
    uint64_t most = 0;
    for (unsigned i = 0; i < n; i++) {
        most = max(most, spinners[i].gap_ns);
    }
    return 2 * SLICE_NS + 2 * most;
}

static void equal_shares(void)
{
    start_spinners(4, 0);
    let_spin(0, 4, 400000 * USEC);
    end_spinners(4);
    for (unsigned i = 1; i < 4; i++) {
        int64_t more = (int64_t)(spinners[i].had_ns - spinners[0].had_ns);
        HOLDS(llabs(more) <= (int64_t)tolerance(4));
    }
}

/* Who comes later does not make up for what it has not asked for. */
static void equal_shares_later(void)
{
    start_spinners(2, 0);
    let_spin(0, 1, 300000 * USEC);
    uint64_t before = sched_cpu_ns(spinners[0].thread);
    let_spin(1, 2, 200000 * USEC);
    uint64_t had = sched_cpu_ns(spinners[0].thread) - before;
    end_spinners(2);
    HOLDS(llabs((int64_t)(had - spinners[1].had_ns)) <= (int64_t)tolerance(2));
}

/* Three on two: who waits goes to the other one in time. */
static void shares_of_two_cpus(void)
{
    start_spinners(3, 0);
    let_spin(0, 3, 600000 * USEC);
    end_spinners(3);
    for (unsigned i = 0; i < 3; i++) {
        HOLDS(spinners[i].had_ns > 200000 * USEC);
    }
}

/* Two on one CPU, made ready by the other one, which has to tell it. */
static void shares_of_another_cpu(void)
{
    HOLDS(sched_set_affinity(thread_this(), 1) == 0);
    start_spinners(2, 2);
    let_spin(0, 1, 100000 * USEC);
    let_spin(1, 2, 200000 * USEC);
    end_spinners(2);
    HOLDS(spinners[1].had_ns > 50000 * USEC);
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a;
    const uint64_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* Who sleeps is served at once when it wakes. */
static void sleepers_first(void)
{
    uint64_t late[40];
    start_spinners(3, 0);
    let_spin(0, 3, 50000 * USEC);
    for (unsigned i = 0; i < ARRAY_LEN(late); i++) {
        uint64_t until = clock_ns() + 1000 * USEC;
        sleep_until(until);
        late[i] = clock_ns() - until;
    }
    end_spinners(3);
    qsort(late, ARRAY_LEN(late), sizeof(late[0]), compare);
    HOLDS(late[ARRAY_LEN(late) / 2] < SLICE_NS / 4);
}

/* A CPU that may not take what waits elsewhere halts. */
static void idle_cpus_halt(void)
{
    unsigned halted = 0;
    HOLDS(sched_set_affinity(thread_this(), 1) == 0);
    start_spinners(2, 0);
    for (unsigned i = 0; i < 20; i++) {
        let_spin(0, i == 0 ? 2 : 0, 2000 * USEC);
        halted += __atomic_load_n(&runqueue_of(1)->idle_state, __ATOMIC_SEQ_CST) == IDLE_HALTED;
    }
    end_spinners(2);
    HOLDS(halted > 5);
}

static void fairness(void)
{
    CHECK(schedcpus_run(1, equal_shares, SECONDS));
    CHECK(schedcpus_run(1, equal_shares_later, SECONDS));
    CHECK(schedcpus_run(2, shares_of_two_cpus, SECONDS));
    CHECK(schedcpus_run(2, shares_of_another_cpu, SECONDS));
}

static void latency(void)
{
    CHECK(schedcpus_run(1, sleepers_first, SECONDS));
    CHECK(schedcpus_run(2, sleepers_first, SECONDS));
    CHECK(schedcpus_run(2, idle_cpus_halt, SECONDS));
}

TESTS(no_wake_lost, fairness, latency)
