/* SPDX-License-Identifier: MIT */
/* kcmp: whether two threads share something. Those of the one process share everything; two
 * descriptors may or may not be of one open file. Source: kcmp(2). */
#include <asm/errno.h>
#include <linux/kcmp.h>

#include "kernel/base/print.h"
#include "kernel/file.h"
#include "kernel/thread.h"
#include "syscall/calls.h"

static bool is_ours(int pid)
{
    struct thread *t = thread_find(pid);
    if (t != NULL) {
        thread_put(t);
    }
    return t != NULL;
}

/* 0: the same, 1: less, 2: greater, in an order without a meaning. */
static long compare_files(uint64_t a, uint64_t b)
{
    struct file *x = a <= INT32_MAX ? fd_get_any((int)a) : NULL;
    struct file *y = b <= INT32_MAX ? fd_get_any((int)b) : NULL;
    long order = x == NULL || y == NULL ? -EBADF : x == y ? 0 : (uintptr_t)x < (uintptr_t)y ? 1 : 2;
    if (x != NULL) {
        file_put(x);
    }
    if (y != NULL) {
        file_put(y);
    }
    return order;
}

long sys_kcmp(int pid1, int pid2, int type, uint64_t a, uint64_t b)
{
    if (!is_ours(pid1) || !is_ours(pid2)) {
        return -ESRCH;
    }
    if (type < 0 || type >= KCMP_TYPES) {
        return -EINVAL;
    }
    if (type == KCMP_EPOLL_TFD) {
        log(SYSCALL, WARN, "kcmp: KCMP_EPOLL_TFD is not supported");
        return -EOPNOTSUPP;
    }
    return type == KCMP_FILE ? compare_files(a, b) : 0;
}
