/* SPDX-License-Identifier: MIT */
/* inotify: watches on vnodes, and where the file code reports what happens. */
#ifndef FS_INOTIFY_H
#define FS_INOTIFY_H

#include <linux/inotify.h>

#include "fs/vnode.h"

/* inotify_create: an instance without watches. flags: O_NONBLOCK or 0. Returns 0 or -ENOMEM.
 * Source: inotify(7). */
MUST_CHECK int inotify_create(unsigned flags, struct file **out);

/* inotify_watch: watch v (IN_* of inotify_add_watch(2), checked), or change the watch that is
 * there. Returns its number, -EINVAL f is no instance, -EEXIST, -ENOMEM. inotify_unwatch: 0 or
 * -EINVAL. */
MUST_CHECK int inotify_watch(struct file *f, struct vnode *v, uint32_t mask);
MUST_CHECK int inotify_unwatch(struct file *f, int wd);

/* Reports; nothing happens while there are no watches. */
extern unsigned inotify_watches; /* [A] */

/* inotify_node: mask of v itself. inotify_name: of name, which is v, in dir; cookie 0 but for
 * renames. inotify_path: of what was reached by p: both of these. inotify_file: the same of an open
 * file. inotify_gone: v has lost a name or an opening: perhaps the last. Context: no spinlock
 * held. */
void inotify_node_event(struct vnode *v, uint32_t mask);
void inotify_name_event(struct vnode *dir, const char *name, const struct vnode *v, uint32_t mask,
                        uint32_t cookie);
void inotify_path_event(const struct path *p, uint32_t mask);
void inotify_gone_event(struct vnode *v);
uint32_t inotify_cookie(void);

static inline bool inotify_active(void)
{
    return unlikely(__atomic_load_n(&inotify_watches, __ATOMIC_RELAXED) != 0);
}

static inline void inotify_node(struct vnode *v, uint32_t mask)
{
    if (inotify_active()) {
        inotify_node_event(v, mask);
    }
}

static inline void inotify_name(struct vnode *dir, const char *name, const struct vnode *v,
                                uint32_t mask)
{
    if (inotify_active()) {
        inotify_name_event(dir, name, v, mask, 0);
    }
}

static inline void inotify_path(const struct path *p, uint32_t mask)
{
    if (inotify_active()) {
        inotify_path_event(p, mask);
    }
}

static inline void inotify_file(const struct file *f, uint32_t mask)
{
    if (inotify_active() && f->path != NULL && (f->flags & O_PATH) == 0) {
        inotify_path_event(f->path, mask);
    }
}

static inline void inotify_gone(struct vnode *v)
{
    if (inotify_active()) {
        inotify_gone_event(v);
    }
}

#endif
