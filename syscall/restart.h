/* SPDX-License-Identifier: MIT */
/* Calls that go on with what remains of their time when a signal without a handler interrupted
 * them. */
#ifndef SYSCALL_RESTART_H
#define SYSCALL_RESTART_H

#include "kernel/signal.h"
#include "kernel/thread.h"

/* What restart_syscall(2) does then. */
typedef long (*restart_fn)(uint64_t a, uint64_t b, uint64_t c);

/* restart_later: leave word with the current thread; the result of the interrupted call. */
static inline long restart_later(restart_fn fn, uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t *data = thread_this()->restart_data;
    data[0] = (uint64_t)(uintptr_t)(void *)fn;
    data[1] = a;
    data[2] = b;
    data[3] = c;
    return -ERESTART_RESTARTBLOCK;
}

#endif
