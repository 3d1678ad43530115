/* SPDX-License-Identifier: MIT */
/* The root of /proc. Source: proc(5). */
#include "fs/procfs.h"

#include <asm/errno.h>
#include <linux/magic.h>

#include "fs/proctables.h"
#include "kernel/process.h"

static void show_self(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d", PROCESS_PID);
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
static const struct textfs_numbers processes = {next_process, &process_entry};

static const struct textfs_entry table[] = {
    TEXTFS_LINK("self", show_self),
    {.name = NULL},
};

static const struct textfs_entry root = {
    .mode = S_IFDIR | 0555,
    .children = table,
    .numbers = &processes,
};

int procfs_create(struct mount **out)
{
    return textfs_create(&root, "proc", PROC_SUPER_MAGIC, out);
}
