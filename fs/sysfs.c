/* SPDX-License-Identifier: MIT */
/* /sys: the processors and their memory node, huge pages; and the empty directories that programs
 * list. Source: Linux Documentation/ABI/testing/sysfs-devices-system-cpu
 * and sysfs-devices-node, Documentation/admin-guide/mm/transhuge.rst. */
#include <linux/magic.h>

#include "fs/procfs.h"
#include "fs/textfs.h"
#include "platform/cpu.h"

static void show_huge_size(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%lu\n", HUGE_SIZE);
}

const struct textfs_entry *sysfs_class;

static const struct textfs_entry none[] = {{.name = NULL}};

/* "0" or "0-3", and the same CPUs as a mask. */
static void show_all(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, cpu_count() == 1 ? "0\n" : "0-%u\n", cpu_count() - 1);
}

static void show_all_mask(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%lx\n", (1UL << cpu_count()) - 1);
}

static void show_one(struct text *t, uint64_t cpu)
{
    text_print(t, "%lu\n", cpu);
}

static void show_one_mask(struct text *t, uint64_t cpu)
{
    text_print(t, "%lx\n", 1UL << cpu);
}

/* Every CPU is a core of one package. */
static const struct textfs_entry topology[] = {
    TEXTFS_FILE("core_cpus", show_one_mask),
    TEXTFS_FILE("core_cpus_list", show_one),
    TEXTFS_FILE("core_id", show_one),
    TEXTFS_FILE("core_siblings", show_all_mask),
    TEXTFS_FILE("core_siblings_list", show_all),
    TEXTFS_FILE("package_cpus", show_all_mask),
    TEXTFS_FILE("package_cpus_list", show_all),
    TEXTFS_FIXED("physical_package_id", "0"),
    TEXTFS_FILE("thread_siblings", show_one_mask),
    TEXTFS_FILE("thread_siblings_list", show_one),
    {.name = NULL},
};

static const struct textfs_entry cpu_files[] = {
    TEXTFS_DIR("topology", topology),
    {.name = NULL},
};

static long next_cpu(uint64_t from)
{
    return from < cpu_count() ? (long)from : -1;
}

static const struct textfs_entry cpu_entry = TEXTFS_DIR(NULL, cpu_files);
static const struct textfs_numbers cpu_numbers = {next_cpu, &cpu_entry, "cpu"};

static const struct textfs_entry cpus[] = {
    TEXTFS_FIXED("isolated", ""),
    TEXTFS_FIXED("kernel_max", "7"),
    TEXTFS_FIXED("offline", ""),
    TEXTFS_FILE("online", show_all),
    TEXTFS_FILE("possible", show_all),
    TEXTFS_FILE("present", show_all),
    {.name = NULL},
};

static const struct textfs_entry node0[] = {
    TEXTFS_FILE("cpulist", show_all),
    TEXTFS_FILE("cpumap", show_all_mask),
    TEXTFS_FIXED("distance", "10"),
    {.name = NULL},
};

static const struct textfs_entry nodes[] = {
    TEXTFS_FIXED("has_cpu", "0"), TEXTFS_FIXED("has_memory", "0"), TEXTFS_DIR("node0", node0),
    TEXTFS_FIXED("online", "0"),  TEXTFS_FIXED("possible", "0"),   {.name = NULL},
};

static const struct textfs_entry system_dirs[] = {
    {.name = "cpu", .mode = S_IFDIR | 0555, .children = cpus, .numbers = &cpu_numbers},
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
    {.name = "class", .mode = S_IFDIR | 0555, .given = &sysfs_class},
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
