/* SPDX-License-Identifier: MIT */
/* POSIX message queues.
 *
 * A queue lives as long as it has a name or is open. names.lock guards the list of those with a
 * name and the sum of their sizes; it comes before mqueue.lock, which guards messages and the
 * registration. Memory of the program is touched without either.
 * Source: mq_overview(7), mq_open(3), mq_send(3), mq_receive(3), mq_notify(3). */
#include "kernel/mqueue.h"

#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/resource.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"

#define MESSAGES_USUAL 10 /* also what may be asked for without CAP_SYS_RESOURCE */
#define SIZE_USUAL 8192
#define MESSAGES_MAX 65536
#define SIZE_MAX_PRIVILEGED 16777216
#define QUEUES_MAX 256
#define OVERHEAD 96 /* bytes that Linux counts for each message */
#define IN (POLLIN | POLLRDNORM)
#define OUT (POLLOUT | POLLWRNORM)

struct message {
    struct list link; /* [mqueue.lock] higher priorities first, then in order of arrival */
    unsigned priority;
    size_t len;
    char data[];
};

struct mqueue {
    struct list link; /* [names.lock] */
    bool named; /* [names.lock] on the list, which has a reference */
    char name[NAME_MAX + 1]; /* [I] */
    uint32_t uid, gid, mode; /* [I] */
    long most; /* [I] messages */
    long size; /* [I] bytes of a message */
    uint32_t refs; /* [A] */
    struct spinlock lock;
    struct list messages; /* [L] */
    long count; /* [L] of messages */
    unsigned receivers; /* [L] asleep */
    struct file *registered; /* [L] who is to be told, NULL: nobody; not referenced */
    struct sigevent event; /* [L] how */
    struct wait_queue changed;
};

static struct {
    struct spinlock lock;
    struct list queues; /* [lock] */
    unsigned count; /* [lock] of all queues, with a name or not */
    uint64_t bytes; /* [lock] that all of them may need */
} names = {.queues = LIST_INIT(names.queues)};

static const struct file_ops mqueue_ops;

static struct mqueue *queue_of(const struct file *f)
{
    return f->ops == &mqueue_ops ? f->object : NULL;
}

static uint64_t bytes_of(long most, long size)
{
    return (uint64_t)most * ((uint64_t)size + OVERHEAD);
}

static void mqueue_put(struct mqueue *q)
{
    /* release and acquire: other holders are done before it is freed */
    if (__atomic_sub_fetch(&q->refs, 1, __ATOMIC_ACQ_REL) != 0) {
        return;
    }
    while (!list_empty(&q->messages)) {
        heap_free(list_entry(list_pop(&q->messages), struct message, link));
    }
    spin_lock(&names.lock);
    names.count--;
    names.bytes -= bytes_of(q->most, q->size);
    spin_unlock(&names.lock);
    heap_free(q);
}

static struct mqueue *find_locked(const char *name) NEEDS(names.lock)
{
    struct list *at;
    lock_assert_held(&names.lock);
    list_for_each (at, &names.queues) {
        struct mqueue *q = list_entry(at, struct mqueue, link);
        if (strcmp(q->name, name) == 0) {
            return q;
        }
    }
    return NULL;
}

/* Whether the process may open q so. */
static int check_access(const struct mqueue *q, int flags)
{
    static const unsigned needs[] = {[O_RDONLY] = 4, [O_WRONLY] = 2, [O_RDWR] = 6};
    unsigned bits = q->mode & 7;
    if (process.fsuid == q->uid) {
        bits = q->mode >> 6 & 7;
    } else if (process.fsgid == q->gid) {
        bits = q->mode >> 3 & 7;
    }
    bool ok = (needs[flags & O_ACCMODE] & ~bits) == 0 || process_capable(CAP_DAC_OVERRIDE);
    return ok ? 0 : -EACCES;
}

static int check_attr(const struct mq_attr *a)
{
    bool privileged = process_capable(CAP_SYS_RESOURCE);
    long most = privileged ? MESSAGES_MAX : MESSAGES_USUAL;
    long size = privileged ? SIZE_MAX_PRIVILEGED : SIZE_USUAL;
    bool ok =
        a->mq_maxmsg > 0 && a->mq_msgsize > 0 && a->mq_maxmsg <= most && a->mq_msgsize <= size;
    return ok ? 0 : -EINVAL;
}

static struct mqueue *create(const char *name, unsigned mode, const struct mq_attr *attr)
{
    struct mqueue *q = heap_zalloc(sizeof(*q));
    if (q != NULL) {
        memcpy(q->name, name, strlen(name) + 1);
        q->uid = process.fsuid;
        q->gid = process.fsgid;
        q->mode = mode & 0777;
        q->most = attr->mq_maxmsg;
        q->size = attr->mq_msgsize;
        q->refs = 2; /* the name's and the file's */
        q->named = true;
        list_init(&q->messages);
        wait_queue_init(&q->changed);
    }
    return q;
}

/* Count a new queue and give it its name. */
static int enter_locked(struct mqueue *q) NEEDS(names.lock)
{
    uint64_t bytes = bytes_of(q->most, q->size);
    lock_assert_held(&names.lock);
    if (names.count >= QUEUES_MAX && !process_capable(CAP_SYS_RESOURCE)) {
        return -ENOSPC;
    }
    if (names.bytes + bytes > process.limits[RLIMIT_MSGQUEUE].rlim_cur) {
        return -EMFILE;
    }
    names.count++;
    names.bytes += bytes;
    list_append(&names.queues, &q->link);
    return 0;
}

/* Find the queue, or give this name to fresh (NULL: nothing is to be made). A queue found comes
 * with a reference. */
static int find_or_enter(const char *name, int flags, struct mqueue *fresh, struct mqueue **out)
{
    int err;
    spin_lock(&names.lock);
    *out = find_locked(name);
    if (*out == NULL) {
        err = fresh != NULL ? enter_locked(fresh) : -ENOENT;
        *out = fresh;
    } else if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) {
        err = -EEXIST;
    } else {
        err = check_access(*out, flags);
    }
    if (err == 0 && *out != fresh) {
        __atomic_fetch_add(&(*out)->refs, 1, __ATOMIC_RELAXED);
    }
    spin_unlock(&names.lock);
    return err;
}

static bool exists(const char *name)
{
    spin_lock(&names.lock);
    bool found = find_locked(name) != NULL;
    spin_unlock(&names.lock);
    return found;
}

static int check_name(const char *name)
{
    if (name[0] == 0) {
        return -ENOENT;
    }
    bool special = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
    return special || strchr(name, '/') != NULL ? -EACCES : 0;
}

int mqueue_open(const char *name, int flags, unsigned mode, const struct mq_attr *attr,
                struct file **out)
{
    static const struct mq_attr usual = {.mq_maxmsg = MESSAGES_USUAL, .mq_msgsize = SIZE_USUAL};
    struct mqueue *fresh = NULL;
    struct mqueue *q;
    int err = (flags & O_ACCMODE) == O_ACCMODE ? -EINVAL : check_name(name);
    if (err == 0 && (flags & O_CREAT) != 0 && !exists(name)) {
        attr = attr != NULL ? attr : &usual;
        err = check_attr(attr);
        fresh = err == 0 ? create(name, mode, attr) : NULL;
        err = err == 0 && fresh == NULL ? -ENOMEM : err;
    }
    err = err != 0 ? err : find_or_enter(name, flags, fresh, &q);
    if (err != 0 || q != fresh) {
        heap_free(fresh);
    }
    if (err != 0) {
        return err;
    }
    *out = file_create(&mqueue_ops, q, (unsigned)flags & (O_ACCMODE | O_NONBLOCK));
    if (*out == NULL) {
        mqueue_put(q); /* a new one keeps its name: as if it had been closed */
        return -ENOMEM;
    }
    return 0;
}

int mqueue_unlink(const char *name)
{
    spin_lock(&names.lock);
    struct mqueue *q = find_locked(name);
    int err = q == NULL ? -ENOENT : 0;
    if (err == 0 && process.fsuid != q->uid && !process_capable(CAP_FOWNER)) {
        err = -EPERM;
    }
    if (err == 0) {
        list_remove(&q->link);
        q->named = false;
    }
    spin_unlock(&names.lock);
    if (err == 0) {
        mqueue_put(q);
    }
    return err;
}

/* A message has come into the empty queue and nobody waits for it. */
static void tell(const struct sigevent *ev)
{
    siginfo_t info;
    if (ev->sigev_notify != SIGEV_SIGNAL) {
        return;
    }
    memset(&info, 0, sizeof(info));
    info.si_signo = ev->sigev_signo;
    info.si_code = SI_MESGQ;
    info.si_pid = PROCESS_PID;
    info.si_uid = process.uid;
    info.si_value = ev->sigev_value;
    (void)signal_send(ev->sigev_signo, &info); /* a full queue of signals loses it, as in Linux */
}

static void insert_locked(struct mqueue *q, struct message *m) NEEDS(q->lock)
{
    struct list *at = q->messages.prev;
    lock_assert_held(&q->lock);
    while (at != &q->messages && list_entry(at, struct message, link)->priority < m->priority) {
        at = at->prev;
    }
    list_append(at->next, &m->link);
    q->count++;
}

/* Put m into q if there is room. */
static bool give(struct mqueue *q, struct message *m)
{
    struct sigevent event = {.sigev_notify = SIGEV_NONE};
    spin_lock(&q->lock);
    bool room = q->count < q->most;
    if (room) {
        insert_locked(q, m);
        if (q->count == 1 && q->receivers == 0 && q->registered != NULL) {
            event = q->event;
            q->registered = NULL;
        }
    }
    spin_unlock(&q->lock);
    if (room) {
        wait_wake_events(&q->changed, WAIT_ALL, IN);
        tell(&event);
    }
    return room;
}

static struct message *take(struct mqueue *q)
{
    struct message *m = NULL;
    spin_lock(&q->lock);
    if (q->count != 0) {
        m = list_entry(list_pop(&q->messages), struct message, link);
        q->count--;
    }
    spin_unlock(&q->lock);
    if (m != NULL) {
        wait_wake_events(&q->changed, WAIT_ALL, OUT);
    }
    return m;
}

static long count_of(struct mqueue *q)
{
    spin_lock(&q->lock);
    long n = q->count;
    spin_unlock(&q->lock);
    return n;
}

static void count_receiver(struct mqueue *q, unsigned change)
{
    spin_lock(&q->lock);
    q->receivers += change;
    spin_unlock(&q->lock);
}

static long wait_error(int err)
{
    return err == -EINTR ? -ERESTARTSYS : err;
}

static long send(struct file *f, struct mqueue *q, struct message *m, uint64_t deadline_ns)
{
    while (!give(q, m)) {
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        int err = wait_until(&q->changed, count_of(q) < q->most, deadline_ns);
        if (err != 0) {
            return wait_error(err);
        }
    }
    return 0;
}

long mqueue_send(struct file *f, const void USER *message, size_t len, unsigned priority,
                 uint64_t deadline_ns)
{
    struct mqueue *q = queue_of(f);
    if (q == NULL || !file_writable(f)) {
        return -EBADF;
    }
    if (len > (size_t)q->size) {
        return -EMSGSIZE;
    }
    struct message *m = heap_alloc(sizeof(*m) + len);
    if (m == NULL) {
        return -ENOMEM;
    }
    m->len = len;
    m->priority = priority;
    long err = uaccess_read(m->data, message, len);
    err = err != 0 ? err : send(f, q, m, deadline_ns);
    if (err != 0) {
        heap_free(m);
    }
    return err;
}

static long await_message(struct file *f, struct mqueue *q, uint64_t deadline_ns,
                          struct message **out)
{
    while ((*out = take(q)) == NULL) {
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        count_receiver(q, 1);
        int err = wait_until(&q->changed, count_of(q) != 0, deadline_ns);
        count_receiver(q, -1U);
        if (err != 0) {
            return wait_error(err);
        }
    }
    return 0;
}

long mqueue_receive(struct file *f, void USER *message, size_t cap, unsigned *priority,
                    uint64_t deadline_ns)
{
    struct mqueue *q = queue_of(f);
    struct message *m;
    if (q == NULL || !file_readable(f)) {
        return -EBADF;
    }
    if (cap < (size_t)q->size) {
        return -EMSGSIZE;
    }
    long result = await_message(f, q, deadline_ns, &m);
    if (result != 0) {
        return result;
    }
    *priority = m->priority;
    result = uaccess_write(message, m->data, m->len) == 0 ? (long)m->len : -EFAULT;
    heap_free(m);
    return result;
}

int mqueue_notify(struct file *f, const struct sigevent *ev)
{
    struct mqueue *q = queue_of(f);
    if (q == NULL) {
        return -EBADF;
    }
    spin_lock(&q->lock);
    int err = ev != NULL && q->registered != NULL ? -EBUSY : 0;
    if (err == 0) {
        q->registered = ev != NULL ? f : NULL;
        q->event = ev != NULL ? *ev : q->event;
    }
    spin_unlock(&q->lock);
    return err;
}

int mqueue_attr(struct file *f, const struct mq_attr *set, struct mq_attr *old)
{
    struct mqueue *q = queue_of(f);
    if (q == NULL) {
        return -EBADF;
    }
    *old = (struct mq_attr){
        .mq_flags = f->flags & O_NONBLOCK,
        .mq_maxmsg = q->most,
        .mq_msgsize = q->size,
        .mq_curmsgs = count_of(q),
    };
    if (set != NULL) {
        file_set_flags(f, O_NONBLOCK, (unsigned)set->mq_flags & O_NONBLOCK);
    }
    return 0;
}

static unsigned mqueue_poll(struct file *f, struct wait_queue **out)
{
    struct mqueue *q = f->object;
    *out = &q->changed;
    long n = count_of(q);
    return (n != 0 ? IN : 0) | (n < q->most ? OUT : 0);
}

static void mqueue_release(struct file *f)
{
    struct mqueue *q = f->object;
    spin_lock(&q->lock);
    q->registered = q->registered != f ? q->registered : NULL;
    spin_unlock(&q->lock);
    mqueue_put(q);
}

static const struct file_ops mqueue_ops = {
    .name = "mqueue",
    .poll = mqueue_poll,
    .release = mqueue_release,
};
