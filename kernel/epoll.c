/* SPDX-License-Identifier: MIT */
/* epoll instances.
 *
 * An item per watched (file, descriptor) hangs in its instance's tree, on the file's list of
 * watches and, by its entry, on the file's wait queue, whose wakes put it on the ready list. What
 * is on that list is only supposed to be ready: whoever collects asks the file again. A file is not
 * kept open by its watches: its last close ends them (unwatch), before the file goes.
 *
 * Locks: nesting (mutex, while an instance is put into another) > epoll.lock (mutex: tree and
 * collecting; of an instance before those that it watches) > file.lock > wait_queue.lock (of what
 * is watched) > epoll.ready_lock, wait_queue.lock of the instance. Instances form no cycles, so
 * neither do these. Source: epoll(7), epoll_ctl(2), epoll_wait(2). */
#include "kernel/epoll.h"

#include <asm/errno.h>
#include <asm/poll.h>

#include "kernel/base/rbtree.h"
#include "kernel/heap.h"
#include "kernel/poll.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"

#define NESTING_MAX 4 /* instances watched through instances: as Linux */
#define READABLE (POLLIN | POLLRDNORM)
/* bits of struct epoll_event that are no events */
#define MODES (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EXCLUSIVE_OK \
    (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

struct epoll {
    struct mutex lock;
    struct rbtree items; /* [lock] struct item by (file, fd) */
    struct spinlock ready_lock;
    struct list ready; /* [ready_lock] struct item */
    struct wait_queue changed; /* those who collect, one at a time, and watchers of the instance */
    struct file *file; /* [I] valid as long as there are items */
    uint32_t refs; /* [A] the file's, and of unwatch */
};

struct item {
    struct rbnode node; /* [epoll.lock] */
    struct list watch; /* [file.lock] on file->watches */
    struct list ready; /* [ready_lock] on epoll.ready or a collector's own list */
    bool queued; /* [ready_lock] it is on one */
    uint32_t events; /* [lock and ready_lock to write] POLL* and MODES; only MODES: fired once */
    uint64_t data; /* [epoll.lock] */
    struct epoll *epoll; /* [I] */
    struct file *file; /* [I] not referenced */
    int fd; /* [I] */
    struct wait_entry entry; /* on the file's queue; queue is NULL when it has none */
};

static struct mutex nesting = {.queue = {.waiters = LIST_INIT(nesting.queue.waiters)}};
static const struct file_ops epoll_ops;

static void epoll_put(struct epoll *ep)
{
    /* release and acquire: other holders are done before it is freed */
    if (__atomic_sub_fetch(&ep->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        heap_free(ep);
    }
}

static struct item *of_node(struct rbnode *node)
{
    return rb_entry(node, struct item, node);
}

/* The order of the tree. */
static bool before(const struct item *it, const struct file *f, int fd)
{
    return it->file != f ? (uintptr_t)it->file < (uintptr_t)f : it->fd < fd;
}

/* The first item not before (f, fd), NULL when there is none. */
static struct item *at_least(const struct epoll *ep, const struct file *f, int fd)
{
    struct item *best = NULL;
    for (struct rbnode *at = ep->items.root; at != NULL;) {
        bool less = before(of_node(at), f, fd);
        best = less ? best : of_node(at);
        at = at->child[less];
    }
    return best;
}

static struct item *find(const struct epoll *ep, const struct file *f, int fd)
{
    struct item *it = at_least(ep, f, fd);
    return it != NULL && it->file == f && it->fd == fd ? it : NULL;
}

static void link_item(struct epoll *ep, struct item *it)
{
    struct rbnode *parent = NULL;
    struct rbnode **link = &ep->items.root;
    while (*link != NULL) {
        parent = *link;
        link = &parent->child[before(of_node(parent), it->file, it->fd)];
    }
    rbtree_link(&ep->items, &it->node, parent, link);
}

static bool any_ready(struct epoll *ep)
{
    spin_lock(&ep->ready_lock);
    bool any = !list_empty(&ep->ready);
    spin_unlock(&ep->ready_lock);
    return any;
}

/* Returns whether somebody was collecting. */
static bool tell(struct epoll *ep)
{
    return wait_wake_events(&ep->changed, 1, READABLE) != 0;
}

/* Put it on the ready list unless it waits for nothing. Returns whether it does wait. */
static bool queue_item(struct item *it)
{
    struct epoll *ep = it->epoll;
    spin_lock(&ep->ready_lock);
    bool wanted = (it->events & ~MODES) != 0;
    if (wanted && !it->queued) {
        list_append(&ep->ready, &it->ready);
        it->queued = true;
    }
    spin_unlock(&ep->ready_lock);
    return wanted;
}

static void unqueue_item(struct item *it)
{
    spin_lock(&it->epoll->ready_lock);
    if (it->queued) {
        list_remove(&it->ready);
        it->queued = false;
    }
    spin_unlock(&it->epoll->ready_lock);
}

static void set_events(struct item *it, uint32_t events)
{
    spin_lock(&it->epoll->ready_lock);
    it->events = events;
    spin_unlock(&it->epoll->ready_lock);
}

/* The wake of a watched file's queue. */
static void item_wake(struct wait_entry *e)
{
    struct item *it = container_of(e, struct item, entry);
    e->took = queue_item(it) && tell(it->epoll);
}

/* What holds of what it waits for. */
static unsigned item_poll(const struct item *it)
{
    struct wait_queue *q;
    uint32_t wanted = it->events & ~MODES;
    return wanted != 0 ? poll_file(it->file, &q) & wanted : 0;
}

static void attach(struct item *it)
{
    struct wait_queue *q;
    (void)poll_file(it->file, &q);
    it->entry = (struct wait_entry){.wake = item_wake, .events = it->events & ~MODES};
    it->entry.exclusive = (it->events & EPOLLEXCLUSIVE) != 0;
    if (q != NULL) {
        wait_attach(q, &it->entry);
    }
}

static void detach(struct item *it)
{
    if (it->entry.queue != NULL) {
        wait_detach(&it->entry);
    }
}

/* After a change of its events: what holds already is an event, too. */
static void start_item(struct item *it)
{
    attach(it);
    if (item_poll(it) != 0 && queue_item(it)) {
        (void)tell(it->epoll);
    }
}

static void remove_item(struct epoll *ep, struct item *it) NEEDS(ep->lock)
{
    detach(it);
    unqueue_item(it);
    spin_lock(&it->file->lock);
    list_remove(&it->watch);
    spin_unlock(&it->file->lock);
    rbtree_remove(&ep->items, &it->node);
    heap_free(it);
}

/* An instance that watches f, with a reference; NULL when there is none. */
static struct epoll *watcher_of(struct file *f)
{
    struct epoll *ep = NULL;
    spin_lock(&f->lock);
    if (!list_empty(&f->watches)) {
        ep = list_entry(f->watches.next, struct item, watch)->epoll;
        __atomic_fetch_add(&ep->refs, 1, __ATOMIC_RELAXED);
    }
    spin_unlock(&f->lock);
    return ep;
}

/* struct file's unwatch: nobody has f open any more. */
static void unwatch(struct file *f)
{
    struct epoll *ep;
    while ((ep = watcher_of(f)) != NULL) {
        mutex_lock(&ep->lock);
        struct item *it;
        while ((it = at_least(ep, f, INT32_MIN)) != NULL && it->file == f) {
            remove_item(ep, it);
        }
        mutex_unlock(&ep->lock);
        epoll_put(ep);
    }
}

static int add_item(struct epoll *ep, struct file *target, int fd, const struct epoll_event *ev)
    NEEDS(ep->lock)
{
    struct item *it = heap_zalloc(sizeof(*it));
    if (it == NULL) {
        return -ENOMEM;
    }
    it->epoll = ep;
    it->file = target;
    it->fd = fd;
    it->events = ev->events | POLL_ALWAYS;
    it->data = ev->data;
    link_item(ep, it);
    spin_lock(&target->lock);
    if (target->watches.next == NULL) {
        list_init(&target->watches);
        target->unwatch = unwatch;
    }
    list_append(&target->watches, &it->watch);
    spin_unlock(&target->lock);
    start_item(it);
    return 0;
}

static int change_item(struct item *it, const struct epoll_event *ev)
{
    if ((it->events & EPOLLEXCLUSIVE) != 0) {
        return -EINVAL;
    }
    detach(it);
    set_events(it, ev->events | POLL_ALWAYS);
    it->data = ev->data;
    start_item(it);
    return 0;
}

static struct epoll *epoll_of(const struct file *f)
{
    return f->ops == &epoll_ops ? f->object : NULL;
}

/* Levels of instances below ep; more than NESTING_MAX when above is among them. */
static int depth_below(struct epoll *ep, const struct epoll *above, int level)
{
    int depth = 0;
    mutex_lock(&ep->lock);
    struct rbnode *at = rbtree_first(&ep->items);
    for (; at != NULL && depth <= NESTING_MAX; at = rbtree_next(at)) {
        struct epoll *inner = epoll_of(of_node(at)->file);
        if (inner == NULL) {
            continue;
        }
        bool bad = inner == above || level > NESTING_MAX;
        depth = bad ? NESTING_MAX + 1 : max(depth, depth_below(inner, above, level + 1) + 1);
    }
    mutex_unlock(&ep->lock);
    return depth;
}

/* Levels of instances that watch f, each one's lock being held while the next is looked at. */
static int depth_above(struct file *f, int level)
{
    int depth = 0;
    spin_lock(&f->lock);
    for (struct list *at = f->watches.next; at != NULL && at != &f->watches; at = at->next) {
        struct epoll *outer = list_entry(at, struct item, watch)->epoll;
        depth = level > NESTING_MAX ? level : max(depth, depth_above(outer->file, level + 1) + 1);
    }
    spin_unlock(&f->lock);
    return depth;
}

static int add_instance(struct epoll *ep, struct file *target, int fd, const struct epoll_event *ev)
{
    struct epoll *inner = epoll_of(target);
    mutex_lock(&nesting);
    int depth = inner == ep ? NESTING_MAX : depth_below(inner, ep, 0);
    int err = -ELOOP;
    if (depth <= NESTING_MAX && depth + 1 + depth_above(ep->file, 0) <= NESTING_MAX) {
        mutex_lock(&ep->lock);
        err = find(ep, target, fd) != NULL ? -EEXIST : add_item(ep, target, fd, ev);
        mutex_unlock(&ep->lock);
    }
    mutex_unlock(&nesting);
    return err;
}

static int control(struct epoll *ep, int op, struct file *target, int fd,
                   const struct epoll_event *ev)
{
    if (op == EPOLL_CTL_ADD && epoll_of(target) != NULL) {
        return add_instance(ep, target, fd, ev);
    }
    mutex_lock(&ep->lock);
    struct item *it = find(ep, target, fd);
    int err = it == NULL ? -ENOENT : 0;
    switch (op) {
    case EPOLL_CTL_ADD: err = it != NULL ? -EEXIST : add_item(ep, target, fd, ev); break;
    case EPOLL_CTL_MOD: err = it != NULL ? change_item(it, ev) : err; break;
    case EPOLL_CTL_DEL: break;
    default: err = -EINVAL;
    }
    if (op == EPOLL_CTL_DEL && it != NULL) {
        remove_item(ep, it);
    }
    mutex_unlock(&ep->lock);
    return err;
}

int epoll_control(struct file *f, int op, struct file *target, int fd, const struct epoll_event *ev)
{
    struct epoll *ep = epoll_of(f);
    if (target->ops->poll == NULL) {
        return -EPERM;
    }
    if (f == target || ep == NULL) {
        return -EINVAL;
    }
    if (op != EPOLL_CTL_DEL && (ev->events & EPOLLEXCLUSIVE) != 0) {
        bool ok = (ev->events & ~EXCLUSIVE_OK) == 0 && epoll_of(target) == NULL;
        if (op == EPOLL_CTL_MOD || !ok) {
            return -EINVAL;
        }
    }
    return control(ep, op, target, fd, ev);
}

/* Take over the ready list; give what is left of it back, to its front. */
static void take_ready(struct epoll *ep, struct list *found)
{
    list_init(found);
    spin_lock(&ep->ready_lock);
    list_move(&ep->ready, found);
    spin_unlock(&ep->ready_lock);
}

static void give_back(struct epoll *ep, struct list *found)
{
    spin_lock(&ep->ready_lock);
    list_move(found, &ep->ready);
    spin_unlock(&ep->ready_lock);
}

/* Report it if an event holds. Returns 1, 0 or -EFAULT. */
static int report(struct item *it, struct epoll_event USER *out)
{
    unqueue_item(it); /* before asking: a wake from now on queues it again */
    unsigned events = item_poll(it);
    if (events == 0) {
        return 0;
    }
    struct epoll_event ev = {.events = events, .data = it->data};
    if (uaccess_write(out, &ev, sizeof(ev)) != 0) {
        (void)queue_item(it);
        return -EFAULT;
    }
    if ((it->events & EPOLLONESHOT) != 0) {
        set_events(it, it->events & MODES);
    } else if ((it->events & EPOLLET) == 0) {
        (void)queue_item(it); /* as long as it holds */
    }
    return 1;
}

static long collect(struct epoll *ep, struct epoll_event USER *out, int max_events)
{
    struct list found;
    long n = 0;
    int one = 0;
    if (!any_ready(ep)) {
        return 0;
    }
    mutex_lock(&ep->lock);
    take_ready(ep, &found);
    while (n < max_events && one >= 0 && !list_empty(&found)) {
        one = report(list_entry(found.next, struct item, ready), &out[n]);
        n += max(one, 0);
    }
    give_back(ep, &found);
    mutex_unlock(&ep->lock);
    return n == 0 && one < 0 ? one : n;
}

static long collect_waiting(struct epoll *ep, struct epoll_event USER *out, int max_events,
                            uint64_t deadline_ns)
{
    struct waiter w;
    int err = 0;
    wait_begin(&ep->changed, &w);
    long n = collect(ep, out, max_events);
    while (n == 0 && err == 0) {
        err = wait_sleep(&w, deadline_ns);
        n = collect(ep, out, max_events); /* in any case: our wake was for somebody else, too */
    }
    wait_end(&w);
    return n != 0 || err == -ETIMEDOUT ? n : err;
}

long epoll_collect(struct file *f, struct epoll_event USER *out, int max_events,
                   uint64_t deadline_ns)
{
    struct epoll *ep = epoll_of(f);
    if (ep == NULL) {
        return -EINVAL;
    }
    long n = collect(ep, out, max_events);
    if (n == 0 && clock_ns() < deadline_ns) {
        n = collect_waiting(ep, out, max_events, deadline_ns);
    }
    if (any_ready(ep)) {
        (void)tell(ep); /* the next one */
    }
    return n;
}

/* An instance is readable while collecting from it would find something. */
static unsigned epoll_poll(struct file *f, struct wait_queue **q)
{
    struct epoll *ep = f->object;
    struct list found;
    bool any = false;
    *q = &ep->changed;
    if (!any_ready(ep)) {
        return 0;
    }
    mutex_lock(&ep->lock);
    take_ready(ep, &found);
    while (!any && !list_empty(&found)) {
        struct item *it = list_entry(found.next, struct item, ready);
        unqueue_item(it);
        any = item_poll(it) != 0 && queue_item(it);
    }
    give_back(ep, &found);
    mutex_unlock(&ep->lock);
    return any ? READABLE : 0;
}

static void epoll_release(struct file *f)
{
    struct epoll *ep = f->object;
    struct rbnode *first;
    mutex_lock(&ep->lock);
    while ((first = rbtree_first(&ep->items)) != NULL) {
        remove_item(ep, of_node(first));
    }
    mutex_unlock(&ep->lock);
    epoll_put(ep);
}

static const struct file_ops epoll_ops = {
    .name = "eventpoll",
    .poll = epoll_poll,
    .release = epoll_release,
};

int epoll_create_file(struct file **out)
{
    struct epoll *ep = heap_zalloc(sizeof(*ep));
    *out = ep != NULL ? file_create(&epoll_ops, ep, O_RDWR) : NULL;
    if (*out == NULL) {
        heap_free(ep);
        return -ENOMEM;
    }
    mutex_init(&ep->lock);
    wait_queue_init(&ep->changed);
    list_init(&ep->ready);
    ep->file = *out;
    ep->refs = 1;
    return 0;
}
