/* SPDX-License-Identifier: MIT */
/* Thread identity, and the calls that would make a second thread or a second program.
 *
 * Source: gettid(2), set_tid_address(2), get_robust_list(2), membarrier(2), clone(2), fork(2),
 * execve(2). */
#include <asm/errno.h>
#include <asm/signal.h>
#include <linux/futex.h>
#include <linux/limits.h>
#include <linux/membarrier.h>
#include <linux/sched.h>

#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "kernel/rseq.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"

long sys_gettid(void)
{
    return thread_this()->tid;
}

long sys_set_tid_address(uint64_t addr)
{
    thread_this()->clear_child_tid = addr;
    return thread_this()->tid;
}

long sys_set_robust_list(uint64_t head, size_t len)
{
    if (len != sizeof(struct robust_list_head)) {
        return -EINVAL;
    }
    thread_this()->robust_list = head;
    return 0;
}

long sys_get_robust_list(int tid, uint64_t USER *head, size_t USER *len)
{
    const size_t size = sizeof(struct robust_list_head);
    struct thread *t = thread_find(tid == 0 ? thread_this()->tid : tid);
    if (t == NULL) {
        return -ESRCH;
    }
    uint64_t list = __atomic_load_n(&t->robust_list, __ATOMIC_RELAXED);
    thread_put(t);
    if (uaccess_write(len, &size, sizeof(size)) != 0) {
        return -EFAULT;
    }
    return uaccess_write(head, &list, sizeof(list));
}

long sys_rseq(uint64_t area, uint32_t len, int flags, uint32_t signature)
{
    if (flags == RSEQ_FLAG_UNREGISTER) {
        return rseq_unregister(area, len, signature);
    }
    return flags != 0 ? -EINVAL : rseq_register(area, len, signature);
}

/* A serialising instruction on every other CPU is a barrier of each kind there is, so the commands
 * differ in their protocol only: the private ones want a registration first. */
long sys_membarrier(int cmd, unsigned flags, int cpu)
{
    static uint32_t registered; /* [A] MEMBARRIER_CMD_REGISTER_* bits */
    const int barriers =
        MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;
    const int registrations = MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED | barriers << 1;
    const int global = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED;

    (void)cpu;
    if (flags != 0) {
        return -EINVAL;
    }
    if (cmd == MEMBARRIER_CMD_QUERY) {
        return barriers | registrations | global;
    }
    if (cmd < 0 || (cmd & (cmd - 1)) != 0) {
        return -EINVAL;
    }
    if ((cmd & registrations) != 0) {
        __atomic_fetch_or(&registered, (uint32_t)cmd, __ATOMIC_RELAXED);
        return 0;
    }
    uint32_t known = __atomic_load_n(&registered, __ATOMIC_RELAXED);
    if ((cmd & barriers) != 0 && (known & (uint32_t)cmd << 1) == 0) {
        return -EPERM;
    }
    if ((cmd & (barriers | global)) == 0) {
        return -EINVAL;
    }
    cpu_serialize_others();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return 0;
}

/* What is refused, each with one line. */
enum refusal { REFUSE_SHARING, REFUSE_PROCESS, REFUSE_PROGRAM, REFUSE_COUNT };

static long refuse(enum refusal what, const char *call)
{
    static const char *const why[REFUSE_COUNT] = {
        [REFUSE_SHARING] = "refused: threads share everything, and choose neither tid nor cgroup",
        [REFUSE_PROCESS] = "refused: a machine of Elfin runs one process, by design",
        [REFUSE_PROGRAM] = "refused: a machine of Elfin runs one program, by design",
    };
    static bool said[REFUSE_COUNT];

    if (!said[what]) {
        said[what] = true;
        log(SYSCALL, WARN, "%s: %s", call, why[what]);
    }
    return -ENOSYS;
}

/* A thread shares everything; a child process shares less. */
static long check_flags(uint64_t flags, const char *call)
{
    const uint64_t thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD;
    if ((flags & CLONE_THREAD) == 0) {
        return refuse(REFUSE_PROCESS, call);
    }
    if ((flags & (CLONE_VM | CLONE_SIGHAND)) != (CLONE_VM | CLONE_SIGHAND)) {
        return -EINVAL;
    }
    if ((flags & thread) != thread) {
        return refuse(REFUSE_SHARING, call);
    }
    return (flags & CLONE_PIDFD) != 0 ? -EINVAL : 0;
}

/* Called by platform/switch.S for sys_clone and sys_clone3, with the preserved registers. */
long thread_call_clone(uint64_t flags, uint64_t stack, uint64_t ptid, uint64_t ctid, uint64_t tls,
                       const struct saved_registers *regs)
{
    struct thread_request r = {flags & ~(uint64_t)CSIGNAL, stack, ptid, ctid, tls};
    long err = check_flags(flags, "clone");
    return err != 0 ? err : thread_clone(&r, regs);
}

long thread_call_clone3(const void USER *uargs, size_t size, const struct saved_registers *regs)
{
    struct clone_args args = {0};
    if (size > PAGE_SIZE) {
        return -E2BIG;
    }
    if (size < CLONE_ARGS_SIZE_VER0) {
        return -EINVAL;
    }
    long err = uaccess_struct(&args, sizeof(args), uargs, size);
    if (err != 0) {
        return err;
    }
    if ((args.flags & CSIGNAL) != 0 || (args.stack == 0) != (args.stack_size == 0)) {
        return -EINVAL;
    }
    if ((args.flags & CLONE_THREAD) != 0 && args.exit_signal != 0) {
        return -EINVAL;
    }
    if (args.set_tid_size != 0 || (args.flags & CLONE_INTO_CGROUP) != 0) {
        return refuse(REFUSE_SHARING, "clone3");
    }
    struct thread_request r = {args.flags, args.stack + args.stack_size, args.parent_tid,
                               args.child_tid, args.tls};
    err = check_flags(args.flags, "clone3");
    return err != 0 ? err : thread_clone(&r, regs);
}

long sys_fork(void)
{
    return refuse(REFUSE_PROCESS, "fork");
}

long sys_vfork(void)
{
    return refuse(REFUSE_PROCESS, "vfork");
}

/* The name is read for the line, and because a bad pointer is the program's bug, not a refusal. */
static long refuse_program(const char *call, const char USER *name)
{
    char *text = heap_alloc(PATH_MAX);
    if (text == NULL) {
        return -ENOMEM;
    }
    long err = uaccess_string(text, name, PATH_MAX);
    if (err >= 0) {
        char line[128];
        (void)print_buf(line, sizeof(line), "%s of %s", call, text);
        err = refuse(REFUSE_PROGRAM, line);
    }
    heap_free(text);
    return err;
}

long sys_execve(const char USER *name, const void USER *argv, const void USER *envp)
{
    (void)argv;
    (void)envp;
    return refuse_program("execve", name);
}

long sys_execveat(int at, const char USER *name, const void USER *argv, const void USER *envp,
                  int flags)
{
    (void)at;
    (void)argv;
    (void)envp;
    (void)flags;
    return refuse_program("execveat", name);
}
