/* SPDX-License-Identifier: MIT */
/* Owns the texts of /etc/hostname, /etc/hosts and /etc/resolv.conf, and of the last one the file
 * itself while it is ours: name servers may change while the program runs, which may have other
 * ids, another root or no name for the file by then, so its node is kept and written directly.
 *
 * Locks: etc_lock around what is known of resolv.conf; file operations happen below it.
 * Source: hostname(5), hosts(5), resolv.conf(5). */
#include "fs/etc.h"

#include <asm/errno.h>
#include <asm/fcntl.h>

#include "fs/entry.h"
#include "fs/textfs.h"
#include "fs/vnode.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/mutex.h"

#define RESOLV_PATH "/etc/resolv.conf"
#define OWN_NAME "127.0.1.1" /* for a name that has no address, as in Debian */

static struct mutex etc_lock = {.queue = {.waiters = LIST_INIT(etc_lock.queue.waiters)}};
static struct vnode *resolv; /* [etc_lock] referenced; NULL: nothing was written */

static long put(struct vnode *v, const struct text *t)
{
    struct iov part;
    struct vattr attr = {.size = t->len};
    struct iov_iter it = iov_iter_one(&part, t->buf, t->len, false);
    mutex_lock(&v->write_lock);
    long n = t->len != 0 ? v->ops->write(v, &it, 0) : 0;
    long err = n < 0 ? n : n != (long)t->len ? -ENOSPC : v->ops->setattr(v, &attr, VATTR_SIZE);
    mutex_unlock(&v->write_lock);
    return err;
}

/* Returns 0 when there is something at path that is to stay, -ENOENT when a file may be made. */
static int look(const char *path)
{
    struct path p;
    struct vattr attr = {0};
    int err = namei_walk(NULL, path, 0, &p);
    if (err == -ENOENT) {
        err = entry_remove(NULL, path, false); /* a symlink that leads nowhere */
        return err == 0 ? -ENOENT : err;
    }
    if (err == 0) {
        err = p.vnode->ops->getattr(p.vnode, &attr);
        path_put(&p);
    }
    return err == 0 && S_ISREG(attr.mode) && attr.size == 0 ? -ENOENT : err;
}

/* A file with this text, unless there is one. *out: its node with a reference, NULL if it is not
 * ours. */
static int make(const char *path, const struct text *t, struct vnode **out)
{
    struct file *f;
    *out = NULL;
    int err = t->failed ? -ENOMEM : look(path);
    if (err != -ENOENT) {
        return err;
    }
    err = entry_make(NULL, "/etc", S_IFDIR | 0755, 0);
    if (err != 0 && err != -EEXIST) {
        return err;
    }
    err = vfs_open(NULL, path, O_WRONLY | O_CREAT, 0644, &f);
    if (err != 0) {
        return err;
    }
    err = (int)put(f->vnode, t);
    if (err == 0) {
        vnode_get(f->vnode);
        *out = f->vnode;
    }
    file_put(f);
    return err;
}

static int make_and_forget(const char *path, const struct text *t)
{
    struct vnode *v;
    int err = make(path, t, &v);
    if (err == 0 && v != NULL) {
        vnode_put(v);
    }
    return err;
}

int etc_write_names(const char *hostname, const char *address)
{
    static const char local[] = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
    const char *own = address != NULL ? address : OWN_NAME;
    const char *slash = strchr(own, '/');
    size_t own_len = slash != NULL ? (size_t)(slash - own) : strlen(own);
    struct text t = {0};
    text_print(&t, "%s\n", hostname);
    int err = make_and_forget("/etc/hostname", &t);
    t.len = 0;
    text_print(&t, "%s%.*s\t%s\n", local, (int)own_len, own, hostname);
    err = err == 0 ? make_and_forget("/etc/hosts", &t) : err;
    heap_free(t.buf);
    return err;
}

static int write_resolv(const struct text *t)
{
    if (resolv == NULL) {
        return t->len != 0 ? make(RESOLV_PATH, t, &resolv) : 0;
    }
    int err = (int)put(resolv, t);
    if (t->len == 0) { /* the next text looks for it as for any empty file */
        vnode_put(resolv);
        resolv = NULL;
    }
    return err;
}

int etc_write_resolv(const char *const servers[], unsigned n, const char *search)
{
    struct text t = {0};
    for (unsigned i = 0; i < n; i++) {
        text_print(&t, "nameserver %s\n", servers[i]);
    }
    if (search != NULL) {
        text_print(&t, "search %s\n", search);
    }
    mutex_lock(&etc_lock);
    int err = t.failed ? -ENOMEM : write_resolv(&t);
    mutex_unlock(&etc_lock);
    heap_free(t.buf);
    return err;
}
