/* SPDX-License-Identifier: MIT */
/* FIFOs. A list ties the vnodes of those that are open to their pipes; few ever are. An entry lives
 * as long as its pipe and holds the vnode, so that the node stays the same one while a pipe hangs
 * on it. lock guards the list and is not held while an opener waits. Source: fifo(7), mkfifo(3). */
#include "fs/fifo.h"

#include <asm/errno.h>

#include "kernel/heap.h"
#include "kernel/pipe.h"

struct fifo {
    struct list link; /* [lock] */
    struct vnode *vnode; /* [I] referenced */
    struct pipe *pipe; /* [I] not referenced: the pipe's end ends this */
};

static struct spinlock lock;
static struct list fifos = LIST_INIT(fifos);

/* The pipe of v with a reference, NULL when no opener holds one. */
static struct pipe *find_locked(const struct vnode *v)
{
    struct list *at;
    lock_assert_held(&lock);
    list_for_each (at, &fifos) {
        const struct fifo *f = list_entry(at, struct fifo, link);
        if (f->vnode == v && pipe_try_get(f->pipe)) {
            return f->pipe;
        }
    }
    return NULL;
}

static void pipe_gone(void *ctx)
{
    struct fifo *f = ctx;
    spin_lock(&lock);
    list_remove(&f->link);
    spin_unlock(&lock);
    vnode_put(f->vnode);
    heap_free(f);
}

/* A pipe for v, in no list yet. NULL: out of memory. */
static struct fifo *create(struct vnode *v)
{
    struct fifo *f = heap_zalloc(sizeof(*f));
    struct pipe *p = f != NULL ? pipe_alloc() : NULL;
    if (p == NULL) {
        heap_free(f);
        return NULL;
    }
    vnode_get(v);
    list_init(&f->link);
    f->vnode = v;
    f->pipe = p;
    pipe_set_owner(p, pipe_gone, f);
    return f;
}

/* The pipe of v with a reference, made when there is none. NULL: out of memory. */
static struct pipe *pipe_for(struct vnode *v)
{
    spin_lock(&lock);
    struct pipe *p = find_locked(v);
    spin_unlock(&lock);
    if (p != NULL) {
        return p;
    }
    struct fifo *fresh = create(v);
    if (fresh == NULL) {
        return NULL;
    }
    struct pipe *mine = fresh->pipe;
    spin_lock(&lock);
    p = find_locked(v);
    if (p == NULL) {
        list_append(&fifos, &fresh->link);
    }
    spin_unlock(&lock);
    if (p == NULL) {
        return mine;
    }
    pipe_put(mine); /* another opener was faster */
    return p;
}

int fifo_open(struct vnode *v, unsigned flags, struct file **out)
{
    struct pipe *p = pipe_for(v);
    if (p == NULL) {
        return -ENOMEM;
    }
    int err = pipe_open(p, flags, out);
    pipe_put(p);
    return err;
}
