/* SPDX-License-Identifier: MIT */
/* File locks of all three kinds, in one list: few programs hold more than a handful.
 *
 * A lock belongs to an owner: the process (all its descriptors alike) or one open file. flock's
 * locks and record locks do not see each other; the two kinds of record locks do. An owner's own
 * locks never conflict: a new one replaces what it overlaps. table_lock guards the list; sleepers
 * on freed try again after each release. Source: fcntl(2), flock(2). */
#include "fs/lock.h"

#include <asm/errno.h>

#include "kernel/base/list.h"
#include "kernel/base/print.h"
#include "kernel/heap.h"

struct lock { /* [table_lock] once it is in the list */
    struct list link;
    const void *object; /* what is locked */
    const struct file *owner; /* NULL: the process */
    enum lock_kind kind;
    struct lock_range range; /* type F_RDLCK or F_WRLCK */
};

static struct spinlock table_lock;
static struct list locks = LIST_INIT(locks); /* [table_lock] */
static struct wait_queue freed = {.waiters = LIST_INIT(freed.waiters)};

/* All opens of one inode, pipe or socket share its object. */
static const void *object_of(struct file *f)
{
    const void *attr = f->vnode == NULL && f->ops->attr != NULL ? f->ops->attr(f) : NULL;
    return f->vnode != NULL ? f->vnode : attr != NULL ? attr : f->object;
}

static const struct file *owner_of(const struct file *f, enum lock_kind kind)
{
    return kind == LOCK_OF_PROCESS ? NULL : f;
}

static bool overlaps(const struct lock_range *a, const struct lock_range *b)
{
    return a->start <= b->end && b->start <= a->end;
}

static bool is_mine(const struct lock *l, struct file *f, enum lock_kind kind)
{
    return l->object == object_of(f) && l->kind == kind && l->owner == owner_of(f, kind);
}

/* The first lock that keeps f from range. */
static const struct lock *find_conflict(struct file *f, enum lock_kind kind,
                                        const struct lock_range *range)
{
    struct list *at;
    list_for_each (at, &locks) {
        const struct lock *l = list_entry(at, struct lock, link);
        bool same_world = (l->kind == LOCK_WHOLE) == (kind == LOCK_WHOLE);
        bool exclusive = l->range.type == F_WRLCK || range->type == F_WRLCK;
        if (l->object == object_of(f) && same_world && exclusive && !is_mine(l, f, kind) &&
            overlaps(&l->range, range)) {
            return l;
        }
    }
    return NULL;
}

/* Take range out of f's locks; *spare is used when one falls into two parts. */
static void carve(struct file *f, enum lock_kind kind, const struct lock_range *range,
                  struct lock **spare)
{
    struct list *at;
    struct list *next;
    list_for_each_safe(at, next, &locks)
    {
        struct lock *l = list_entry(at, struct lock, link);
        if (!is_mine(l, f, kind) || !overlaps(&l->range, range)) {
            continue;
        }
        bool left = l->range.start < range->start;
        bool right = l->range.end > range->end;
        if (left && right) {
            assert(*spare != NULL); /* one range falls apart at most once */
            **spare = *l;
            (*spare)->range.start = range->end + 1;
            list_append(next, &(*spare)->link); /* behind l, and not met again */
            *spare = NULL;
            l->range.end = range->start - 1;
        } else if (left) {
            l->range.end = range->start - 1;
        } else if (right) {
            l->range.start = range->end + 1;
        } else {
            list_remove(&l->link);
            heap_free(l);
        }
    }
}

/* One ends where the other begins. */
static bool touches(const struct lock_range *a, const struct lock_range *b)
{
    return (a->end < b->start && a->end + 1 == b->start) ||
           (b->end < a->start && b->end + 1 == a->start);
}

/* Enter fresh, whose range is carved out: it takes in neighbours of its type, and lies before the
 * owner's locks further up in the file. */
static void enter(struct file *f, struct lock *fresh)
{
    struct list *at;
    struct list *next;
    struct list *before = &locks;
    list_for_each_safe(at, next, &locks)
    {
        struct lock *l = list_entry(at, struct lock, link);
        if (!is_mine(l, f, fresh->kind)) {
            continue;
        }
        if (l->range.type == fresh->range.type && touches(&l->range, &fresh->range)) {
            fresh->range.start = min(fresh->range.start, l->range.start);
            fresh->range.end = max(fresh->range.end, l->range.end);
            list_remove(&l->link);
            heap_free(l);
        } else if (before == &locks && l->range.start > fresh->range.start) {
            before = at;
        }
    }
    list_append(before, &fresh->link);
}

/* One try; *fresh and *spare are taken as needed. */
static int try_set(struct file *f, enum lock_kind kind, const struct lock_range *want,
                   struct lock **fresh, struct lock **spare)
{
    int err = 0;
    spin_lock(&table_lock);
    if (want->type != F_UNLCK && find_conflict(f, kind, want) != NULL) {
        err = -EAGAIN;
    } else {
        carve(f, kind, want, spare);
        if (want->type != F_UNLCK) {
            **fresh = (struct lock){
                .object = object_of(f), .owner = owner_of(f, kind), .kind = kind, .range = *want};
            enter(f, *fresh);
            *fresh = NULL;
        }
    }
    spin_unlock(&table_lock);
    if (err == 0) {
        wait_wake(&freed, WAIT_ALL); /* an exclusive lock may have become a shared one */
    }
    return err;
}

/* Try until it succeeds. On the queue before each try: no release is missed. */
static int set_or_wait(struct file *f, enum lock_kind kind, const struct lock_range *want,
                       struct lock **fresh, struct lock **spare)
{
    struct waiter w;
    int slept = 0;
    wait_begin(&freed, &w);
    int err = try_set(f, kind, want, fresh, spare);
    while (err == -EAGAIN && slept == 0) {
        slept = wait_sleep(&w, TIME_NEVER);
        err = try_set(f, kind, want, fresh, spare);
    }
    wait_end(&w);
    return err == -EAGAIN ? slept : err;
}

/* flock(2) changes a lock's type in two steps, so that two that want to go from shared to
 * exclusive do not wait for each other: the old lock goes first, even if the new one fails. */
static void drop_other_type(struct file *f, int type)
{
    struct list *at;
    struct lock *old = NULL;
    spin_lock(&table_lock);
    list_for_each (at, &locks) {
        struct lock *l = list_entry(at, struct lock, link);
        old = is_mine(l, f, LOCK_WHOLE) && l->range.type != type ? l : old;
    }
    if (old != NULL) {
        list_remove(&old->link);
        heap_free(old);
    }
    spin_unlock(&table_lock);
    if (old != NULL) {
        wait_wake(&freed, WAIT_ALL);
    }
}

int lock_set(struct file *f, enum lock_kind kind, const struct lock_range *want, bool wait)
{
    if (f->detach == NULL) { /* in no file system: its locks end with it all the same */
        __atomic_store_n(&f->detach, lock_release, __ATOMIC_RELAXED);
    }
    struct lock *fresh = heap_alloc(sizeof(*fresh));
    struct lock *spare = heap_alloc(sizeof(*spare));
    int err = fresh != NULL && spare != NULL ? 0 : -ENOMEM;
    if (err == 0 && kind == LOCK_WHOLE) {
        drop_other_type(f, want->type);
    }
    if (err == 0) {
        err = try_set(f, kind, want, &fresh, &spare);
    }
    if (err == -EAGAIN && wait) {
        err = set_or_wait(f, kind, want, &fresh, &spare);
    }
    heap_free(fresh);
    heap_free(spare);
    return err;
}

void lock_test(struct file *f, enum lock_kind *kind, struct lock_range *range)
{
    spin_lock(&table_lock);
    const struct lock *l = find_conflict(f, *kind, range);
    if (l == NULL) {
        range->type = F_UNLCK;
    } else {
        *range = l->range;
        *kind = l->kind;
    }
    spin_unlock(&table_lock);
}

/* Drop the locks that belong to owner: an open file, whose object may be gone already, or NULL, the
 * process, and then only those on f's object. */
static void drop(struct file *f, const struct file *owner)
{
    struct list *at;
    struct list *next;
    bool any = false;
    const void *object = owner == NULL ? object_of(f) : NULL;
    spin_lock(&table_lock);
    list_for_each_safe(at, next, &locks)
    {
        struct lock *l = list_entry(at, struct lock, link);
        if (l->owner == owner && (owner != NULL || l->object == object)) {
            list_remove(&l->link);
            heap_free(l);
            any = true;
        }
    }
    spin_unlock(&table_lock);
    if (any) {
        wait_wake(&freed, WAIT_ALL);
    }
}

void lock_release(struct file *f)
{
    if (!list_empty(&locks)) { /* unlocked: f's own were entered before */
        drop(f, f);
    }
}

void lock_forget(struct file *f)
{
    if (!list_empty(&locks)) { /* unlocked: f's own were entered before */
        drop(f, NULL);
    }
}
