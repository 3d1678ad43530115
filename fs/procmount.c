/* SPDX-License-Identifier: MIT */
/* /proc/self/mounts, mountinfo, /proc/filesystems. A mount is never undone, so the list is walked
 * without its lock. Source: proc(5), fstab(5) for the escapes. */
#include "fs/proctables.h"

#include "kernel/base/print.h"

/* Blanks and backslashes as octal escapes. */
static void show_escaped(struct text *t, const char *s)
{
    for (; *s != 0; s++) {
        if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\') {
            text_print(t, "\\%03o", (unsigned char)*s);
        } else {
            text_bytes(t, s, 1);
        }
    }
}

static const char *mode_of(const struct mount *m)
{
    return m->read_only ? "ro" : "rw";
}

void procmount_mounts(struct text *t, uint64_t key)
{
    const struct list *at;
    const struct list *head = vfs_mounts();
    (void)key;
    list_for_each (at, head) {
        const struct mount *m = list_entry(at, struct mount, link);
        show_escaped(t, m->source);
        text_print(t, " ");
        show_escaped(t, m->path);
        text_print(t, " %s %s,relatime 0 0\n", m->fs_name, mode_of(m));
    }
}

static uint64_t id_of(const struct mount *m)
{
    return m != NULL ? PROC_MOUNT_ID(m->dev) : 1;
}

void procmount_info(struct text *t, uint64_t key)
{
    const struct list *at;
    const struct list *head = vfs_mounts();
    (void)key;
    list_for_each (at, head) {
        const struct mount *m = list_entry(at, struct mount, link);
        const struct mount *parent = m->parent;
        text_print(t, "%lu %lu %lu:%lu / ", id_of(m), id_of(parent), m->dev >> 8, m->dev & 0xff);
        show_escaped(t, m->path);
        text_print(t, " %s,relatime - %s ", mode_of(m), m->fs_name);
        show_escaped(t, m->source);
        text_print(t, " %s\n", mode_of(m));
    }
}

void procmount_filesystems(struct text *t, uint64_t key)
{
    static const char *const nodev[] = {"sysfs", "tmpfs", "proc", "devtmpfs", "pipefs"};
    (void)key;
    for (unsigned i = 0; i < ARRAY_LEN(nodev); i++) {
        text_print(t, "nodev\t%s\n", nodev[i]);
    }
    text_print(t, "\terofs\n");
}
