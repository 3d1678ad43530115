/* SPDX-License-Identifier: MIT */
/* The life of threads.
 *
 * The table, a tree by tid, holds every thread that has not ended; table.lock guards it and the
 * counts. A thread's memory goes with its last reference: never on its own stack (sched.c). Kernel
 * stacks are kept for the next thread, because mapping one costs more than everything else here.
 * Source: clone(2), exit(2), set_tid_address(2). */
#include "kernel/thread.h"

#include <asm/errno.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>

#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/heap.h"
#include "kernel/kva.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/stackcache.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"
#include "platform/offsets.h"
#include "platform/vectors.h"

#define TID_MAX 4194304 /* as Linux's largest pid_max */
#define USER_CS 0x33
#define USER_SS 0x2b

static struct thread first = {.refs = 2}; /* one for ever: it is not heap memory */

static struct {
    struct spinlock lock;
    struct rbtree threads; /* [lock] */
    unsigned count; /* [lock] */
    int last_tid; /* [lock] */
    struct cputime ended; /* [lock] of threads that are gone */
    uint64_t ended_waits, ended_preemptions; /* [lock] theirs */
    int leader_status; /* [lock] what the first thread ended with */
} table;

static void (*exit_hook)(struct thread *t);

void thread_set_exit_hook(void (*hook)(struct thread *t))
{
    exit_hook = hook;
}

static struct thread *of_node(struct rbnode *node)
{
    return rb_entry(node, struct thread, table_node);
}

/* The first thread with a tid of at least tid. */
static struct thread *at_least_locked(int tid)
{
    lock_assert_held(&table.lock);
    struct thread *best = NULL;
    for (struct rbnode *at = table.threads.root; at != NULL;) {
        struct thread *t = of_node(at);
        if (t->tid >= tid) {
            best = t;
        }
        at = at->child[t->tid < tid];
    }
    return best;
}

static void link_locked(struct thread *t)
{
    lock_assert_held(&table.lock);
    struct rbnode *parent = NULL;
    struct rbnode **link = &table.threads.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[t->tid > of_node(parent)->tid];
    }
    rbtree_link(&table.threads, &t->table_node, parent, link);
    table.count++;
}

static int enter_table(struct thread *t)
{
    spin_lock(&table.lock);
    if (table.count >= process.limits[RLIMIT_NPROC].rlim_cur) {
        spin_unlock(&table.lock);
        return -EAGAIN;
    }
    struct thread *holder;
    do {
        table.last_tid = table.last_tid >= TID_MAX ? PROCESS_PID : table.last_tid + 1;
        holder = at_least_locked(table.last_tid);
    } while (holder != NULL && holder->tid == table.last_tid);
    t->tid = table.last_tid;
    link_locked(t);
    spin_unlock(&table.lock);
    return 0;
}

static int alloc_vectors(struct thread *t)
{
    size_t len = align_up(vectors_size(), VECTORS_ALIGN);
    t->vectors_memory = heap_zalloc(len + cpu_xsave_size() + VECTORS_ALIGN);
    if (t->vectors_memory == NULL) {
        return -ENOMEM;
    }
    t->vectors = (void *)(uintptr_t)align_up((uint64_t)(uintptr_t)t->vectors_memory, VECTORS_ALIGN);
    t->sig_vectors = (char *)t->vectors + len;
    return 0;
}

int thread_create_first(void)
{
    uint64_t top = kva_alloc_stack(KERNEL_STACK_SIZE / PAGE_SIZE);
    if (top == 0 || alloc_vectors(&first) != 0) {
        return -ENOMEM;
    }
    first.tid = PROCESS_PID;
    first.kernel_stack_top = top;
    sigqueue_init(&first.sig_queue);
    first.sig_altstack.ss_flags = SS_DISABLE;
    spin_lock(&table.lock);
    table.last_tid = PROCESS_PID;
    link_locked(&first);
    spin_unlock(&table.lock);
    cpu_this()->thread = &first;
    return sched_init();
}

struct thread *thread_find(int tid)
{
    spin_lock(&table.lock);
    struct thread *t = at_least_locked(tid);
    if (t != NULL && t->tid != tid) {
        t = NULL;
    }
    if (t != NULL) {
        thread_get(t);
    }
    spin_unlock(&table.lock);
    return t;
}

struct thread *thread_next(int tid)
{
    spin_lock(&table.lock);
    struct thread *t = at_least_locked(tid + 1);
    if (t != NULL) {
        thread_get(t);
    }
    spin_unlock(&table.lock);
    return t;
}

void thread_get(struct thread *t)
{
    uint32_t before = __atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED);
    assert(before != 0);
}

void thread_put(struct thread *t)
{
    /* release and acquire: other holders are done before the memory goes */
    if (__atomic_fetch_sub(&t->refs, 1, __ATOMIC_ACQ_REL) != 1) {
        return;
    }
    kva_free_stack(t->kernel_stack_top, KERNEL_STACK_SIZE / PAGE_SIZE);
    heap_free(t->vectors_memory);
    heap_free(t);
}

unsigned thread_count(void)
{
    return __atomic_load_n(&table.count, __ATOMIC_RELAXED);
}

struct cputime thread_cputime(void)
{
    spin_lock(&table.lock);
    struct cputime sum = table.ended;
    for (struct rbnode *at = rbtree_first(&table.threads); at != NULL; at = rbtree_next(at)) {
        struct cputime one = cputime_of(of_node(at));
        sum.total_ns += one.total_ns;
        sum.system_ns += one.system_ns;
    }
    spin_unlock(&table.lock);
    return sum;
}

void thread_switches(uint64_t *waits, uint64_t *preemptions)
{
    spin_lock(&table.lock);
    *waits = table.ended_waits;
    *preemptions = table.ended_preemptions;
    for (struct rbnode *at = rbtree_first(&table.threads); at != NULL; at = rbtree_next(at)) {
        *waits += __atomic_load_n(&of_node(at)->waits, __ATOMIC_RELAXED);
        *preemptions += __atomic_load_n(&of_node(at)->preemptions, __ATOMIC_RELAXED);
    }
    spin_unlock(&table.lock);
}

/* The six registers that context_switch pops, and where it returns to. */
static void push_context(struct thread *t, uint64_t sp, void (*begin)(void))
{
    uint64_t *at = (uint64_t *)(uintptr_t)sp;
    *--at = (uint64_t)(uintptr_t)begin;
    at -= sizeof(struct saved_registers) / sizeof(*at);
    memset(at, 0, sizeof(struct saved_registers));
    t->kernel_rsp = (uint64_t)(uintptr_t)at;
}

void thread_prepare_kernel(struct thread *t, void (*function)(void))
{
    uint64_t *at = (uint64_t *)(uintptr_t)t->kernel_stack_top - 2;
    at[0] = (uint64_t)(uintptr_t)function;
    push_context(t, (uint64_t)(uintptr_t)at, context_begin_kernel);
}

/* The registers with which the new thread returns from the current one's call. */
static void prepare_program(struct thread *t, const struct thread_request *r,
                            const struct saved_registers *regs)
{
    const struct call_frame *call = cpu_call_frame();
    struct frame *f = (struct frame *)(uintptr_t)(t->kernel_stack_top - sizeof(*f));
    *f = (struct frame){.r15 = regs->r15,
                        .r14 = regs->r14,
                        .r13 = regs->r13,
                        .r12 = regs->r12,
                        .rbp = regs->rbp,
                        .rbx = regs->rbx,
                        .r10 = call->r10,
                        .r9 = call->r9,
                        .r8 = call->r8,
                        .rdx = call->rdx,
                        .rsi = call->rsi,
                        .rdi = call->rdi};
    f->rflags = (call->flags & RFLAGS_PROGRAM) | RFLAGS_FIXED;
    f->r11 = f->rflags;
    f->rcx = f->rip = call->rip;
    f->cs = USER_CS;
    f->ss = USER_SS;
    f->rsp = r->stack != 0 ? r->stack : cpu_this()->user_rsp;
    push_context(t, (uint64_t)(uintptr_t)f, context_begin);
    t->fs_base = (r->flags & CLONE_SETTLS) != 0 ? r->tls : cpu_fs_base();
    vectors_save(t->vectors);
}

static struct thread *create(void)
{
    struct thread *t = heap_zalloc(sizeof(*t));
    if (t == NULL) {
        return NULL;
    }
    t->refs = 1;
    t->start_ns = clock_ns();
    sigqueue_init(&t->sig_queue);
    t->kernel_stack_top = kva_alloc_stack(KERNEL_STACK_SIZE / PAGE_SIZE);
    if (t->kernel_stack_top == 0 || alloc_vectors(t) != 0) {
        if (t->kernel_stack_top != 0) {
            kva_free_stack(t->kernel_stack_top, KERNEL_STACK_SIZE / PAGE_SIZE);
        }
        heap_free(t);
        return NULL;
    }
    return t;
}

static int write_tids(const struct thread *t, const struct thread_request *r)
{
    uint32_t tid = (uint32_t)t->tid;
    int err = 0;
    if ((r->flags & CLONE_PARENT_SETTID) != 0) {
        err = uaccess_write32(uptr(uint32_t, r->parent_tid), tid);
    }
    if (err == 0 && (r->flags & CLONE_CHILD_SETTID) != 0) {
        (void)!uaccess_write32(uptr(uint32_t, r->child_tid), tid); /* Linux ignores it, too */
    }
    return err;
}

static void leave_table(struct thread *t)
{
    spin_lock(&table.lock);
    rbtree_remove(&table.threads, &t->table_node);
    table.count--;
    spin_unlock(&table.lock);
}

long thread_clone(const struct thread_request *r, const struct saved_registers *regs)
{
    const struct thread *parent = thread_this();
    struct thread *t = create();
    if (t == NULL) {
        return -ENOMEM;
    }
    prepare_program(t, r, regs);
    t->sig_mask = parent->sig_restore_mask ? parent->sig_saved_mask : parent->sig_mask;
    t->sig_altstack.ss_flags = SS_DISABLE;
    t->clear_child_tid = (r->flags & CLONE_CHILD_CLEARTID) != 0 ? r->child_tid : 0;
    memcpy(t->comm, parent->comm, sizeof(t->comm));
    t->mempolicy = parent->mempolicy;
    t->io_priority = __atomic_load_n(&parent->io_priority, __ATOMIC_RELAXED);
    if (!parent->parameters.reset_on_fork) {
        t->parameters = parent->parameters;
    }
    int err = enter_table(t);
    if (err != 0) {
        thread_put(t);
        return err;
    }
    long tid = t->tid;
    err = write_tids(t, r);
    if (err != 0) {
        leave_table(t);
        thread_put(t);
        return err;
    }
    if (r->stack != 0) {
        stackcache_started(r->stack);
    }
    fd_share(); /* descriptors need references from now on */
    sched_start(t);
    return tid;
}

void thread_exit(int status)
{
    struct thread *t = thread_this();
    t->burst = 0; /* whoever waits for its end may have this CPU */
    if (exit_hook != NULL) {
        exit_hook(t);
    }
    signal_thread_exit(t);
    spin_lock(&table.lock);
    table.leader_status = t == &first ? status : table.leader_status;
    if (table.count == 1) {
        status = table.leader_status;
        spin_unlock(&table.lock);
        process_exit(status & 0xff);
    }
    rbtree_remove(&table.threads, &t->table_node);
    table.count--;
    struct cputime had = cputime_of(t);
    table.ended.total_ns += had.total_ns;
    table.ended.system_ns += had.system_ns;
    table.ended_waits += t->waits;
    table.ended_preemptions += t->preemptions;
    spin_unlock(&table.lock);
    sched_exit();
}
