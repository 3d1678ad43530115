/* SPDX-License-Identifier: MIT */
/* A CPU without a thread to run. */
#include "kernel/idle.h"

#include "kernel/runqueue.h"
#include "platform/cpu.h"
#include "platform/irq.h"
#include "platform/moncall.h"

#define LOOK_CYCLES 200000UL /* an idle CPU looks for work before it halts */
#define PATIENCE_CYCLES 150000UL /* and takes what has waited for as long */

static const struct idle_hook *idle_hook; /* [A] NULL: none */

void idle_set_hook(const struct idle_hook *hook)
{
    __atomic_store_n(&idle_hook, hook, __ATOMIC_RELEASE);
}

static const struct idle_hook *get_hook(void)
{
    return __atomic_load_n(&idle_hook, __ATOMIC_ACQUIRE);
}

/* Look around for work for a while. Returns true when there is some. */
static bool idle_look(void)
{
    struct run_queue *q = runqueue_this();
    const struct idle_hook *look = get_hook();
    uint64_t start = cpu_cycles();
    enum pull_result pulled = PULL_NOTHING;
    for (;;) {
        uint64_t cycles = cpu_cycles() - start;
        bool others = cpu_count() > 1 && (cycles < LOOK_CYCLES || pulled == PULL_NOT_YET);
        bool hook = look != NULL && look->look(cycles);
        if (runqueue_ready(q) || irq_poll()) {
            return true;
        }
        if (!others && !hook) {
            return false;
        }
        pulled = others ? runqueue_pull(PATIENCE_CYCLES) : PULL_NOTHING;
        if (pulled == PULL_DONE) {
            return true;
        }
        __builtin_ia32_pause();
    }
}

/* Wait for a thread to run or an interrupt: looking around for a while, then halted. */
void idle_wait(void)
{
    struct run_queue *q = runqueue_this();
    __atomic_store_n(&q->idle_state, IDLE_LOOKING, __ATOMIC_SEQ_CST);
    if (idle_look()) {
        return;
    }
    /* sequentially consistent: either the waker sees that this CPU halts, or it sees its thread */
    __atomic_store_n(&q->idle_state, IDLE_HALTED, __ATOMIC_SEQ_CST);
    const struct idle_hook *last = get_hook();
    bool work = runqueue_ready(q) ||
                (cpu_count() > 1 && runqueue_pull(PATIENCE_CYCLES) != PULL_NOTHING) ||
                (last != NULL && !last->rest());
    if (!work) {
        moncall_wait();
    }
    __atomic_store_n(&q->idle_state, IDLE_LOOKING, __ATOMIC_RELAXED);
}
