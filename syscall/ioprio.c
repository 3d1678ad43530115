/* SPDX-License-Identifier: MIT */
/* Priorities of input and output: kept for each thread; there is nobody to be ahead of.
 * Source: ioprio_set(2), linux/ioprio.h. */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/ioprio.h>

#include "kernel/process.h"
#include "kernel/thread.h"
#include "syscall/calls.h"

#define LEVEL_MASK 7 /* the rest of the data is a hint */

/* Whether which and who mean all threads; else *one is the thread, referenced. */
static long find_target(int which, int who, bool *all, struct thread **one)
{
    *all = which != IOPRIO_WHO_PROCESS;
    *one = NULL;
    switch (which) {
    case IOPRIO_WHO_PROCESS: *one = thread_find(who != 0 ? who : thread_this()->tid); break;
    case IOPRIO_WHO_PGRP: return who == 0 || who == process.pgid ? 0 : -ESRCH;
    case IOPRIO_WHO_USER: return who == 0 || (uint32_t)who == process.uid ? 0 : -ESRCH;
    default: return -EINVAL;
    }
    return *one != NULL ? 0 : -ESRCH;
}

static long check(int value)
{
    int class = value >> IOPRIO_CLASS_SHIFT;
    switch (class) {
    case IOPRIO_CLASS_RT:
        return process_capable(CAP_SYS_ADMIN) || process_capable(CAP_SYS_NICE) ? 0 : -EPERM;
    case IOPRIO_CLASS_BE:
    case IOPRIO_CLASS_IDLE: return 0;
    case IOPRIO_CLASS_NONE: return (value & LEVEL_MASK) != 0 ? -EINVAL : 0;
    default: return -EINVAL;
    }
}

static void store(struct thread *t, int value)
{
    __atomic_store_n(&t->io_priority, value, __ATOMIC_RELAXED);
}

static int load(const struct thread *t)
{
    return __atomic_load_n(&t->io_priority, __ATOMIC_RELAXED);
}

/* The better of two: a lower class, then a lower level; none is the middle of best effort. */
static int better(int a, int b)
{
    int middle = IOPRIO_CLASS_BE << IOPRIO_CLASS_SHIFT | 4;
    int x = a >> IOPRIO_CLASS_SHIFT != IOPRIO_CLASS_NONE ? a : middle;
    int y = b >> IOPRIO_CLASS_SHIFT != IOPRIO_CLASS_NONE ? b : middle;
    return min(x, y);
}

long sys_ioprio_set(int which, int who, int value)
{
    bool all;
    struct thread *t;
    long err = check(value);
    err = err != 0 ? err : find_target(which, who, &all, &t);
    if (err != 0) {
        return err;
    }
    for (t = all ? thread_next(0) : t; t != NULL;) {
        store(t, value);
        struct thread *after = all ? thread_next(t->tid) : NULL;
        thread_put(t);
        t = after;
    }
    return 0;
}

long sys_ioprio_get(int which, int who)
{
    bool all;
    bool first = true;
    int best = 0;
    struct thread *t;
    long err = find_target(which, who, &all, &t);
    if (err != 0) {
        return err;
    }
    for (t = all ? thread_next(0) : t; t != NULL;) {
        best = first ? load(t) : better(best, load(t));
        first = false;
        struct thread *after = all ? thread_next(t->tid) : NULL;
        thread_put(t);
        t = after;
    }
    return best;
}
