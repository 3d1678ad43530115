/* SPDX-License-Identifier: MIT */
/* When the network device is looked at.
 *
 * While little comes, each frame interrupts. An interrupt and the halt before it cost as much as
 * many frames, so once some have come the device is only looked at: by a thread that is about to
 * sleep, by a CPU that has nothing to do, and by a timer if neither happens, so that a program that
 * computes is not deaf. Interrupts are on again when nothing comes any more or the CPU halts. */
#include "net/netpoll.h"

#include "kernel/idle.h"
#include "kernel/timer.h"
#include "kernel/wait.h"
#include "net/netif.h"
#include "platform/clock.h"

#define GUARD_NS 2000000UL /* frames wait so long while the program computes, */
#define REST_NS 8000000UL /* and so long when it has slept shortly before */
#define QUIET_GUARDS 4 /* of them without a frame end the looking */
#define PATIENCE_CYCLES 300000UL /* an idle CPU looks before it halts */

enum { LOOK_NOBODY, LOOK_BUSY, LOOK_AGAIN };

static bool running; /* [A] */
static struct timer guard;
static uint32_t looking; /* [A] interrupts are off, the guard is armed */
static uint32_t seen; /* [A] frames since the guard's last tick */
static uint32_t slept; /* [A] somebody has looked because it had nothing to do, since then */
static uint32_t quiet; /* the guard's: ticks without a frame */
static uint32_t state; /* [A] LOOK_*: whether a CPU is at it */

void netpoll_look(void)
{
    /* who is at it goes on, if it has not ended meanwhile */
    if (__atomic_exchange_n(&state, LOOK_AGAIN, __ATOMIC_ACQ_REL) != LOOK_NOBODY) {
        return;
    }
    uint32_t expected;
    unsigned n = 0;
    do {
        __atomic_store_n(&state, LOOK_BUSY, __ATOMIC_RELEASE);
        n += netif_receive();
        expected = LOOK_BUSY;
    } while (!__atomic_compare_exchange_n(&state, &expected, LOOK_NOBODY, false, __ATOMIC_ACQ_REL,
                                          __ATOMIC_RELAXED));
    if (n != 0) {
        __atomic_fetch_add(&seen, n, __ATOMIC_RELAXED);
    }
}

bool netpoll_is_looking(void)
{
    return __atomic_load_n(&looking, __ATOMIC_RELAXED) != 0;
}

void netpoll_arrived(void)
{
    if (!__atomic_load_n(&running, __ATOMIC_ACQUIRE)) {
        return; /* netpoll_start looks */
    }
    netpoll_look();
    if (__atomic_exchange_n(&looking, 1, __ATOMIC_ACQ_REL) == 0) {
        timer_set(&guard, clock_ns() + GUARD_NS);
    }
    (void)netif_interrupts(false);
}

static void tick(struct timer *t)
{
    netpoll_look();
    netif_flush();
    bool any = __atomic_exchange_n(&seen, 0, __ATOMIC_RELAXED) != 0;
    uint64_t next = __atomic_exchange_n(&slept, 0, __ATOMIC_RELAXED) != 0 ? REST_NS : GUARD_NS;
    quiet = any ? 0 : quiet + 1;
    if (quiet < QUIET_GUARDS && (any || next == GUARD_NS)) {
        timer_set(t, clock_ns() + next);
        return;
    }
    quiet = 0;
    __atomic_store_n(&looking, 0, __ATOMIC_RELEASE);
    while (netif_interrupts(true)) {
        netpoll_look();
    }
    netif_flush();
}

static void note_sleep(void)
{
    if (__atomic_load_n(&slept, __ATOMIC_RELAXED) == 0) { /* the line stays shared */
        __atomic_store_n(&slept, 1, __ATOMIC_RELAXED);
    }
}

static void before_sleep(void)
{
    netif_flush();
    if (netif_pending()) {
        netpoll_look();
    }
    note_sleep();
}

/* Of an idle CPU. Returns true while it shall go on. */
static bool idle_look(uint64_t cycles)
{
    netif_flush();
    if (netif_pending()) {
        netpoll_look();
        return true;
    }
    return __atomic_load_n(&looking, __ATOMIC_RELAXED) != 0 && cycles < PATIENCE_CYCLES;
}

/* It is about to halt. Returns false when something has come. */
static bool idle_rest(void)
{
    return !netif_interrupts(true);
}

void netpoll_start(void)
{
    static const struct idle_hook hook = {.look = idle_look, .rest = idle_rest};
    timer_init(&guard, tick);
    __atomic_store_n(&running, true, __ATOMIC_RELEASE);
    wait_set_hook(before_sleep);
    idle_set_hook(&hook);
    while (netif_interrupts(true)) {
        netpoll_look();
    }
}
