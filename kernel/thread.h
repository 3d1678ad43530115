/* SPDX-License-Identifier: MIT */
/* Threads of the one process: their life and the table of all. */
#ifndef KERNEL_THREAD_H
#define KERNEL_THREAD_H

#include <asm/signal.h>

#include "kernel/base/base.h"
#include "kernel/base/list.h"
#include "kernel/base/rbtree.h"
#include "kernel/cputime.h"
#include "kernel/sigqueue.h"
#include "platform/cpu.h"

#define KERNEL_STACK_SIZE (16 * PAGE_SIZE)

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED, THREAD_DEAD };

/* How sched(7) would have a thread scheduled: kept and told, but for its effect. Guarded by the
 * lock of syscall/sched.c; nice may be read without. */
struct thread_parameters {
    int policy; /* SCHED_*, without SCHED_RESET_ON_FORK */
    int priority; /* of the real-time policies */
    int nice; /* [A] -20..19 */
    bool reset_on_fork;
};

struct thread {
    int tid; /* [I] the first thread's is the pid, 1 is never used: see process.h */
    uint32_t refs; /* [A] one for the table and the scheduler together */
    struct rbnode table_node; /* [table lock] by tid */
    uint64_t kernel_stack_top; /* [I] */

    /* the scheduler's: under the lock of its queue, or [C] while it runs */
    enum thread_state state; /* written under the lock; read without it by whoever only looks */
    bool wake_mark; /* woken before it slept */
    uint32_t cpu; /* [A] whose queue this is; changes under the lock of the old one */
    uint64_t affinity; /* [A] CPUs that it may run on */
    uint64_t ready_tsc; /* since when it waits */
    uint64_t burst, burst_now; /* cycles: average between two sleeps, and since the last */
    struct rbnode run_node;
    uint64_t vruntime; /* cycles, as fairness counts them */
    uint64_t cpu_cycles; /* processor time had until since_tsc */
    uint64_t since_tsc; /* while running: charged up to here */
    uint64_t system_time; /* [A] written by the thread alone: see cputime.c */
    uint64_t waits, preemptions; /* times it gave the CPU up, and times it was taken away */
    uint64_t kernel_rsp; /* while not running: saved context */
    uint64_t user_rsp; /* while not running: struct cpu's */
    uint64_t fs_base; /* program's FS while not running */
    /* [I] of platform/vectors.h; NULL: the thread never leaves the library OS */
    void *vectors;
    void *vectors_memory; /* [I] heap block around it */

    uint64_t sig_mask; /* [A] blocked signals, bit n-1; only the thread itself changes it */
    uint64_t sig_waited; /* [A] signals of its sigtimedwait that it blocks otherwise */
    bool sig_notified; /* [A] has something to take: see signal.c */
    uint64_t sig_saved_mask; /* mask to restore after sigsuspend, ppoll ... */
    bool sig_restore_mask; /* sig_saved_mask is to be restored on the way out */
    struct sigqueue sig_queue; /* directed at this thread */
    struct sigframe_fault sig_fault; /* [C] of the synchronous signal being delivered */
    void *sig_vectors; /* [I] XSAVE area: signal frames on their way in and out */
    stack_t sig_altstack; /* sigaltstack(2) */
    uint64_t clear_child_tid; /* set_tid_address(2) */
    uint64_t robust_list; /* set_robust_list(2) */
    bool futex_exiting; /* [A] hands on what it owns: nobody may wait for it any more */
    uint64_t rseq_area; /* rseq(2); 0: none registered */
    uint32_t rseq_signature;
    uint32_t rseq_cpu; /* [C] the CPU number that the area shows */
    bool faults_off; /* [C] user access fails at once instead of sleeping for a page */
    int mempolicy; /* [C] set_mempolicy(2); its nodes follow from it */
    char comm[16]; /* prctl(PR_SET_NAME) */
    uint64_t start_ns; /* [I] CLOCK_MONOTONIC when it was made */
    struct thread_parameters parameters;
    int io_priority; /* [A] ioprio_set(2); 0: none */
    uint64_t restart_data[4]; /* [C] syscall/restart.h; [0] is 0: nothing to restart */
};

/* thread_this: the current thread. */
static inline struct thread *thread_this(void)
{
    struct thread *t;
    __asm__ volatile("mov %%gs:0x98, %0" : "=r"(t));
    return t;
}

/* thread_set_state: the scheduler's. Release: what was written before is seen by who sees it. */
static inline void thread_set_state(struct thread *t, enum thread_state state)
{
    __atomic_store_n(&t->state, state, __ATOMIC_RELEASE);
}

/* thread_create_first: the program's first thread, with a guarded kernel stack; it becomes current.
 * Returns 0 or -ENOMEM. */
MUST_CHECK int thread_create_first(void);

/* What clone(2) and clone3(2) say about a new thread. Addresses are the program's. */
struct thread_request {
    uint64_t flags; /* CLONE_* */
    uint64_t stack; /* initial RSP; 0: the caller's */
    uint64_t parent_tid, child_tid, tls;
};

/* thread_clone: a new thread that returns 0 from the system call which the current one is in, ready
 * to run. regs: the preserved registers at the call. Returns its tid, -EAGAIN (RLIMIT_NPROC),
 * -ENOMEM, -EFAULT (parent_tid). Context: may block. Source: clone(2). */
MUST_CHECK long thread_clone(const struct thread_request *r, const struct saved_registers *regs);

/* thread_exit: the current thread ends; the last one ends the process with status. */
NORETURN void thread_exit(int status);

/* thread_prepare_kernel: set up t, which has a stack, so that it starts in function. */
void thread_prepare_kernel(struct thread *t, void (*function)(void));

/* thread_find: by tid, with a reference; NULL when there is none. thread_next: the first with a tid
 * above this one's, with a reference (for /proc/self/task, process-directed signals). */
struct thread *thread_find(int tid);
struct thread *thread_next(int tid);
void thread_get(struct thread *t);
void thread_put(struct thread *t);
unsigned thread_count(void);

/* thread_cputime: processor time of all threads, those that ended included. */
struct cputime thread_cputime(void);

/* thread_switches: how often threads gave the CPU up, and had it taken away; as above. */
void thread_switches(uint64_t *waits, uint64_t *preemptions);

/* thread_set_exit_hook: called in the context of each thread that ends (futexes). */
void thread_set_exit_hook(void (*hook)(struct thread *t));

#endif
