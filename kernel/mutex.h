/* SPDX-License-Identifier: MIT */
/* A lock whose holder may sleep. */
#ifndef KERNEL_MUTEX_H
#define KERNEL_MUTEX_H

#include "kernel/wait.h"

struct CAPABILITY("mutex") mutex {
    struct thread *owner; /* [A] NULL: free */
    struct wait_queue queue;
};

void mutex_init(struct mutex *m);
/* mutex_lock: may block; not for a holder. mutex_unlock: only by the holder. */
void mutex_lock(struct mutex *m) TAKES(m);
void mutex_unlock(struct mutex *m) DROPS(m);
/* mutex_held: the current thread holds m. */
bool mutex_held(const struct mutex *m);

#endif
