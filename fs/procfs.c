/* SPDX-License-Identifier: MIT */
/* The root of /proc. Source: proc(5). */
#include "fs/procfs.h"

#include <asm/errno.h>
#include <linux/magic.h>

#include "fs/proctables.h"
#include "kernel/process.h"
#include "kernel/thread.h"

const struct textfs_entry *procfs_net;

static void show_self(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d", PROCESS_PID);
}

static void show_thread_self(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d/task/%d", PROCESS_PID, thread_this()->tid);
}

static long next_process(uint64_t from)
{
    return from <= PROCESS_PID ? PROCESS_PID : -ENOENT;
}

static const struct textfs_entry process_entry = {
    .mode = S_IFDIR | 0555,
    .children = procself_table,
    .owned = true,
};
static const struct textfs_numbers processes = {next_process, &process_entry, NULL};

#define SWAPS_HEADER "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority"

static const struct textfs_entry table[] = {
    TEXTFS_LINK("self", show_self),
    TEXTFS_LINK("thread-self", show_thread_self),
    TEXTFS_FIXED("cgroups", "#subsys_name\thierarchy\tnum_cgroups\tenabled"),
    TEXTFS_FILE("cpuinfo", procinfo_cpuinfo),
    TEXTFS_FIXED("devices", "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n\n"
                            "Block devices:"),
    TEXTFS_FILE("filesystems", procmount_filesystems),
    TEXTFS_FILE("loadavg", procinfo_loadavg),
    TEXTFS_FILE("meminfo", procinfo_meminfo),
    TEXTFS_FILE("slabinfo", procinfo_slabinfo),
    {.name = "mounts", .mode = S_IFLNK | 0777, .fixed = "self/mounts"},
    {.name = "net", .mode = S_IFLNK | 0777, .fixed = "self/net"},
    TEXTFS_FILE("stat", procinfo_stat),
    TEXTFS_FIXED("swaps", SWAPS_HEADER),
    TEXTFS_DIR("sys", procsys_table),
    TEXTFS_FILE("uptime", procinfo_uptime),
    TEXTFS_FIXED("version", "Linux version " PROCESS_RELEASE " (elfin@elfin) " PROCESS_VERSION),
    TEXTFS_FILE("vmstat", procinfo_vmstat),
    {.name = NULL},
};

static const struct textfs_entry root = {
    .mode = S_IFDIR | 0555,
    .children = table,
    .numbers = &processes,
};

bool procfs_is_process(const struct vnode *v)
{
    return textfs_entry_of(v) == &process_entry;
}

int procfs_create(struct mount **out)
{
    return textfs_create(&root, "proc", PROC_SUPER_MAGIC, out);
}
