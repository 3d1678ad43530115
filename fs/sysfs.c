/* SPDX-License-Identifier: MIT */
/* /sys: the processors. Source: Linux Documentation/ABI/testing/sysfs-devices-system-cpu. */
#include <linux/magic.h>

#include "fs/procfs.h"
#include "fs/textfs.h"

static const struct textfs_entry cpu[] = {
    TEXTFS_FIXED("online", "0"),
    TEXTFS_FIXED("possible", "0"),
    TEXTFS_FIXED("present", "0"),
    {.name = NULL},
};

static const struct textfs_entry system_dirs[] = {
    TEXTFS_DIR("cpu", cpu),
    {.name = NULL},
};

static const struct textfs_entry devices[] = {
    TEXTFS_DIR("system", system_dirs),
    {.name = NULL},
};

static const struct textfs_entry table[] = {
    TEXTFS_DIR("devices", devices),
    {.name = NULL},
};

static const struct textfs_entry root = {.mode = S_IFDIR | 0555, .children = table};

int sysfs_create(struct mount **out)
{
    return textfs_create(&root, "sysfs", SYSFS_MAGIC, out);
}
