/* SPDX-License-Identifier: MIT */
/* Reference counts of vnodes and paths. Source: vnode.h. */
#include "fs/vnode.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"

void vnode_init(struct vnode *v, const struct vnode_ops *ops, struct mount *m, uint32_t mode)
{
    *v = (struct vnode){.ops = ops, .mount = m, .refs = 1, .mode = mode, .seals = F_SEAL_SEAL};
    mutex_init(&v->write_lock);
}

void vnode_get(struct vnode *v)
{
    uint32_t before = __atomic_fetch_add(&v->refs, 1, __ATOMIC_RELAXED);
    assert(before != 0);
}

void vnode_put(struct vnode *v)
{
    /* release and acquire: other holders are done before release runs */
    if (__atomic_fetch_sub(&v->refs, 1, __ATOMIC_ACQ_REL) == 1) {
        v->ops->release(v);
    }
}

void path_put(struct path *p)
{
    if (p->vnode != NULL) {
        vnode_put(p->vnode);
    }
    heap_free(p->name);
    *p = (struct path){NULL, NULL};
}

int path_copy(struct path *dst, const struct path *src)
{
    size_t len = strlen(src->name) + 1;
    char *name = heap_alloc(len);
    if (name == NULL) {
        return -ENOMEM;
    }
    memcpy(name, src->name, len);
    vnode_get(src->vnode);
    *dst = (struct path){src->vnode, name};
    return 0;
}
