/* SPDX-License-Identifier: MIT */
/* Extended attributes: no file has any and none can be set, as on a tmpfs without user attributes.
 * Arguments are checked all the same. Source: xattr(7), getxattr(2), setxattr(2), listxattr(2). */
#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/limits.h>
#include <linux/xattr.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/name.h"

static const char *const spaces[] = {XATTR_USER_PREFIX, XATTR_TRUSTED_PREFIX, XATTR_SECURITY_PREFIX,
                                     XATTR_SYSTEM_PREFIX};

/* Read the key. Returns 0, -ERANGE, -EFAULT; -EOPNOTSUPP for a name space that nobody knows. */
static int check_key(const char USER *key)
{
    char text[XATTR_NAME_MAX + 1];
    long len = uaccess_string(text, key, sizeof(text));
    if (len <= 0) {
        return len == -EFAULT ? -EFAULT : -ERANGE;
    }
    for (unsigned i = 0; i < ARRAY_LEN(spaces); i++) {
        size_t prefix = strlen(spaces[i]);
        if (strncmp(text, spaces[i], prefix) == 0) {
            return (size_t)len > prefix ? 0 : -EINVAL;
        }
    }
    return -EOPNOTSUPP;
}

/* The answers once the file is known to exist. */
static int check_place(const char USER *name, unsigned flags)
{
    struct path p;
    int err = name_place(AT_FDCWD, name, flags, &p);
    if (err == 0) {
        path_put(&p);
    }
    return err;
}

static int check_descriptor(int fd)
{
    struct fd_ref r = fd_borrow(fd);
    fd_return(r);
    return r.file != NULL ? 0 : -EBADF;
}

static long get(int place_err, const char USER *key)
{
    int err = place_err != 0 ? place_err : check_key(key);
    return err != 0 ? err : -ENODATA;
}

long sys_setxattr(const char USER *name, const char USER *key, const void USER *value, size_t size,
                  int flags)
{
    (void)value;
    if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) {
        return -EINVAL;
    }
    if (size > XATTR_SIZE_MAX) {
        return -E2BIG;
    }
    int err = check_place(name, 0);
    err = err != 0 ? err : check_key(key);
    return err != 0 ? err : -EOPNOTSUPP;
}

long sys_getxattr(const char USER *name, const char USER *key, void USER *value, size_t size)
{
    (void)value;
    (void)size;
    return get(check_place(name, 0), key);
}

long sys_lgetxattr(const char USER *name, const char USER *key, void USER *value, size_t size)
{
    (void)value;
    (void)size;
    return get(check_place(name, AT_SYMLINK_NOFOLLOW), key);
}

long sys_fgetxattr(int fd, const char USER *key, void USER *value, size_t size)
{
    (void)value;
    (void)size;
    return get(check_descriptor(fd), key);
}

long sys_listxattr(const char USER *name, char USER *list, size_t size)
{
    (void)list;
    (void)size;
    return check_place(name, 0);
}

long sys_llistxattr(const char USER *name, char USER *list, size_t size)
{
    (void)list;
    (void)size;
    return check_place(name, AT_SYMLINK_NOFOLLOW);
}

long sys_flistxattr(int fd, char USER *list, size_t size)
{
    (void)list;
    (void)size;
    return check_descriptor(fd);
}
