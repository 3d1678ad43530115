/* SPDX-License-Identifier: MIT */
/* File systems whose files are text that is made up as it is read, described by tables: /proc,
 * /sys. */
#ifndef FS_TEXTFS_H
#define FS_TEXTFS_H

#include "fs/vnode.h"

/* Text that grows as it is written. */
struct text {
    char *buf; /* heap */
    size_t len, cap;
    bool failed; /* out of memory: what is missing makes the whole text useless */
};
void text_print(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void text_bytes(struct text *t, const void *data, size_t len);

struct textfs_entry;

/* Names of a directory that are numbers, or end in one. */
struct textfs_numbers {
    long (*next)(uint64_t from); /* smallest number >= from that exists, negative when none */
    const struct textfs_entry *entry; /* what each is; its name is not used */
    const char *prefix; /* in front of the number; NULL: nothing */
};

/* One name. Members that its type has no use for are NULL. key: the number of the nearest directory
 * or entry above or at it that is named by one or has one, else 0. */
struct textfs_entry {
    const char *name; /* NULL ends a table */
    uint32_t mode; /* with S_IFMT */
    const struct textfs_entry *children; /* table of a directory, may be NULL */
    /* the same, of one that a layer above gives at boot: *given may be NULL; NULL: see children */
    const struct textfs_entry *const *given;
    const struct textfs_numbers *numbers; /* NULL: none */
    void (*show)(struct text *t, uint64_t key); /* contents of a file, target of a symlink */
    const char *fixed; /* the same where it never changes; files get a newline */
    int (*store)(const char *text, size_t len, uint64_t key); /* NULL: writing fails with -EINVAL */
    int (*jump)(struct mount *m, uint64_t key, struct path *out); /* see vnode_ops; NULL */
    uint32_t (*mode_of)(uint64_t key); /* permissions that depend on key; NULL */
    uint64_t key; /* of it and what is below; 0: that of what is above */
    bool owned; /* belongs to the process's user, else to root */
};

#define TEXTFS_DIR(n, table)                                     \
    {                                                            \
        .name = (n), .mode = S_IFDIR | 0555, .children = (table) \
    }
#define TEXTFS_FILE(n, fn)                                \
    {                                                     \
        .name = (n), .mode = S_IFREG | 0444, .show = (fn) \
    }
#define TEXTFS_FIXED(n, text)                                \
    {                                                        \
        .name = (n), .mode = S_IFREG | 0444, .fixed = (text) \
    }
#define TEXTFS_LINK(n, fn)                                \
    {                                                     \
        .name = (n), .mode = S_IFLNK | 0777, .show = (fn) \
    }

/* textfs_entry_of: what v was made of; NULL: it is in no such file system. */
const struct textfs_entry *textfs_entry_of(const struct vnode *v);

/* textfs_create: an instance with root, a directory. magic: its type for statfs(2).
 * The caller mounts *out. Returns 0 or -ENOMEM. */
MUST_CHECK int textfs_create(const struct textfs_entry *root, const char *fs_name, uint64_t magic,
                             struct mount **out);

#endif
