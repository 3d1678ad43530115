/* SPDX-License-Identifier: MIT */
/* System V message queues. Source: msgget(2), msgop(2), msgctl(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/msg.h>

#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/ipc.h"

struct message {
    struct list link; /* [ipc_lock] in order of arrival */
    long type;
    size_t len;
    char data[];
};

struct msg_queue {
    struct ipc_object object; /* first */
    struct list messages;
    unsigned long count, bytes, most_bytes;
    long sent_s, received_s, changed_s; /* times */
    int sender, receiver;
};

/* Which message a receiver wants. */
struct wish {
    long type;
    size_t cap;
    int flags;
};

static struct ipc_table table;

static struct msg_queue *queue_of(struct ipc_object *o)
{
    return container_of(o, struct msg_queue, object);
}

static void drop(struct msg_queue *q) NEEDS(ipc_lock)
{
    if (--q->object.refs != 0) {
        return;
    }
    while (!list_empty(&q->messages)) {
        heap_free(list_entry(list_pop(&q->messages), struct message, link));
    }
    heap_free(q);
}

static int create(int key, int flags) NEEDS(ipc_lock)
{
    struct msg_queue *q = heap_zalloc(sizeof(*q));
    if (q == NULL) {
        return -ENOMEM;
    }
    list_init(&q->messages);
    q->most_bytes = MSGMNB;
    q->changed_s = ipc_now();
    int id = ipc_enter(&table, &q->object, key, flags);
    if (id < 0) {
        heap_free(q);
    }
    return id;
}

long sys_msgget(int key, int flags)
{
    struct ipc_object *o;
    mutex_lock(&ipc_lock);
    int result = ipc_lookup(&table, key, flags, &o);
    if (result == 0) {
        result = o == NULL ? create(key, flags) : o->id;
    }
    mutex_unlock(&ipc_lock);
    return result;
}

/* Queue m, which is the queue's then. */
static int send(struct msg_queue *q, struct message *m, int flags) NEEDS(ipc_lock)
{
    while (q->bytes + m->len > q->most_bytes || q->count + 1 > q->most_bytes) {
        int err = (flags & IPC_NOWAIT) != 0 ? -EAGAIN : ipc_sleep(&q->object, TIME_NEVER);
        if (err != 0) {
            return err;
        }
    }
    list_append(&q->messages, &m->link);
    q->count++;
    q->bytes += m->len;
    q->sent_s = ipc_now();
    q->sender = PROCESS_PID;
    ipc_wake(&q->object);
    return 0;
}

static long find_and_send(int id, struct message *m, int flags)
{
    struct ipc_object *o;
    mutex_lock(&ipc_lock);
    long err = ipc_find(&table, id, IPC_WRITE, &o);
    if (err == 0) {
        o->refs++;
        err = send(queue_of(o), m, flags);
        drop(queue_of(o));
    }
    mutex_unlock(&ipc_lock);
    return err;
}

long sys_msgsnd(int id, const void USER *from, size_t len, int flags)
{
    long type;
    if (uaccess_read(&type, from, sizeof(type)) != 0) {
        return -EFAULT;
    }
    if (len > MSGMAX || id < 0 || type < 1) {
        return -EINVAL;
    }
    struct message *m = heap_alloc(sizeof(*m) + len);
    if (m == NULL) {
        return -ENOMEM;
    }
    m->type = type;
    m->len = len;
    long err = uaccess_read(m->data, (const char USER *)from + sizeof(type), len);
    err = err != 0 ? err : find_and_send(id, m, flags);
    if (err != 0) {
        heap_free(m);
    }
    return err;
}

static bool matches(const struct message *m, const struct wish *w)
{
    if (w->type == 0) {
        return true;
    }
    if (w->type < 0) {
        return m->type <= -w->type;
    }
    return (m->type == w->type) != ((w->flags & MSG_EXCEPT) != 0);
}

/* The first that is wanted; with a negative type, the first of the lowest one. */
static struct message *find(struct msg_queue *q, const struct wish *w) NEEDS(ipc_lock)
{
    struct message *best = NULL;
    struct list *at;
    list_for_each (at, &q->messages) {
        struct message *m = list_entry(at, struct message, link);
        if (!matches(m, w) || (best != NULL && m->type >= best->type)) {
            continue;
        }
        best = m;
        if (w->type >= 0) {
            break;
        }
    }
    return best;
}

/* Take it off the queue: it is the caller's. */
static int receive(struct msg_queue *q, const struct wish *w, struct message **out) NEEDS(ipc_lock)
{
    while ((*out = find(q, w)) == NULL) {
        int err = (w->flags & IPC_NOWAIT) != 0 ? -ENOMSG : ipc_sleep(&q->object, TIME_NEVER);
        if (err != 0) {
            return err;
        }
    }
    if ((*out)->len > w->cap && (w->flags & MSG_NOERROR) == 0) {
        return -E2BIG;
    }
    list_remove(&(*out)->link);
    q->count--;
    q->bytes -= (*out)->len;
    q->received_s = ipc_now();
    q->receiver = PROCESS_PID;
    ipc_wake(&q->object);
    return 0;
}

long sys_msgrcv(int id, void USER *to, size_t cap, long type, int flags)
{
    struct wish w = {.type = type > -INT64_MAX ? type : -INT64_MAX, .cap = cap, .flags = flags};
    struct ipc_object *o;
    struct message *m;
    if (id < 0 || (long)cap < 0) {
        return -EINVAL;
    }
    if ((flags & MSG_COPY) != 0) {
        log(SYSCALL, WARN, "msgrcv: MSG_COPY is not supported");
        return -ENOSYS;
    }
    mutex_lock(&ipc_lock);
    long result = ipc_find(&table, id, IPC_READ, &o);
    if (result == 0) {
        o->refs++;
        result = receive(queue_of(o), &w, &m);
        drop(queue_of(o));
    }
    mutex_unlock(&ipc_lock);
    if (result != 0) {
        return result;
    }
    size_t n = min(m->len, cap);
    if (uaccess_write(to, &m->type, sizeof(m->type)) != 0 ||
        uaccess_write((char USER *)to + sizeof(m->type), m->data, n) != 0) {
        result = -EFAULT;
    }
    heap_free(m);
    return result != 0 ? result : (long)n;
}

static long set_limits(struct msg_queue *q, const struct msqid64_ds *d) NEEDS(ipc_lock)
{
    int err = ipc_may_change(&q->object);
    if (err == 0 && d->msg_qbytes > MSGMNB && !process_capable(CAP_SYS_RESOURCE)) {
        err = -EPERM;
    }
    if (err == 0) {
        ipc_set(&q->object, &d->msg_perm);
        q->most_bytes = d->msg_qbytes;
        q->changed_s = ipc_now();
        ipc_wake(&q->object);
    }
    return err;
}

static long control(struct msg_queue *q, int cmd, void USER *buf) NEEDS(ipc_lock)
{
    struct msqid64_ds d = {.msg_perm = q->object.perm};
    d.msg_stime = q->sent_s;
    d.msg_rtime = q->received_s;
    d.msg_ctime = q->changed_s;
    d.msg_cbytes = q->bytes;
    d.msg_qnum = q->count;
    d.msg_qbytes = q->most_bytes;
    d.msg_lspid = q->sender;
    d.msg_lrpid = q->receiver;
    if (cmd == IPC_STAT) {
        return uaccess_write(buf, &d, sizeof(d));
    }
    if (cmd == IPC_SET) {
        return uaccess_read(&d, buf, sizeof(d)) != 0 ? -EFAULT : set_limits(q, &d);
    }
    int err = ipc_may_change(&q->object);
    if (err == 0) {
        ipc_remove(&table, &q->object);
        drop(q);
    }
    return err;
}

long sys_msgctl(int id, int cmd, void USER *buf)
{
    struct ipc_object *o;
    if (cmd != IPC_RMID && cmd != IPC_STAT && cmd != IPC_SET) {
        log(SYSCALL, WARN, "msgctl: command %d is not supported", cmd);
        return -EINVAL;
    }
    mutex_lock(&ipc_lock);
    long result = ipc_find(&table, id, cmd == IPC_STAT ? IPC_READ : 0, &o);
    result = result != 0 ? result : control(queue_of(o), cmd, buf);
    mutex_unlock(&ipc_lock);
    return result;
}
