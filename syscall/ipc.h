/* SPDX-License-Identifier: MIT */
/* What the three kinds of System V IPC have in common: ids, keys, permissions, and one mutex over
 * all of it. */
#ifndef SYSCALL_IPC_H
#define SYSCALL_IPC_H

#include <linux/ipc.h>

#include <asm/ipcbuf.h>

#include "kernel/mutex.h"

extern struct mutex ipc_lock;

/* Embedded first in each object. All under ipc_lock. */
struct ipc_object {
    int id;
    struct ipc64_perm perm;
    unsigned refs; /* the table's, and of calls that sleep */
    bool removed; /* no longer in the table */
    uint64_t changes; /* [A] of whatever a sleeper waits for */
    struct wait_queue changed;
};

struct ipc_table {
    struct ipc_object **slots; /* array[size] by id % IPC_SLOTS, NULL: free */
    unsigned size;
    unsigned sequence; /* part of the next id, so that old ones do not come back soon */
};
#define IPC_SLOTS 32768
#define IPC_READ 0444
#define IPC_WRITE 0222

/* ipc_lookup: what *get asks for by key: 0 and *out, or *out NULL: it is to be made (see
 * ipc_enter). Returns -ENOENT, -EEXIST, -EACCES. */
MUST_CHECK int ipc_lookup(struct ipc_table *t, int key, int flags, struct ipc_object **out)
    NEEDS(ipc_lock);

/* ipc_enter: a new, zeroed object gets id, owner and the table's reference. Returns the id, -ENOMEM
 * or -ENOSPC. */
MUST_CHECK int ipc_enter(struct ipc_table *t, struct ipc_object *o, int key, int flags)
    NEEDS(ipc_lock);

/* ipc_find: by id, with rights (IPC_READ, IPC_WRITE or 0). Returns 0, -EINVAL, -EACCES. */
MUST_CHECK int ipc_find(struct ipc_table *t, int id, unsigned rights, struct ipc_object **out)
    NEEDS(ipc_lock);

/* ipc_may_change: the process owns o: for IPC_SET and IPC_RMID. Returns 0 or -EPERM. */
MUST_CHECK int ipc_may_change(const struct ipc_object *o) NEEDS(ipc_lock);

/* ipc_set: owner and mode as IPC_SET. ipc_remove: out of the table; who sleeps wakes. The caller
 * drops the table's reference. */
void ipc_set(struct ipc_object *o, const struct ipc64_perm *perm) NEEDS(ipc_lock);
void ipc_remove(struct ipc_table *t, struct ipc_object *o) NEEDS(ipc_lock);

/* ipc_sleep: until o changes; the lock is given up meanwhile. The caller holds a reference. Returns
 * 0, -EIDRM, -EINTR, -ETIMEDOUT. ipc_wake: o has changed. */
MUST_CHECK int ipc_sleep(struct ipc_object *o, uint64_t deadline_ns) NEEDS(ipc_lock);
void ipc_wake(struct ipc_object *o) NEEDS(ipc_lock);

/* ipc_now: the time, in seconds. */
long ipc_now(void);

#endif
