/* SPDX-License-Identifier: MIT */
/* The vnode contract: what a file system gives to path walk, open files and mmap. */
#ifndef FS_VNODE_H
#define FS_VNODE_H

#include <asm/stat.h>
#include <linux/stat.h>
#include <linux/time_types.h>

#include "kernel/base/base.h"
#include "kernel/base/list.h"
#include "kernel/base/lock.h"
#include "kernel/file.h"

struct vnode;
struct mount;
struct path;
struct xattr_value;

struct vattr {
    uint64_t ino, size, blocks; /* blocks in units of 512 bytes */
    uint32_t mode, nlink, uid, gid; /* mode with S_IFMT */
    uint64_t rdev;
    struct __kernel_timespec atime, mtime, ctime, btime;
};

/* Which members of a vattr setattr changes. */
#define VATTR_MODE 0x1
#define VATTR_UID 0x2
#define VATTR_GID 0x4
#define VATTR_SIZE 0x8
#define VATTR_ATIME 0x10
#define VATTR_MTIME 0x20

/* Called by getdents for one entry; returns 0 to go on, anything else to stop (not consumed). The
 * file system's locks are held: it must neither touch the program's memory nor call back. */
typedef int (*dir_emit_fn)(void *ctx, const char *name, size_t len, uint64_t ino, unsigned dtype,
                           uint64_t next_cursor);

/* A name in a directory; not NUL-ended. */
struct vnode_name {
    struct vnode *dir;
    const char *name;
    size_t len;
};

/* Members not NULL unless said. All return 0 or a negative errno. Names are not NUL-ended: name,
 * len. Vnodes returned carry a reference. */
struct vnode_ops {
    int (*lookup)(struct vnode *dir, const char *name, size_t len, struct vnode **out);
    int (*getattr)(struct vnode *v, struct vattr *out);
    /* The following are NULL on read-only file systems: -EROFS. */
    int (*setattr)(struct vnode *v, const struct vattr *attr, unsigned which);
    int (*create)(struct vnode *dir, const char *name, size_t len, uint32_t mode, uint64_t rdev,
                  struct vnode **out); /* regular, directory, FIFO, socket, device by S_IFMT */
    int (*symlink)(struct vnode *dir, const char *name, size_t len, const char *target);
    int (*link)(struct vnode *dir, const char *name, size_t len, struct vnode *v);
    int (*unlink)(struct vnode *dir, const char *name, size_t len, bool is_rmdir);
    int (*rename)(const struct vnode_name *from, const struct vnode_name *to,
                  unsigned flags); /* RENAME_NOREPLACE, _EXCHANGE */
    long (*write)(struct vnode *v, struct iov_iter *it, uint64_t pos); /* NULL: -EINVAL */
    int (*fallocate)(struct vnode *v, int mode, uint64_t offset,
                     uint64_t len); /* NULL: -EOPNOTSUPP */
    /* NULL where the type of vnode has no such thing. */
    long (*read)(struct vnode *v, struct iov_iter *it, uint64_t pos);
    long (*readlink)(struct vnode *v, char *buf, size_t cap); /* length, not NUL-ended */
    /* jump: for a symlink that leads to a place rather than a name (/proc/self/fd/N): that
     * place, with references. NULL: an ordinary symlink, by readlink. */
    int (*jump)(struct vnode *v, struct path *out);
    int (*readdir)(struct vnode *dir, uint64_t cursor, dir_emit_fn emit, void *ctx);
    int (*page)(struct vnode *v, uint64_t index, bool write,
                struct file_page *out); /* see mmap_page */
    /* open: replace the generic open file (devices, FIFOs, /proc); NULL: vfile's. */
    int (*open)(struct vnode *v, unsigned flags, struct file **out);
    /* create_unnamed: a regular file without a name in dir's file system, for O_TMPFILE. NULL:
     * -EOPNOTSUPP. */
    int (*create_unnamed)(struct vnode *dir, uint32_t mode, bool linkable, struct vnode **out);
    /* seek: the first byte of data, or of a hole, at or after from, which is below the end.
     * -ENXIO: no data any more. NULL: all is data. */
    int (*seek)(struct vnode *v, uint64_t from, bool hole, uint64_t *out);
    bool seals; /* heeds vnode.seals; without it F_ADD_SEALS is refused */
    /* Extended attributes, key with its prefix. NULL: -EOPNOTSUPP. getxattr: the value's length;
     * -ENODATA; -ERANGE when it is more than cap, unless cap is 0. setxattr: flags XATTR_*; value
     * NULL: remove it, -ENODATA. listxattr: as getxattr for the NUL-ended keys; those of
     * trusted.* only with trusted. */
    long (*getxattr)(struct vnode *v, const char *key, void *buf, size_t cap);
    int (*setxattr)(struct vnode *v, const char *key, const struct xattr_value *value, int flags);
    long (*listxattr)(struct vnode *v, bool trusted, char *buf, size_t cap);
    void (*release)(struct vnode *v); /* last reference is gone: forget or free v */
};

struct vnode {
    const struct vnode_ops *ops; /* [I] */
    struct mount *mount; /* [I] file system instance */
    struct mount *mounted_here; /* [A] covering mount, NULL; set once, under the mount lock */
    uint32_t refs; /* [A] */
    _Atomic uint32_t mode; /* [A] changed by the file system, S_IFMT part immutable */
    bool executing; /* [A] the program runs from it: opening it for writing fails with -ETXTBSY */
    uint32_t seals; /* [A] F_SEAL_*, changed under write_lock */
    struct spinlock lock; /* the file system's, for what it keeps of the node */
    struct mutex write_lock; /* one write at a time: going to the end and writing are one step */
};

struct fs_stats {
    uint64_t type, block_size, blocks, blocks_free, files, files_free, name_max;
};

/* Nothing changes once it is mounted. */
struct mount {
    struct list link; /* [mount lock] all mounts, in order of mounting */
    struct vnode *root; /* [I] referenced */
    struct vnode *covered; /* [I] directory it covers, NULL for the root */
    struct mount *parent; /* [I] NULL for the root */
    const char *fs_name, *source; /* [I] for /proc/mounts */
    char path[64]; /* [I] where it is mounted */
    uint64_t dev; /* [I] st_dev */
    bool read_only; /* [I] */
    void (*statfs)(struct mount *m, struct fs_stats *out); /* [I] NULL: nothing to tell */
};

/* vnode_init: with one reference; mode with S_IFMT. */
void vnode_init(struct vnode *v, const struct vnode_ops *ops, struct mount *m, uint32_t mode);
void vnode_get(struct vnode *v);
void vnode_put(struct vnode *v);

/* A place in the tree: vnode plus how it was reached, for "..", getcwd and /proc/self/fd. */
struct path {
    struct vnode *vnode; /* referenced */
    char *name; /* absolute path, heap-owned, NUL-ended */
};
void path_put(struct path *p);
MUST_CHECK int path_copy(struct path *dst, const struct path *src);

/* namei.c: path walk. at: starting directory of relative names, NULL for the current one. */
#define WALK_NOFOLLOW 0x1 /* do not follow a final symlink */
#define WALK_DIRECTORY 0x2 /* the result must be a directory */
#define WALK_EMPTY 0x4 /* an empty name means at itself (AT_EMPTY_PATH) */
#define WALK_NO_SYMLINKS 0x8 /* RESOLVE_NO_SYMLINKS */
#define WALK_BENEATH 0x10 /* RESOLVE_BENEATH */
#define WALK_NO_MAGIC 0x20 /* RESOLVE_NO_MAGICLINKS */
#define WALK_IN_ROOT 0x40 /* RESOLVE_IN_ROOT: at is the root directory */
#define WALK_NO_XDEV 0x80 /* RESOLVE_NO_XDEV */
MUST_CHECK int namei_walk(const struct path *at, const char *name, unsigned flags,
                          struct path *out);

/* namei_parent: walk to the directory of the last component, which need not exist;
 * last[NAME_MAX+1]. trailing_slash (may be NULL) tells whether the name ended in '/'. */
MUST_CHECK int namei_parent(const struct path *at, const char *name, struct path *dir, char *last,
                            bool *trailing_slash);

/* namei_target: as namei_parent of what a name leads to when it may be created: a symlink as the
 * last component is followed, unless flags have WALK_NOFOLLOW. */
MUST_CHECK int namei_target(const struct path *at, const char *name, unsigned flags,
                            struct path *dir, char *last, bool *trailing_slash);

/* The process's root directory, where absolute names start: chroot(2). */
MUST_CHECK int namei_set_root(const struct path *p);
void namei_root(struct path *out); /* with references; .vnode NULL before the root is mounted */

/* access_check: may the process do mask (MAY_READ | MAY_WRITE | MAY_EXEC, as R_OK ...) to v?
 * real: by its real ids, as access(2), else by the file-system ids. Returns 0, -EACCES, or what
 * getattr returns. */
#define MAY_EXEC 1
#define MAY_WRITE 2
#define MAY_READ 4
MUST_CHECK int access_check(struct vnode *v, unsigned mask, bool real);

/* access_in_group: the process's group, of the same kind, or one of its supplementary ones is
 * gid. */
bool access_in_group(uint32_t gid, bool real);

/* The process's current directory and umask. */
MUST_CHECK int namei_set_cwd(const struct path *p);
void namei_cwd(struct path *out); /* with references */
extern uint32_t namei_umask; /* [A] */

/* vfs_open: open(2); at as in namei_walk. flags: O_*; walk: WALK_* of openat2(2), 0 for others.
 * More verbs on names: fs/entry.h; on attributes: fs/attr.h. */
MUST_CHECK int vfs_open_how(const struct path *at, const char *name, unsigned flags, uint32_t mode,
                            unsigned walk, struct file **out);
MUST_CHECK int vfs_open(const struct path *at, const char *name, unsigned flags, uint32_t mode,
                        struct file **out);
/* vfs_mount: cover the directory at the absolute path where with m, whose root, fs_name, source and
 * statfs are set. Returns 0, -ENOENT, -ENOTDIR, -EBUSY. vfs_mounts: list of all, through link,
 * which does not change once the program runs. */
MUST_CHECK int vfs_mount(const char *where, struct mount *m);
struct list *vfs_mounts(void);
const struct path *vfs_file_path(const struct file *f); /* NULL for files without a path */

/* vfile_open: the generic open file of a vnode; p is copied. vfile_open_any: a device's or
 * FIFO's own where the vnode is one. vfile_attach: f was opened as p (copied), which
 * vfs_file_path tells. */
MUST_CHECK int vfile_open(const struct path *p, unsigned flags, struct file **out);
MUST_CHECK int vfile_open_any(const struct path *p, unsigned flags, struct file **out);
MUST_CHECK int vfile_attach(struct file *f, const struct path *p);

/* vfs_init: mount EROFS image [image, image + len) with a tmpfs upper layer as /, or an empty tmpfs
 * when image is NULL; tmpfs on /tmp /run /dev/shm, devfs on /dev, procfs on /proc. image_pa is the
 * physical address of image: its pages are mapped in place. Returns 0 or a negative errno after a
 * log line (-EUCLEAN for a corrupted image). */
MUST_CHECK int vfs_init(const void *image, struct pa image_pa, size_t len);

#endif
