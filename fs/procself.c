/* SPDX-License-Identifier: MIT */
/* /proc/<pid>: what the process looks like. Source: proc(5). */
#include <asm/errno.h>

#include "fs/proctables.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/thread.h"

#define LINE_MAX (4096 + 128) /* a line of maps: numbers and a path */

static void show_exe(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%s", process.exe);
}

static int jump_exe(struct mount *m, uint64_t key, struct path *out)
{
    (void)m;
    (void)key;
    return namei_walk(NULL, process.exe, 0, out);
}

static void show_place(struct text *t, void (*get)(struct path *out))
{
    struct path p;
    get(&p);
    text_print(t, "%s", p.name);
    path_put(&p);
}

static void show_cwd(struct text *t, uint64_t key)
{
    (void)key;
    show_place(t, namei_cwd);
}

static void show_root(struct text *t, uint64_t key)
{
    (void)key;
    show_place(t, namei_root);
}

static int jump_cwd(struct mount *m, uint64_t key, struct path *out)
{
    (void)m;
    (void)key;
    namei_cwd(out);
    return out->vnode != NULL ? 0 : -ENOENT;
}

static int jump_root(struct mount *m, uint64_t key, struct path *out)
{
    (void)m;
    (void)key;
    namei_root(out);
    return out->vnode != NULL ? 0 : -ENOENT;
}

static void show_cmdline(struct text *t, uint64_t key)
{
    (void)key;
    text_bytes(t, process.cmdline, process.cmdline_len);
}

static void show_environ(struct text *t, uint64_t key)
{
    (void)key;
    text_bytes(t, process.environ, process.environ_len);
}

static void show_maps(struct text *t, uint64_t key)
{
    char line[LINE_MAX];
    uint64_t next = 0;
    (void)key;
    while (mmap_describe(next, line, sizeof(line), &next) >= 0) {
        text_print(t, "%s\n", line);
    }
}

const struct textfs_entry procself_table[] = {
    {.name = "fd", .mode = S_IFDIR | 0500, .numbers = &procfd_links, .owned = true},
    {.name = "fdinfo", .mode = S_IFDIR | 0555, .numbers = &procfd_infos, .owned = true},
    {.name = "exe", .mode = S_IFLNK | 0777, .show = show_exe, .jump = jump_exe, .owned = true},
    {.name = "cwd", .mode = S_IFLNK | 0777, .show = show_cwd, .jump = jump_cwd, .owned = true},
    {.name = "root", .mode = S_IFLNK | 0777, .show = show_root, .jump = jump_root, .owned = true},
    {.name = "cmdline", .mode = S_IFREG | 0444, .show = show_cmdline, .owned = true},
    {.name = "environ", .mode = S_IFREG | 0400, .show = show_environ, .owned = true},
    {.name = "maps", .mode = S_IFREG | 0444, .show = show_maps, .owned = true},
    {.name = NULL},
};
