/* SPDX-License-Identifier: MIT */
/* A lock that one writer or any number of readers hold; holders may sleep. A waiting writer keeps
 * new readers out, but for as many as wait when a writer is done; a reader must not take it
 * again. */
#ifndef KERNEL_RWLOCK_H
#define KERNEL_RWLOCK_H

#include "kernel/wait.h"

struct thread;

struct CAPABILITY("rwlock") rwlock {
    int32_t state; /* [A] -1: written, else the number of readers */
    uint32_t writers; /* [A] that want it */
    uint32_t sleeping_writers, sleeping_readers; /* [A] those that may sleep for it */
    uint32_t passes; /* [A] readers that may enter although writers wait */
    struct thread *writer; /* [A] NULL: none */
    struct wait_queue write_queue, read_queue;
};

void rwlock_init(struct rwlock *l);
/* rwlock_lock, rwlock_unlock: as the writer; rwlock_share, rwlock_unshare: as a reader. May
 * block. */
void rwlock_lock(struct rwlock *l) TAKES(l);
void rwlock_unlock(struct rwlock *l) DROPS(l);
void rwlock_share(struct rwlock *l) TAKES_SHARED(l);
void rwlock_unshare(struct rwlock *l) DROPS_SHARED(l);
/* rwlock_held: the current thread is the writer. */
bool rwlock_held(const struct rwlock *l);

#endif
