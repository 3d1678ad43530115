/* SPDX-License-Identifier: MIT */
/* Names of AF_UNIX sockets: paths and abstract names.
 *
 * A table of sockets that have one, by its hash: of a path name the vnode is what counts, as paths
 * have links and go away. names, a spinlock, guards it; a socket that is found there gets a
 * reference under the lock, and is out of it before it drops its own. Source: unix(7). */
#include <asm/errno.h>
#include <linux/un.h>

#include "fs/entry.h"
#include "fs/vnode.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/random.h"
#include "net/unixsocket.h"

#define BUCKETS 256
#define PATH_AT offsetof(struct sockaddr_un, sun_path)
#define AUTO_DIGITS 5
#define AUTO_NAMES (1U << 20) /* as many as the digits allow */

static struct spinlock names;
static struct list buckets[BUCKETS]; /* [names] unix_socket.named */

static struct list *bucket(uint64_t hash)
{
    struct list *head = &buckets[hash % BUCKETS];
    if (head->next == NULL) {
        list_init(head);
    }
    return head;
}

static struct list *vnode_bucket(const struct vnode *v)
{
    return bucket((uint64_t)(uintptr_t)v / sizeof(*v));
}

static struct list *abstract_bucket(const char *addr, size_t len)
{
    uint64_t hash = len;
    for (size_t i = PATH_AT; i < len; i++) {
        hash = hash * 31 + (unsigned char)addr[i];
    }
    return bucket(hash);
}

int unixname_check(const void *addr, size_t len)
{
    const struct sockaddr_un *un = addr;
    bool ok = len > PATH_AT && len <= sizeof(*un) && un->sun_family == AF_UNIX;
    return ok ? 0 : -EINVAL;
}

static bool is_path(const void *addr)
{
    return ((const struct sockaddr_un *)addr)->sun_path[0] != 0;
}

static struct unix_name *create(const void *addr, size_t len)
{
    struct unix_name *n = heap_alloc(sizeof(*n) + len);
    if (n != NULL) {
        n->refs = 1;
        n->len = len;
        memcpy(n->address, addr, len);
    }
    return n;
}

void unixname_put(struct unix_name *n)
{
    if (n != NULL && __atomic_sub_fetch(&n->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        heap_free(n);
    }
}

static struct unix_socket *find_abstract(const char *addr, size_t len, int type) NEEDS(names)
{
    struct list *at;
    struct list *head = abstract_bucket(addr, len);
    list_for_each (at, head) {
        struct unix_socket *u = list_entry(at, struct unix_socket, named);
        if (u->vnode == NULL && u->socket.type == type && u->name->len == len &&
            memcmp(u->name->address, addr, len) == 0) {
            return u;
        }
    }
    return NULL;
}

static struct unix_socket *find_vnode(const struct vnode *v) NEEDS(names)
{
    struct list *at;
    struct list *head = vnode_bucket(v);
    list_for_each (at, head) {
        struct unix_socket *u = list_entry(at, struct unix_socket, named);
        if (u->vnode == v) {
            return u;
        }
    }
    return NULL;
}

static int find_path(const char *path, int type, struct unix_socket **out)
{
    struct path p;
    int err = namei_walk(NULL, path, 0, &p);
    if (err != 0) {
        return err;
    }
    err = access_check(p.vnode, MAY_WRITE, false);
    if (err == 0) {
        spin_lock(&names);
        struct unix_socket *u = S_ISSOCK(p.vnode->mode) ? find_vnode(p.vnode) : NULL;
        err = u == NULL ? -ECONNREFUSED : u->socket.type != type ? -EPROTOTYPE : 0;
        if (err == 0) {
            unix_get(u);
            *out = u;
        }
        spin_unlock(&names);
    }
    path_put(&p);
    return err;
}

int unixname_find(const void *addr, size_t len, int type, struct unix_socket **out)
{
    if (is_path(addr)) {
        return find_path(((const struct sockaddr_un *)addr)->sun_path, type, out);
    }
    spin_lock(&names);
    *out = find_abstract(addr, len, type);
    if (*out != NULL) {
        unix_get(*out);
    }
    spin_unlock(&names);
    return *out != NULL ? 0 : -ECONNREFUSED;
}

/* u has n, and can be found by it. */
static void take_name(struct unix_socket *u, struct unix_name *n, struct list *head) NEEDS(names)
{
    __atomic_store_n(&u->name, n, __ATOMIC_RELEASE); /* pairs with unixname_write */
    list_append(head, &u->named);
}

/* Returns 0 or -EADDRINUSE. */
static int take_abstract(struct unix_socket *u, struct unix_name *n)
{
    spin_lock(&names);
    bool taken = find_abstract(n->address, n->len, u->socket.type) != NULL;
    if (!taken) {
        take_name(u, n, abstract_bucket(n->address, n->len));
    }
    spin_unlock(&names);
    return taken ? -EADDRINUSE : 0;
}

static int bind_abstract(struct unix_socket *u, const void *addr, size_t len) NEEDS(u->changing)
{
    if (u->name != NULL) {
        return -EINVAL;
    }
    struct unix_name *n = create(addr, len);
    int err = n != NULL ? take_abstract(u, n) : -ENOMEM;
    if (err != 0) {
        unixname_put(n);
    }
    return err;
}

/* A node is made first: that the path is in use counts for more than that u has a name. */
static int bind_path(struct unix_socket *u, const void *addr) NEEDS(u->changing)
{
    const char *path = ((const struct sockaddr_un *)addr)->sun_path;
    struct vnode *v;
    struct unix_name *n = create(addr, PATH_AT + strlen(path) + 1);
    if (n == NULL) {
        return -ENOMEM;
    }
    spin_lock(&u->socket.attr.lock);
    uint32_t mode = u->socket.attr.mode;
    spin_unlock(&u->socket.attr.lock);
    int err = entry_make_node(NULL, path, S_IFSOCK | mode, 0, &v);
    if (err == 0 && u->name != NULL) {
        err = entry_remove(NULL, path, false);
        err = err != 0 ? err : -EINVAL;
        vnode_put(v);
    }
    if (err != 0) {
        unixname_put(n);
        return err == -EEXIST ? -EADDRINUSE : err;
    }
    spin_lock(&names);
    u->vnode = v;
    take_name(u, n, vnode_bucket(v));
    spin_unlock(&names);
    return 0;
}

static int bind_auto(struct unix_socket *u) NEEDS(u->changing)
{
    char addr[PATH_AT + 1 + AUTO_DIGITS + 1];
    uint32_t first;
    if (u->name != NULL) {
        return 0;
    }
    *(__kernel_sa_family_t *)(void *)addr = AF_UNIX;
    addr[PATH_AT] = 0;
    struct unix_name *n = create(addr, sizeof(addr) - 1);
    if (n == NULL) {
        return -ENOMEM;
    }
    random_bytes(&first, sizeof(first));
    for (uint32_t i = 0; i < AUTO_NAMES; i++) {
        print_buf(addr + PATH_AT + 1, AUTO_DIGITS + 1, "%05x", (first + i) % AUTO_NAMES);
        memcpy(n->address, addr, n->len);
        if (take_abstract(u, n) == 0) {
            return 0;
        }
    }
    unixname_put(n);
    return -ENOSPC;
}

int unixname_auto(struct unix_socket *u)
{
    mutex_lock(&u->changing);
    int err = bind_auto(u);
    mutex_unlock(&u->changing);
    return err;
}

int unixname_bind(struct unix_socket *u, const void *addr, size_t len)
{
    const struct sockaddr_un *un = addr;
    if (len == PATH_AT && un->sun_family == AF_UNIX) {
        return unixname_auto(u);
    }
    int err = unixname_check(addr, len);
    if (err != 0) {
        return err;
    }
    mutex_lock(&u->changing);
    err = is_path(addr) ? bind_path(u, addr) : bind_abstract(u, addr, len);
    mutex_unlock(&u->changing);
    return err;
}

void unixname_leave(struct unix_socket *u)
{
    spin_lock(&names);
    struct vnode *v = u->vnode;
    u->vnode = NULL;
    list_remove(&u->named);
    spin_unlock(&names);
    if (v != NULL) {
        vnode_put(v);
    }
}

void unixname_write(const struct unix_socket *u, void *out, size_t *len)
{
    const struct unix_name *n = __atomic_load_n(&u->name, __ATOMIC_ACQUIRE);
    if (n == NULL) {
        *(__kernel_sa_family_t *)out = AF_UNIX;
        *len = PATH_AT;
        return;
    }
    memcpy(out, n->address, n->len);
    *len = n->len;
}
