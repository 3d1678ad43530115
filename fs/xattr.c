/* SPDX-License-Identifier: MIT */
/* Name spaces of extended attributes: user.* of files and directories goes by their permissions,
 * trusted.* and security.* by CAP_SYS_ADMIN, and of system.* there is nothing but the access
 * control lists that no file here has. Source: xattr(7), getxattr(2), setxattr(2). */
#include "fs/xattr.h"

#include <asm/errno.h>
#include <linux/capability.h>
#include <linux/xattr.h>

#include "fs/attr.h"
#include "kernel/base/string.h"
#include "kernel/process.h"

enum space { SPACE_USER, SPACE_TRUSTED, SPACE_SECURITY, SPACE_SYSTEM, SPACES };

static const char *const prefixes[SPACES] = {
    [SPACE_USER] = XATTR_USER_PREFIX,
    [SPACE_TRUSTED] = XATTR_TRUSTED_PREFIX,
    [SPACE_SECURITY] = XATTR_SECURITY_PREFIX,
    [SPACE_SYSTEM] = XATTR_SYSTEM_PREFIX,
};

/* Returns an enum space, -EOPNOTSUPP nobody's, -EINVAL a prefix alone. */
static int space_of(const char *key)
{
    for (int i = 0; i < SPACES; i++) {
        size_t len = strlen(prefixes[i]);
        if (strncmp(key, prefixes[i], len) == 0) {
            return key[len] != 0 ? i : -EINVAL;
        }
    }
    return -EOPNOTSUPP;
}

static bool is_acl(const char *key)
{
    return strcmp(key, XATTR_NAME_POSIX_ACL_ACCESS) == 0 ||
           strcmp(key, XATTR_NAME_POSIX_ACL_DEFAULT) == 0;
}

/* Only regular files and directories have user attributes; the bits of others mean something
 * else. */
static int check_user(struct vnode *v, bool write)
{
    struct vattr attr;
    if (!S_ISREG(v->mode) && !S_ISDIR(v->mode)) {
        return write ? -EPERM : -ENODATA;
    }
    if (write && S_ISDIR(v->mode) && (v->mode & S_ISVTX) != 0) {
        int err = v->ops->getattr(v, &attr);
        if (err != 0 || !attr_owns(&attr)) {
            return err != 0 ? err : -EPERM;
        }
    }
    return access_check(v, write ? MAY_WRITE : MAY_READ, false);
}

static int check(struct vnode *v, const char *key, bool write)
{
    if (write && v->mount->read_only) {
        return -EROFS;
    }
    bool admin = process_capable(CAP_SYS_ADMIN);
    int space = space_of(key);
    switch (space) {
    case SPACE_USER: return check_user(v, write);
    case SPACE_TRUSTED: return admin ? 0 : write ? -EPERM : -ENODATA;
    case SPACE_SECURITY: return admin || !write ? 0 : -EPERM;
    case SPACE_SYSTEM: return is_acl(key) && !write ? -ENODATA : -EOPNOTSUPP;
    default: return space;
    }
}

long xattr_get(struct vnode *v, const char *key, void *buf, size_t cap)
{
    int err = check(v, key, false);
    if (err != 0) {
        return err;
    }
    return v->ops->getxattr != NULL ? v->ops->getxattr(v, key, buf, cap) : -EOPNOTSUPP;
}

int xattr_set(struct vnode *v, const char *key, const struct xattr_value *value, int flags)
{
    int err = check(v, key, true);
    if (err != 0) {
        return err;
    }
    return v->ops->setxattr != NULL ? v->ops->setxattr(v, key, value, flags) : -EOPNOTSUPP;
}

int xattr_remove(struct vnode *v, const char *key)
{
    return xattr_set(v, key, NULL, 0);
}

long xattr_list(struct vnode *v, char *buf, size_t cap)
{
    return v->ops->listxattr != NULL
               ? v->ops->listxattr(v, process_capable(CAP_SYS_ADMIN), buf, cap)
               : 0;
}
