/* SPDX-License-Identifier: MIT */
// sources: kernel/sched.c kernel/idle.c kernel/runqueue.c kernel/timer.c kernel/base/rbtree.c
// sources: platform/irq.c
// fakes: context park log
/* See schedcpus.h. An interrupt is a bit of the pending word and ends the target's park_wait. The
 * machine ends with its process, since idle loops never do. */
#include "test/fake/schedcpus.h"

#include <asm/prctl.h>
#include <asm/unistd.h>
#include <stdlib.h>

#include "kernel/base/lock.h"
#include "kernel/kva.h"
#include "kernel/rseq.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "platform/clock.h"
#include "platform/irq.h"
#include "platform/moncall.h"
#include "platform/vectors.h"
#include "test/fake/context.h"
#include "test/fake/park.h"

#define ATTENTION_MASK (~0UL << 32)
#define PENDING_BITS 0xffffffffUL

long syscall(long nr, ...); /* unistd.h does not go with the headers of the kernel */

/* A thread and what the host needs for it. Idle threads are the scheduler's own. */
struct fake_thread {
    struct thread thread;
    struct fake_context context;
    void (*function)(void *arg);
    void *arg;
};

static struct cpu cpus[SCHEDCPUS_MAX] __attribute__((aligned(4096)));
static uint64_t armed_ns[SCHEDCPUS_MAX]; /* each its CPU's */
static struct fake_thread first = {.thread = {.tid = 2, .refs = 2}};
static unsigned ncpus, started, alive;
static void (*first_function)(void);
static struct {
    struct thread *thread;
    struct fake_context context;
    void (*begin)(void);
} idles[SCHEDCPUS_MAX];

uint32_t cpu_id(void)
{
    return cpu_this()->id;
}

unsigned cpu_count(void)
{
    return __atomic_load_n(&started, __ATOMIC_ACQUIRE);
}

struct cpu *cpu_of(unsigned id)
{
    return &cpus[id];
}

void cpu_attention(struct cpu *cpu, unsigned bit)
{
    __atomic_fetch_or(&cpu->trap.pending, 1UL << bit, __ATOMIC_RELEASE);
}

static void interrupt(unsigned id, unsigned bit)
{
    __atomic_fetch_or(&cpus[id].trap.pending, 1UL << bit, __ATOMIC_SEQ_CST);
    park_wake(id);
}

void cpu_interrupt(unsigned id)
{
    interrupt(id, PENDING_IPI);
}

void cpu_lazy_begin(void)
{
    cpu_this()->trap.lazy = 1;
}

void cpu_lazy_end(void)
{
    cpu_this()->trap.lazy = 0;
}

bool cpu_is_lazy(void)
{
    return cpu_this()->trap.lazy != 0;
}

/* Where a thread's context is: the idle threads of CPUs come first, by number. */
static struct fake_context *context_of(struct thread *t)
{
    for (unsigned i = 0; i < ncpus; i++) {
        if (__atomic_load_n(&idles[i].thread, __ATOMIC_ACQUIRE) == t) {
            return &idles[i].context;
        }
    }
    return &container_of(t, struct fake_thread, thread)->context;
}

void context_switch(uint64_t *save_rsp, uint64_t load_rsp)
{
    fake_context_switch(save_rsp, load_rsp, context_of(thread_this())->fiber);
}

static void begin_idle(void)
{
    sched_begin();
    idles[cpu_id()].begin();
}

void thread_prepare_kernel(struct thread *t, void (*function)(void))
{
    idles[0].begin = function;
    __atomic_store_n(&idles[0].thread, t, __ATOMIC_RELEASE);
    fake_context_create(&idles[0].context, begin_idle);
    t->kernel_rsp = idles[0].context.rsp;
}

static void enter_cpu(unsigned i, struct thread *t)
{
    struct cpu *cpu = &cpus[i];
    cpu->self = cpu;
    cpu->id = i;
    cpu->thread = t;
    armed_ns[i] = TIME_NEVER;
    if (syscall(__NR_arch_prctl, ARCH_SET_GS, cpu) != 0) {
        abort();
    }
}

int cpu_start(unsigned id, struct thread *t, uint64_t stack_top, void (*begin)(void))
{
    (void)stack_top;
    idles[id].begin = begin;
    __atomic_store_n(&idles[id].thread, t, __ATOMIC_RELEASE);
    while (__atomic_load_n(&started, __ATOMIC_ACQUIRE) <= id) {
        __builtin_ia32_pause();
    }
    return 0;
}

static void run_first(void)
{
    enter_cpu(0, &first.thread);
    fake_context_adopt(&first.context);
    lock_set_cpu_hook(cpu_id);
    timer_start();
    __atomic_store_n(&started, 1, __ATOMIC_RELEASE);
    if (sched_init() != 0) {
        abort();
    }
    for (unsigned i = 1; i < ncpus; i++) {
        if (sched_add_cpu(i) != 0) {
            abort();
        }
    }
    first_function();
    exit(0); /* whatever CPU this is */
}

static void run_cpu(unsigned i)
{
    if (i == 0) {
        run_first();
    }
    struct thread *t;
    while ((t = __atomic_load_n(&idles[i].thread, __ATOMIC_ACQUIRE)) == NULL) {
        park_wait(i, clock_ns() + 1000000);
    }
    enter_cpu(i, t);
    fake_context_adopt(&idles[i].context);
    __atomic_store_n(&started, i + 1, __ATOMIC_RELEASE);
    idles[i].begin();
}

static void run_machine(void)
{
    park_run(ncpus, run_cpu);
}

bool schedcpus_run(unsigned n, void (*function)(void), unsigned seconds)
{
    ncpus = n;
    first_function = function;
    return park_fork(run_machine, seconds) == 0;
}

static void begin_thread(void)
{
    sched_begin();
    struct fake_thread *f = container_of(thread_this(), struct fake_thread, thread);
    f->function(f->arg);
    sched_exit();
}

struct thread *schedcpus_start(void (*function)(void *arg), void *arg)
{
    struct fake_thread *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        abort();
    }
    f->thread.refs = 2;
    f->function = function;
    f->arg = arg;
    fake_context_create(&f->context, begin_thread);
    f->thread.kernel_rsp = f->context.rsp;
    __atomic_fetch_add(&alive, 1, __ATOMIC_RELAXED);
    sched_start(&f->thread);
    return &f->thread;
}

void thread_get(struct thread *t)
{
    if (__atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED) == 0) {
        abort();
    }
}

void thread_put(struct thread *t)
{
    if (__atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) != 1) {
        return;
    }
    struct fake_thread *f = container_of(t, struct fake_thread, thread);
    fake_context_destroy(&f->context);
    free(f);
    __atomic_fetch_sub(&alive, 1, __ATOMIC_RELAXED);
}

unsigned schedcpus_alive(void)
{
    return __atomic_load_n(&alive, __ATOMIC_RELAXED);
}

void moncall_timer(uint64_t deadline_ns)
{
    armed_ns[cpu_id()] = deadline_ns;
}

/* The timer interrupt, when it is due. */
static void look_at_clock(unsigned i)
{
    if (armed_ns[i] <= clock_ns()) {
        armed_ns[i] = TIME_NEVER;
        __atomic_fetch_or(&cpus[i].trap.pending, 1UL << PENDING_TIMER, __ATOMIC_SEQ_CST);
    }
}

void moncall_wait(void)
{
    unsigned i = cpu_id();
    look_at_clock(i);
    while ((__atomic_load_n(&cpus[i].trap.pending, __ATOMIC_SEQ_CST) & PENDING_BITS) == 0) {
        (void)park_wait(i, armed_ns[i]);
        look_at_clock(i);
    }
}

void schedcpus_point(void)
{
    look_at_clock(cpu_id());
    (void)irq_poll();
    uint64_t bits =
        __atomic_fetch_and(&cpu_this()->trap.pending, ~ATTENTION_MASK, __ATOMIC_ACQUIRE);
    if ((bits >> CPU_ATTENTION_RESCHED & 1) != 0) {
        sched_preempt();
    }
    sched_leaving();
}

void schedcpus_compute(void)
{
    look_at_clock(cpu_id());
    if ((__atomic_load_n(&cpu_this()->trap.pending, __ATOMIC_RELAXED) & PENDING_BITS) != 0) {
        schedcpus_point();
    }
}

long moncall(unsigned nr, uint64_t a, uint64_t b, uint64_t c)
{
    abort();
}

uint64_t clock_ns(void)
{
    return park_now_ns();
}

const struct clock_scale *clock_scale(void)
{
    static const struct clock_scale two_ghz = {.mult = 1, .shift = 1};
    return &two_ghz;
}

uint64_t kva_alloc_stack(unsigned npages)
{
    return 1; /* idle threads have the host's */
}

bool signal_attention(void)
{
    return false;
}

bool rseq_moved(void)
{
    return false;
}

/* Threads here have no program whose state goes along. */
uint64_t cpu_fs_base(void)
{
    abort();
}

void cpu_set_fs_base(uint64_t base)
{
    abort();
}

void vectors_save(void *area)
{
    abort();
}

void vectors_load(const void *area, const void *now)
{
    abort();
}
