/* SPDX-License-Identifier: MIT */
/* System V semaphores. SEM_UNDO takes effect when a process ends, and with this one its semaphores
 * end as well: nothing is kept for it. Source: semget(2), semop(2), semctl(2). */
#include <asm/errno.h>
#include <linux/sem.h>

#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "syscall/await.h"
#include "syscall/calls.h"
#include "syscall/ipc.h"

struct sem {
    int value, pid;
    unsigned waiting_more, waiting_zero; /* who sleeps */
};

struct sem_set {
    struct ipc_object object; /* first */
    unsigned n;
    long changed_s, used_s; /* times */
    struct sem sems[];
};

static struct ipc_table table;

static struct sem_set *set_of(struct ipc_object *o)
{
    return container_of(o, struct sem_set, object);
}

static void drop(struct sem_set *s) NEEDS(ipc_lock)
{
    if (--s->object.refs == 0) {
        heap_free(s);
    }
}

static int create(int key, int n, int flags) NEEDS(ipc_lock)
{
    if (n <= 0) {
        return -EINVAL;
    }
    struct sem_set *s = heap_zalloc(sizeof(*s) + (size_t)n * sizeof(s->sems[0]));
    if (s == NULL) {
        return -ENOMEM;
    }
    s->n = (unsigned)n;
    s->changed_s = ipc_now();
    int id = ipc_enter(&table, &s->object, key, flags);
    if (id < 0) {
        heap_free(s);
    }
    return id;
}

long sys_semget(int key, int n, int flags)
{
    struct ipc_object *o;
    if (n < 0 || n > SEMMSL) {
        return -EINVAL;
    }
    mutex_lock(&ipc_lock);
    int result = ipc_lookup(&table, key, flags, &o);
    if (result == 0 && o == NULL) {
        result = create(key, n, flags);
    } else if (result == 0) {
        result = (unsigned)n > set_of(o)->n ? -EINVAL : o->id;
    }
    mutex_unlock(&ipc_lock);
    return result;
}

/* Apply one operation. Returns 0, -ERANGE, or -EAGAIN: not now. */
static int apply(struct sem *s, const struct sembuf *op)
{
    int value = s->value + op->sem_op;
    if (op->sem_op == 0 ? s->value != 0 : value < 0) {
        return -EAGAIN;
    }
    if (value > SEMVMX) {
        return -ERANGE;
    }
    s->value = value;
    return 0;
}

/* Apply all operations or none; *at is the one that could not be. */
static int apply_all(struct sem_set *s, const struct sembuf *ops, unsigned n, unsigned *at)
    NEEDS(ipc_lock)
{
    int err = 0;
    for (*at = 0; *at < n && err == 0; *at += err == 0) {
        err = apply(&s->sems[ops[*at].sem_num], &ops[*at]);
    }
    for (unsigned i = 0; err != 0 && i < *at; i++) {
        s->sems[ops[i].sem_num].value -= ops[i].sem_op;
    }
    for (unsigned i = 0; err == 0 && i < n; i++) {
        s->sems[ops[i].sem_num].pid = PROCESS_PID;
    }
    return err;
}

static int operate(struct sem_set *s, const struct sembuf *ops, unsigned n, uint64_t deadline_ns)
    NEEDS(ipc_lock)
{
    unsigned at;
    int err;
    while ((err = apply_all(s, ops, n, &at)) == -EAGAIN) {
        const struct sembuf *op = &ops[at];
        struct sem *sem = &s->sems[op->sem_num];
        if ((op->sem_flg & IPC_NOWAIT) != 0) {
            return -EAGAIN;
        }
        unsigned *waiting = op->sem_op == 0 ? &sem->waiting_zero : &sem->waiting_more;
        (*waiting)++;
        err = ipc_sleep(&s->object, deadline_ns);
        (*waiting)--;
        if (err != 0) {
            return err == -ETIMEDOUT ? -EAGAIN : err;
        }
    }
    if (err == 0) {
        s->used_s = ipc_now();
        ipc_wake(&s->object);
    }
    return err;
}

static long check_and_operate(int id, const struct sembuf *ops, unsigned n, uint64_t deadline_ns)
{
    struct ipc_object *o;
    unsigned rights = IPC_READ;
    unsigned top = 0;
    for (unsigned i = 0; i < n; i++) {
        rights = ops[i].sem_op != 0 ? IPC_WRITE : rights;
        top = max(top, (unsigned)ops[i].sem_num);
    }
    mutex_lock(&ipc_lock);
    int err = ipc_find(&table, id, rights, &o);
    if (err == 0 && top >= set_of(o)->n) {
        err = -EFBIG;
    }
    if (err == 0) {
        o->refs++;
        err = operate(set_of(o), ops, n, deadline_ns);
        drop(set_of(o));
    }
    mutex_unlock(&ipc_lock);
    return err;
}

long sys_semtimedop(int id, const void USER *ops, size_t n, const void USER *timeout)
{
    uint64_t deadline_ns;
    int err = await_timespec(timeout, &deadline_ns);
    if (err != 0) {
        return err;
    }
    if (n == 0 || id < 0) {
        return -EINVAL;
    }
    if (n > SEMOPM) {
        return -E2BIG;
    }
    struct sembuf *copy = heap_alloc(n * sizeof(*copy));
    if (copy == NULL) {
        return -ENOMEM;
    }
    long result = uaccess_read(copy, ops, n * sizeof(*copy));
    result = result != 0 ? result : check_and_operate(id, copy, (unsigned)n, deadline_ns);
    heap_free(copy);
    return result;
}

long sys_semop(int id, const void USER *ops, size_t n)
{
    return sys_semtimedop(id, ops, n, NULL);
}

static long get_one(const struct sem *s, int cmd)
{
    switch (cmd) {
    case GETVAL: return s->value;
    case GETPID: return s->pid;
    case GETNCNT: return s->waiting_more;
    default: return s->waiting_zero;
    }
}

static long set_one(struct sem_set *s, struct sem *sem, int value) NEEDS(ipc_lock)
{
    if (value < 0 || value > SEMVMX) {
        return -ERANGE;
    }
    sem->value = value;
    sem->pid = PROCESS_PID;
    s->changed_s = ipc_now();
    ipc_wake(&s->object);
    return 0;
}

static long move_all(struct sem_set *s, int cmd, unsigned short USER *array) NEEDS(ipc_lock)
{
    for (unsigned i = 0; i < s->n && cmd == GETALL; i++) {
        unsigned short value = (unsigned short)s->sems[i].value;
        if (uaccess_write(&array[i], &value, sizeof(value)) != 0) {
            return -EFAULT;
        }
    }
    if (cmd == GETALL) {
        return 0;
    }
    for (int round = 0; round < 2; round++) { /* all are looked at before any is set */
        for (unsigned i = 0; i < s->n; i++) {
            unsigned short value;
            if (uaccess_read(&value, &array[i], sizeof(value)) != 0) {
                return -EFAULT;
            }
            if (value > SEMVMX) {
                return -ERANGE;
            }
            s->sems[i].value = round == 1 ? value : s->sems[i].value;
        }
    }
    s->changed_s = ipc_now();
    ipc_wake(&s->object);
    return 0;
}

static long stat_or_set(struct sem_set *s, int cmd, void USER *buf) NEEDS(ipc_lock)
{
    struct semid64_ds d = {.sem_perm = s->object.perm};
    d.sem_otime = s->used_s;
    d.sem_ctime = s->changed_s;
    d.sem_nsems = s->n;
    if (cmd == IPC_STAT) {
        return uaccess_write(buf, &d, sizeof(d));
    }
    long err = ipc_may_change(&s->object);
    err = err != 0 ? err : uaccess_read(&d, buf, sizeof(d));
    if (err == 0) {
        ipc_set(&s->object, &d.sem_perm);
        s->changed_s = ipc_now();
    }
    return err;
}

static long remove_set(struct sem_set *s) NEEDS(ipc_lock)
{
    int err = ipc_may_change(&s->object);
    if (err == 0) {
        ipc_remove(&table, &s->object);
        drop(s);
    }
    return err;
}

static long control(struct sem_set *s, int i, int cmd, uint64_t arg) NEEDS(ipc_lock)
{
    bool one = cmd == GETVAL || cmd == GETPID || cmd == GETNCNT || cmd == GETZCNT || cmd == SETVAL;
    if (one && (i < 0 || (unsigned)i >= s->n)) {
        return -EINVAL;
    }
    switch (cmd) {
    case IPC_RMID: return remove_set(s);
    case IPC_STAT:
    case IPC_SET: return stat_or_set(s, cmd, uptr(void, arg));
    case GETALL:
    case SETALL: return move_all(s, cmd, uptr(unsigned short, arg));
    case SETVAL: return set_one(s, &s->sems[i], (int)arg);
    default: return get_one(&s->sems[i], cmd);
    }
}

long sys_semctl(int id, int i, int cmd, uint64_t arg)
{
    struct ipc_object *o;
    bool known =
        cmd == IPC_RMID || cmd == IPC_STAT || cmd == IPC_SET || (cmd >= GETPID && cmd <= SETALL);
    if (!known) {
        log(SYSCALL, WARN, "semctl: command %d is not supported", cmd);
        return -EINVAL;
    }
    bool changes = cmd == SETVAL || cmd == SETALL;
    bool owns = cmd == IPC_RMID || cmd == IPC_SET;
    mutex_lock(&ipc_lock);
    long result = ipc_find(&table, id, changes ? IPC_WRITE : owns ? 0 : IPC_READ, &o);
    result = result != 0 ? result : control(set_of(o), i, cmd, arg);
    mutex_unlock(&ipc_lock);
    return result;
}
