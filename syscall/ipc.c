/* SPDX-License-Identifier: MIT */
/* Ids, keys and permissions of System V IPC. There is one process, which rarely has more than a few
 * objects: one mutex is over all of them. Source: sysvipc(7). */
#include "syscall/ipc.h"

#include <asm/errno.h>
#include <linux/capability.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "platform/clock.h"

#define FIRST_SLOTS 16
#define SEQUENCES 32768
#define MODE_BITS 0777

struct mutex ipc_lock = {.queue = {.waiters = LIST_INIT(ipc_lock.queue.waiters)}};

static int check(const struct ipc_object *o, unsigned rights)
{
    unsigned granted = o->perm.mode & 7;
    if (process.euid == o->perm.uid || process.euid == o->perm.cuid) {
        granted = o->perm.mode >> 6 & 7;
    } else if (process.egid == o->perm.gid || process.egid == o->perm.cgid) {
        granted = o->perm.mode >> 3 & 7;
    }
    unsigned wanted = (rights >> 6 | rights >> 3 | rights) & 7;
    return (wanted & ~granted) == 0 || process_capable(CAP_IPC_OWNER) ? 0 : -EACCES;
}

static struct ipc_object *of_key(const struct ipc_table *t, int key)
{
    for (unsigned i = 0; i < t->size; i++) {
        if (t->slots[i] != NULL && t->slots[i]->perm.key == key) {
            return t->slots[i];
        }
    }
    return NULL;
}

int ipc_lookup(struct ipc_table *t, int key, int flags, struct ipc_object **out)
{
    *out = key != IPC_PRIVATE ? of_key(t, key) : NULL;
    if (*out == NULL) {
        return key == IPC_PRIVATE || (flags & IPC_CREAT) != 0 ? 0 : -ENOENT;
    }
    if ((flags & (IPC_CREAT | IPC_EXCL)) == (IPC_CREAT | IPC_EXCL)) {
        return -EEXIST;
    }
    return check(*out, (unsigned)flags & MODE_BITS);
}

static int grow(struct ipc_table *t)
{
    unsigned size = t->size != 0 ? t->size * 2 : FIRST_SLOTS;
    if (size > IPC_SLOTS) {
        return -ENOSPC;
    }
    struct ipc_object **slots = heap_resize(t->slots, size * sizeof(struct ipc_object *));
    if (slots == NULL) {
        return -ENOMEM;
    }
    memset(slots + t->size, 0, (size - t->size) * sizeof(struct ipc_object *));
    t->slots = slots;
    t->size = size;
    return 0;
}

int ipc_enter(struct ipc_table *t, struct ipc_object *o, int key, int flags)
{
    unsigned i = 0;
    while (i < t->size && t->slots[i] != NULL) {
        i++;
    }
    int err = i < t->size ? 0 : grow(t);
    if (err != 0) {
        return err;
    }
    t->slots[i] = o;
    o->id = (int)(i + t->sequence * IPC_SLOTS);
    o->perm = (struct ipc64_perm){
        .key = key,
        .uid = process.euid,
        .gid = process.egid,
        .cuid = process.euid,
        .cgid = process.egid,
        .mode = (unsigned)flags & MODE_BITS,
        .seq = (unsigned short)t->sequence,
    };
    t->sequence = (t->sequence + 1) % SEQUENCES;
    o->refs = 1;
    wait_queue_init(&o->changed);
    return o->id;
}

int ipc_find(struct ipc_table *t, int id, unsigned rights, struct ipc_object **out)
{
    unsigned i = (unsigned)id % IPC_SLOTS;
    *out = id >= 0 && i < t->size ? t->slots[i] : NULL;
    if (*out == NULL || (*out)->id != id) {
        return -EINVAL;
    }
    return check(*out, rights);
}

int ipc_may_change(const struct ipc_object *o)
{
    bool owner = process.euid == o->perm.uid || process.euid == o->perm.cuid;
    return owner || process_capable(CAP_SYS_ADMIN) ? 0 : -EPERM;
}

void ipc_set(struct ipc_object *o, const struct ipc64_perm *perm)
{
    o->perm.uid = perm->uid;
    o->perm.gid = perm->gid;
    o->perm.mode = (o->perm.mode & ~(unsigned)MODE_BITS) | (perm->mode & MODE_BITS);
}

void ipc_wake(struct ipc_object *o)
{
    __atomic_fetch_add(&o->changes, 1, __ATOMIC_RELEASE); /* pairs with ipc_sleep's look */
    wait_wake(&o->changed, WAIT_ALL);
}

void ipc_remove(struct ipc_table *t, struct ipc_object *o)
{
    t->slots[(unsigned)o->id % IPC_SLOTS] = NULL;
    o->removed = true;
    ipc_wake(o);
}

int ipc_sleep(struct ipc_object *o, uint64_t deadline_ns)
{
    uint64_t seen = o->changes;
    mutex_unlock(&ipc_lock);
    int err = wait_until(&o->changed, __atomic_load_n(&o->changes, __ATOMIC_ACQUIRE) != seen,
                         deadline_ns);
    mutex_lock(&ipc_lock);
    return o->removed ? -EIDRM : err;
}

long ipc_now(void)
{
    return (long)(clock_wall_ns() / NSEC_PER_SEC);
}
