/* SPDX-License-Identifier: MIT */
/* Extended attributes: each call in three forms, by name with and without following a symlink, and
 * by descriptor. Arguments are read before the file is looked for, as Linux does.
 * Source: xattr(7), getxattr(2), setxattr(2), listxattr(2), removexattr(2). */
#include "fs/inotify.h"
#include "fs/xattr.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/xattr.h>

#include "kernel/heap.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/name.h"

/* The file that a call is about: name, or descriptor fd when name is NULL. */
struct target {
    bool by_name;
    const char USER *name;
    unsigned flags; /* AT_SYMLINK_NOFOLLOW */
    int fd;
};

static struct target at_name(const char USER *name, unsigned flags)
{
    return (struct target){.by_name = true, .name = name, .flags = flags};
}

static struct target at_fd(int fd)
{
    return (struct target){.fd = fd};
}

/* The vnode of t, with a reference. */
static int find(const struct target *t, struct vnode **out)
{
    struct path p;
    if (!t->by_name) {
        return name_vnode(t->fd, out);
    }
    int err = name_place(AT_FDCWD, t->name, t->flags, &p);
    if (err == 0) {
        vnode_get(p.vnode);
        *out = p.vnode;
        path_put(&p);
    }
    return err;
}

/* Read a key into text[XATTR_NAME_MAX + 1]. Returns 0, -ERANGE, -EFAULT. */
static int take_key(char *text, const char USER *key)
{
    long len = uaccess_string(text, key, XATTR_NAME_MAX + 1);
    return len > 0 ? 0 : len == -EFAULT ? -EFAULT : -ERANGE;
}

static long set_value(const struct target *t, const char *key, const struct xattr_value *value,
                      int flags)
{
    struct vnode *v;
    int err = find(t, &v);
    if (err == 0) {
        err = xattr_set(v, key, value, flags);
        if (err == 0) {
            inotify_node(v, IN_ATTRIB);
        }
        vnode_put(v);
    }
    return err;
}

static long set(struct target t, const char USER *key, struct xattr_value value, int flags)
{
    char text[XATTR_NAME_MAX + 1];
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) {
        return -EINVAL;
    }
    int err = take_key(text, key);
    if (err != 0 || value.size > XATTR_SIZE_MAX) {
        return err != 0 ? err : -E2BIG;
    }
    void *copy = heap_alloc(max(value.size, (size_t)1));
    if (copy == NULL) {
        return -ENOMEM;
    }
    const struct xattr_value own = {copy, value.size};
    long result = uaccess_read(copy, uptr(const void, value.data), value.size);
    result = result != 0 ? result : set_value(&t, text, &own, flags);
    heap_free(copy);
    return result;
}

/* What get and list share: a kernel buffer of at most cap bytes, then the answer to the program. */
static long answer(const struct target *t, const char *key, void USER *out, size_t cap)
{
    struct vnode *v;
    cap = min(cap, (size_t)XATTR_SIZE_MAX);
    char *buf = heap_alloc(max(cap, (size_t)1));
    if (buf == NULL) {
        return -ENOMEM;
    }
    long result = find(t, &v);
    if (result == 0) {
        result = key != NULL ? xattr_get(v, key, buf, cap) : xattr_list(v, buf, cap);
        vnode_put(v);
    }
    if (result > 0 && cap != 0 && uaccess_write(out, buf, (size_t)result) != 0) {
        result = -EFAULT;
    }
    heap_free(buf);
    return result;
}

static long get(struct target t, const char USER *key, void USER *out, size_t cap)
{
    char text[XATTR_NAME_MAX + 1];
    int err = take_key(text, key);
    return err != 0 ? err : answer(&t, text, out, cap);
}

static long list(struct target t, char USER *out, size_t cap)
{
    return answer(&t, NULL, out, cap);
}

static long drop(struct target t, const char USER *key)
{
    char text[XATTR_NAME_MAX + 1];
    int err = take_key(text, key);
    return err != 0 ? err : set_value(&t, text, NULL, 0);
}

/* The program's value as set takes it. */
static struct xattr_value user_value(const void USER *data, size_t size)
{
    return (struct xattr_value){(const void *)(uintptr_t)data, size};
}

long sys_setxattr(const char USER *name, const char USER *key, const void USER *value, size_t size,
                  int flags)
{
    return set(at_name(name, 0), key, user_value(value, size), flags);
}

long sys_lsetxattr(const char USER *name, const char USER *key, const void USER *value, size_t size,
                   int flags)
{
    return set(at_name(name, AT_SYMLINK_NOFOLLOW), key, user_value(value, size), flags);
}

long sys_fsetxattr(int fd, const char USER *key, const void USER *value, size_t size, int flags)
{
    return set(at_fd(fd), key, user_value(value, size), flags);
}

long sys_getxattr(const char USER *name, const char USER *key, void USER *value, size_t size)
{
    return get(at_name(name, 0), key, value, size);
}

long sys_lgetxattr(const char USER *name, const char USER *key, void USER *value, size_t size)
{
    return get(at_name(name, AT_SYMLINK_NOFOLLOW), key, value, size);
}

long sys_fgetxattr(int fd, const char USER *key, void USER *value, size_t size)
{
    return get(at_fd(fd), key, value, size);
}

long sys_listxattr(const char USER *name, char USER *out, size_t size)
{
    return list(at_name(name, 0), out, size);
}

long sys_llistxattr(const char USER *name, char USER *out, size_t size)
{
    return list(at_name(name, AT_SYMLINK_NOFOLLOW), out, size);
}

long sys_flistxattr(int fd, char USER *out, size_t size)
{
    return list(at_fd(fd), out, size);
}

long sys_removexattr(const char USER *name, const char USER *key)
{
    return drop(at_name(name, 0), key);
}

long sys_lremovexattr(const char USER *name, const char USER *key)
{
    return drop(at_name(name, AT_SYMLINK_NOFOLLOW), key);
}

long sys_fremovexattr(int fd, const char USER *key)
{
    return drop(at_fd(fd), key);
}
