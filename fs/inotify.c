/* SPDX-License-Identifier: MIT */
/* inotify instances.
 *
 * Watches are found by their vnode, which they hold, in a table of buckets; an instance keeps a
 * list of its own. Events wait in the instance until they are read; one that equals the last is
 * dropped. Open files know by which name they were opened: if it still leads to them, the
 * directory's watches are told, too. Locks: table.lock (all watches) > inotify.lock (events) >
 * wait_queue.lock. Source: inotify(7), inotify_add_watch(2). */
#include "fs/inotify.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <linux/limits.h>

#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"

#define BUCKETS 64
#define EVENTS_MAX 16384 /* /proc/sys/fs/inotify/max_queued_events */
#define MODES (IN_ONESHOT | IN_EXCL_UNLINK)
#define READABLE (POLLIN | POLLRDNORM)

struct event {
    struct list link;
    int wd;
    uint32_t mask, cookie;
    uint32_t len; /* of name with its padding */
    char name[];
};

struct inotify {
    struct spinlock lock;
    struct list events; /* [lock] */
    unsigned nevents; /* [lock] */
    size_t bytes; /* [lock] what reading all takes */
    struct wait_queue changed;
    struct mutex reading; /* one reader at a time keeps their order */
    struct list watches; /* [table.lock] */
    int last_wd; /* [table.lock] */
};

struct watch {
    struct list bucket; /* [table.lock] */
    struct list own; /* [table.lock] in inotify.watches, or to be freed */
    struct inotify *inotify; /* [I] */
    struct vnode *vnode; /* [I] referenced */
    uint32_t mask; /* [table.lock] IN_* events and MODES */
    int wd; /* [I] */
};

unsigned inotify_watches;

static struct {
    struct spinlock lock;
    struct list buckets[BUCKETS]; /* [lock] next is NULL before the first */
} table;
static uint32_t last_cookie;
static const struct file_ops inotify_ops;

uint32_t inotify_cookie(void)
{
    return __atomic_add_fetch(&last_cookie, 1, __ATOMIC_RELAXED);
}

static struct list *bucket_of(const struct vnode *v)
{
    struct list *b = &table.buckets[(uintptr_t)v / sizeof(*v) % BUCKETS];
    if (b->next == NULL) {
        list_init(b);
    }
    return b;
}

static bool same(const struct event *a, const struct event *b)
{
    return a->wd == b->wd && a->mask == b->mask && a->cookie == b->cookie &&
           strcmp(a->name, b->name) == 0;
}

static size_t record_len(const struct event *e)
{
    return sizeof(struct inotify_event) + e->len;
}

static void append_locked(struct inotify *i, struct event *e) NEEDS(i->lock)
{
    lock_assert_held(&i->lock);
    list_append(&i->events, &e->link);
    i->nevents++;
    i->bytes += record_len(e);
}

/* Queue an event; name may be NULL. Without memory it is lost like one too many. */
static void queue(struct inotify *i, int wd, uint32_t mask, uint32_t cookie, const char *name)
{
    size_t len = name != NULL ? align_up(strlen(name) + 1, sizeof(struct inotify_event)) : 0;
    struct event *e = heap_zalloc(sizeof(*e) + max(len, 1UL));
    if (e == NULL) {
        return;
    }
    *e = (struct event){.wd = wd, .mask = mask, .cookie = cookie, .len = (uint32_t)len};
    if (name != NULL) {
        memcpy(e->name, name, strlen(name));
    }
    spin_lock(&i->lock);
    bool again = !list_empty(&i->events) && same(list_entry(i->events.prev, struct event, link), e);
    bool drop = again || i->nevents > EVENTS_MAX;
    if (!drop && i->nevents == EVENTS_MAX) {
        *e = (struct event){.wd = -1, .mask = IN_Q_OVERFLOW};
    }
    if (!drop) {
        append_locked(i, e);
    }
    spin_unlock(&i->lock);
    if (drop) {
        heap_free(e);
    } else {
        wait_wake_events(&i->changed, WAIT_ALL, READABLE);
    }
}

/* End a watch; its memory and vnode go after the lock: onto dead. */
static void end_locked(struct watch *w, struct list *dead) NEEDS(table.lock)
{
    lock_assert_held(&table.lock);
    queue(w->inotify, w->wd, IN_IGNORED, 0, NULL);
    list_remove(&w->bucket);
    list_remove(&w->own);
    list_append(dead, &w->own);
    __atomic_fetch_sub(&inotify_watches, 1, __ATOMIC_RELAXED);
}

static void bury(struct list *dead)
{
    while (!list_empty(dead)) {
        struct watch *w = list_entry(list_pop(dead), struct watch, own);
        vnode_put(w->vnode);
        heap_free(w);
    }
}

/* Tell the watches of v. */
static void report(const struct vnode *v, uint32_t mask, uint32_t cookie, const char *name)
{
    struct list dead;
    struct list *at;
    struct list *tmp;
    list_init(&dead);
    spin_lock(&table.lock);
    list_for_each_safe(at, tmp, bucket_of(v))
    {
        struct watch *w = list_entry(at, struct watch, bucket);
        if (w->vnode != v || (w->mask & mask & IN_ALL_EVENTS) == 0) {
            continue;
        }
        queue(w->inotify, w->wd, mask, cookie, name);
        if ((w->mask & IN_ONESHOT) != 0) {
            end_locked(w, &dead);
        }
    }
    spin_unlock(&table.lock);
    bury(&dead);
}

static uint32_t kind_of(const struct vnode *v)
{
    return S_ISDIR(v->mode) ? IN_ISDIR : 0;
}

void inotify_node_event(struct vnode *v, uint32_t mask)
{
    bool plain = (mask & (IN_DELETE_SELF | IN_MOVE_SELF)) != 0;
    report(v, mask | (plain ? 0 : kind_of(v)), 0, NULL);
}

void inotify_name_event(struct vnode *dir, const char *name, const struct vnode *v, uint32_t mask,
                        uint32_t cookie)
{
    report(dir, mask | kind_of(v), cookie, name);
}

/* The directory in which p lies and its name there, if it is still the one. */
static void report_parent(const struct path *p, uint32_t mask)
{
    const char *last = strrchr(p->name, '/');
    struct path dir;
    struct vnode *v;
    if (last == NULL || last[1] == 0) {
        return;
    }
    size_t len = max((size_t)(last - p->name), 1UL);
    char *name = heap_zalloc(len + 1);
    if (name == NULL) {
        return;
    }
    memcpy(name, p->name, len);
    int err = namei_walk(NULL, name, WALK_DIRECTORY, &dir);
    heap_free(name);
    if (err != 0) {
        return;
    }
    if (dir.vnode->ops->lookup(dir.vnode, last + 1, strlen(last + 1), &v) == 0) {
        if (v == p->vnode) {
            inotify_name_event(dir.vnode, last + 1, v, mask, 0);
        }
        vnode_put(v);
    }
    path_put(&dir);
}

void inotify_path_event(const struct path *p, uint32_t mask)
{
    report_parent(p, mask);
    inotify_node_event(p->vnode, mask);
}

/* The caller holds one reference of v, each watch one; nobody else: it is gone. */
void inotify_gone_event(struct vnode *v)
{
    struct vattr attr;
    struct list dead;
    struct list *at;
    struct list *tmp;
    uint32_t watches = 0;
    if (v->ops->getattr(v, &attr) != 0 || attr.nlink != 0) {
        return;
    }
    list_init(&dead);
    spin_lock(&table.lock);
    list_for_each (at, bucket_of(v)) {
        watches += list_entry(at, struct watch, bucket)->vnode == v;
    }
    bool gone = watches != 0 && __atomic_load_n(&v->refs, __ATOMIC_ACQUIRE) == watches + 1;
    list_for_each_safe(at, tmp, bucket_of(v))
    {
        struct watch *w = list_entry(at, struct watch, bucket);
        if (!gone || w->vnode != v) {
            continue;
        }
        if ((w->mask & IN_DELETE_SELF) != 0) {
            queue(w->inotify, w->wd, IN_DELETE_SELF, 0, NULL);
        }
        end_locked(w, &dead);
    }
    spin_unlock(&table.lock);
    bury(&dead);
}

static struct inotify *inotify_of(const struct file *f)
{
    return f->ops == &inotify_ops ? f->object : NULL;
}

static int change_locked(struct watch *w, uint32_t mask) NEEDS(table.lock)
{
    lock_assert_held(&table.lock);
    if ((mask & IN_MASK_CREATE) != 0) {
        return -EEXIST;
    }
    uint32_t kept = (mask & IN_MASK_ADD) != 0 ? w->mask : 0;
    w->mask = kept | (mask & (IN_ALL_EVENTS | MODES));
    return w->wd;
}

/* The instance's watch of v, NULL. */
static struct watch *find_locked(const struct inotify *i, const struct vnode *v) NEEDS(table.lock)
{
    struct list *at;
    lock_assert_held(&table.lock);
    list_for_each (at, bucket_of(v)) {
        struct watch *w = list_entry(at, struct watch, bucket);
        if (w->vnode == v && w->inotify == i) {
            return w;
        }
    }
    return NULL;
}

int inotify_watch(struct file *f, struct vnode *v, uint32_t mask)
{
    struct inotify *i = inotify_of(f);
    struct watch *fresh = heap_zalloc(sizeof(*fresh));
    if (i == NULL || fresh == NULL) {
        heap_free(fresh);
        return i == NULL ? -EINVAL : -ENOMEM;
    }
    spin_lock(&table.lock);
    struct watch *w = find_locked(i, v);
    int wd = w != NULL ? change_locked(w, mask) : ++i->last_wd;
    if (w == NULL) {
        vnode_get(v);
        *fresh = (struct watch){.inotify = i, .vnode = v, .wd = wd};
        fresh->mask = mask & (IN_ALL_EVENTS | MODES);
        list_append(bucket_of(v), &fresh->bucket);
        list_append(&i->watches, &fresh->own);
        __atomic_fetch_add(&inotify_watches, 1, __ATOMIC_RELAXED);
        fresh = NULL;
    }
    spin_unlock(&table.lock);
    heap_free(fresh);
    return wd;
}

int inotify_unwatch(struct file *f, int wd)
{
    struct inotify *i = inotify_of(f);
    struct list dead;
    struct list *at;
    struct list *tmp;
    if (i == NULL) {
        return -EINVAL;
    }
    list_init(&dead);
    spin_lock(&table.lock);
    list_for_each_safe(at, tmp, &i->watches)
    {
        struct watch *w = list_entry(at, struct watch, own);
        if (w->wd == wd) {
            end_locked(w, &dead);
        }
    }
    spin_unlock(&table.lock);
    int err = list_empty(&dead) ? -EINVAL : 0;
    bury(&dead);
    return err;
}

static bool any_event(struct inotify *i)
{
    spin_lock(&i->lock);
    bool any = !list_empty(&i->events);
    spin_unlock(&i->lock);
    return any;
}

/* Take the first event if it fits in room. NULL: none (*fits true) or it does not. */
static struct event *take(struct inotify *i, size_t room, bool *fits)
{
    struct event *e = NULL;
    *fits = true;
    spin_lock(&i->lock);
    if (!list_empty(&i->events)) {
        e = list_entry(i->events.next, struct event, link);
        size_t len = record_len(e);
        *fits = len <= room;
        if (*fits) {
            list_remove(&e->link);
            i->nevents--;
            i->bytes -= len;
        }
    }
    spin_unlock(&i->lock);
    return *fits ? e : NULL;
}

/* Write e as the program sees it. */
static bool put(const struct event *e, struct iov_iter *it)
{
    const struct inotify_event head = {e->wd, e->mask, e->cookie, e->len};
    return iov_copy_to(it, &head, sizeof(head)) == (long)sizeof(head) &&
           (e->len == 0 || iov_copy_to(it, e->name, e->len) == (long)e->len);
}

/* All events that fit. Returns bytes, 0 none, -EINVAL, -EFAULT. */
static long take_all(struct inotify *i, struct iov_iter *it)
{
    long done = 0;
    bool fits;
    struct event *e;
    while ((e = take(i, iov_left(it), &fits)) != NULL) {
        long len = (long)record_len(e);
        bool moved = put(e, it);
        heap_free(e);
        if (!moved) {
            return done != 0 ? done : -EFAULT;
        }
        done += len;
    }
    return done == 0 && !fits ? -EINVAL : done;
}

static long inotify_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct inotify *i = f->object;
    (void)pos;
    for (;;) {
        mutex_lock(&i->reading);
        long n = take_all(i, it);
        mutex_unlock(&i->reading);
        if (n != 0) {
            return n;
        }
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        if (wait_until(&i->changed, any_event(i), TIME_NEVER) != 0) {
            return -ERESTARTSYS;
        }
    }
}

static unsigned inotify_poll(struct file *f, struct wait_queue **q)
{
    struct inotify *i = f->object;
    *q = &i->changed;
    return any_event(i) ? READABLE : 0;
}

static long inotify_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct inotify *i = f->object;
    if (cmd != FIONREAD) {
        return -ENOTTY;
    }
    spin_lock(&i->lock);
    int bytes = (int)i->bytes;
    spin_unlock(&i->lock);
    return uaccess_write(uptr(void, arg), &bytes, sizeof(bytes));
}

static void inotify_release(struct file *f)
{
    struct inotify *i = f->object;
    struct list dead;
    list_init(&dead);
    spin_lock(&table.lock);
    while (!list_empty(&i->watches)) {
        end_locked(list_entry(i->watches.next, struct watch, own), &dead);
    }
    spin_unlock(&table.lock);
    bury(&dead);
    while (!list_empty(&i->events)) {
        heap_free(list_entry(list_pop(&i->events), struct event, link));
    }
    heap_free(i);
}

static const struct file_ops inotify_ops = {
    .name = "inotify",
    .read = inotify_read,
    .poll = inotify_poll,
    .ioctl = inotify_ioctl,
    .release = inotify_release,
};

int inotify_create(unsigned flags, struct file **out)
{
    struct inotify *i = heap_zalloc(sizeof(*i));
    *out = i != NULL ? file_create(&inotify_ops, i, O_RDONLY | (flags & O_NONBLOCK)) : NULL;
    if (*out == NULL) {
        heap_free(i);
        return -ENOMEM;
    }
    list_init(&i->events);
    list_init(&i->watches);
    wait_queue_init(&i->changed);
    mutex_init(&i->reading);
    return 0;
}
