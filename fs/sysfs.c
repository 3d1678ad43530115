/* SPDX-License-Identifier: MIT */
/* /sys: the processor and its memory node, huge pages; and the empty directories that programs
 * list. There is one processor. Source: Linux Documentation/ABI/testing/sysfs-devices-system-cpu
 * and sysfs-devices-node, Documentation/admin-guide/mm/transhuge.rst. */
#include <linux/magic.h>

#include "fs/procfs.h"
#include "fs/textfs.h"

static void show_huge_size(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%lu\n", HUGE_SIZE);
}

static const struct textfs_entry none[] = {{.name = NULL}};

static const struct textfs_entry topology[] = {
    TEXTFS_FIXED("core_cpus", "1"),
    TEXTFS_FIXED("core_cpus_list", "0"),
    TEXTFS_FIXED("core_id", "0"),
    TEXTFS_FIXED("core_siblings", "1"),
    TEXTFS_FIXED("core_siblings_list", "0"),
    TEXTFS_FIXED("package_cpus", "1"),
    TEXTFS_FIXED("package_cpus_list", "0"),
    TEXTFS_FIXED("physical_package_id", "0"),
    TEXTFS_FIXED("thread_siblings", "1"),
    TEXTFS_FIXED("thread_siblings_list", "0"),
    {.name = NULL},
};

static const struct textfs_entry cpu0[] = {
    TEXTFS_DIR("topology", topology),
    {.name = NULL},
};

static const struct textfs_entry cpus[] = {
    TEXTFS_DIR("cpu0", cpu0),        TEXTFS_FIXED("isolated", ""),
    TEXTFS_FIXED("kernel_max", "0"), TEXTFS_FIXED("offline", ""),
    TEXTFS_FIXED("online", "0"),     TEXTFS_FIXED("possible", "0"),
    TEXTFS_FIXED("present", "0"),    {.name = NULL},
};

static const struct textfs_entry node0[] = {
    TEXTFS_FIXED("cpulist", "0"),
    TEXTFS_FIXED("cpumap", "1"),
    TEXTFS_FIXED("distance", "10"),
    {.name = NULL},
};

static const struct textfs_entry nodes[] = {
    TEXTFS_FIXED("has_cpu", "0"), TEXTFS_FIXED("has_memory", "0"), TEXTFS_DIR("node0", node0),
    TEXTFS_FIXED("online", "0"),  TEXTFS_FIXED("possible", "0"),   {.name = NULL},
};

static const struct textfs_entry system_dirs[] = {
    TEXTFS_DIR("cpu", cpus),
    TEXTFS_DIR("node", nodes),
    {.name = NULL},
};

static const struct textfs_entry devices[] = {
    TEXTFS_DIR("system", system_dirs),
    {.name = NULL},
};

static const struct textfs_entry huge[] = {
    TEXTFS_FIXED("defrag", "[always] defer defer+madvise madvise never"),
    TEXTFS_FIXED("enabled", "[always] madvise never"),
    TEXTFS_FILE("hpage_pmd_size", show_huge_size),
    {.name = NULL},
};

static const struct textfs_entry mm[] = {
    TEXTFS_DIR("transparent_hugepage", huge),
    {.name = NULL},
};

static const struct textfs_entry kernel[] = {
    TEXTFS_DIR("mm", mm),
    {.name = NULL},
};

static const struct textfs_entry fs[] = {
    TEXTFS_DIR("cgroup", none),
    {.name = NULL},
};

static const struct textfs_entry table[] = {
    TEXTFS_DIR("block", none),
    TEXTFS_DIR("bus", none),
    TEXTFS_DIR("class", none),
    TEXTFS_DIR("devices", devices),
    TEXTFS_DIR("fs", fs),
    TEXTFS_DIR("kernel", kernel),
    {.name = NULL},
};

static const struct textfs_entry root = {.mode = S_IFDIR | 0555, .children = table};

int sysfs_create(struct mount **out)
{
    return textfs_create(&root, "sysfs", SYSFS_MAGIC, out);
}
