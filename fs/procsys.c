/* SPDX-License-Identifier: MIT */
/* /proc/sys: what sysctl(8) and C libraries read. Values that nothing here could differ by are
 * fixed. Source: Linux Documentation/admin-guide/sysctl/{kernel,vm,fs}.rst. */
#include <asm/errno.h>
#include <linux/capability.h>

#include "fs/proctables.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/pipe.h"
#include "kernel/process.h"
#include "kernel/random.h"
#include "kernel/uaccess.h"

#define UUID_LEN 16
#define ID_MAX 4194304 /* of processes and threads */
#define NOBODY "65534"

static void show_hostname(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%s\n", process.hostname);
}

static void show_domainname(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%s\n", process.domainname);
}

/* The first line of text as a name of the machine. */
static int store_name(char *name, size_t cap, const char *text, size_t len)
{
    if (!process_capable(CAP_SYS_ADMIN)) {
        return -EPERM;
    }
    const char *end = memchr(text, '\n', len);
    len = end != NULL ? (size_t)(end - text) : len;
    if (len >= cap) {
        return -EINVAL;
    }
    spin_lock(&process.lock);
    memset(name, 0, cap);
    memcpy(name, text, len);
    spin_unlock(&process.lock);
    return 0;
}

static int store_hostname(const char *text, size_t len, uint64_t key)
{
    (void)key;
    return store_name(process.hostname, sizeof(process.hostname), text, len);
}

static int store_domainname(const char *text, size_t len, uint64_t key)
{
    (void)key;
    return store_name(process.domainname, sizeof(process.domainname), text, len);
}

static void show_cap_last_cap(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d\n", CAP_LAST_CAP);
}

static void show_ngroups_max(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d\n", PROCESS_MAX_GROUPS);
}

static void show_id_max(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d\n", ID_MAX);
}

/* A random UUID, version 4. Source: RFC 4122 4.4. */
static void show_bytes_as_uuid(struct text *t, uint8_t id[UUID_LEN])
{
    id[6] = (uint8_t)((id[6] & 0x0f) | 0x40);
    id[8] = (uint8_t)((id[8] & 0x3f) | 0x80);
    for (unsigned i = 0; i < UUID_LEN; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        text_print(t, "%s%02x", dash ? "-" : "", id[i]);
    }
    text_print(t, "\n");
}

static void show_uuid(struct text *t, uint64_t key)
{
    uint8_t id[UUID_LEN];
    (void)key;
    random_bytes(id, sizeof(id));
    show_bytes_as_uuid(t, id);
}

static void show_boot_id(struct text *t, uint64_t key)
{
    static uint8_t id[UUID_LEN];
    static bool made;
    (void)key;
    spin_lock(&process.lock);
    if (!made) {
        random_bytes(id, sizeof(id));
        made = true;
    }
    spin_unlock(&process.lock);
    show_bytes_as_uuid(t, id);
}

static void show_mmap_min_addr(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%lu\n", USER_MIN);
}

static void show_nr_open(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d\n", FD_MAX);
}

static void show_file_nr(struct text *t, uint64_t key)
{
    unsigned n = 0;
    (void)key;
    for (int fd = fd_next(0); fd >= 0; fd = fd_next(fd + 1)) {
        n++;
    }
    text_print(t, "%u\t0\t%d\n", n, FD_MAX);
}

static void show_pipe_max(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d\n", PIPE_SIZE_MAX);
}

static const struct textfs_entry random[] = {
    TEXTFS_FILE("boot_id", show_boot_id),
    TEXTFS_FIXED("entropy_avail", "256"),
    TEXTFS_FIXED("poolsize", "256"),
    TEXTFS_FILE("uuid", show_uuid),
    {.name = NULL},
};

#define NAMED(n, what)                                                                  \
    {                                                                                   \
        .name = (n), .mode = S_IFREG | 0644, .show = show_##what, .store = store_##what \
    }

static const struct textfs_entry kernel[] = {
    TEXTFS_FILE("cap_last_cap", show_cap_last_cap),
    TEXTFS_FIXED("core_pattern", "core"),
    TEXTFS_FIXED("core_uses_pid", "0"),
    NAMED("domainname", domainname),
    NAMED("hostname", hostname),
    TEXTFS_FILE("ngroups_max", show_ngroups_max),
    TEXTFS_FIXED("osrelease", PROCESS_RELEASE),
    TEXTFS_FIXED("ostype", "Linux"),
    TEXTFS_FIXED("overflowgid", NOBODY),
    TEXTFS_FIXED("overflowuid", NOBODY),
    TEXTFS_FILE("pid_max", show_id_max),
    TEXTFS_DIR("random", random),
    TEXTFS_FIXED("randomize_va_space", "2"),
    TEXTFS_FIXED("tainted", "0"),
    TEXTFS_FILE("threads-max", show_id_max),
    TEXTFS_FIXED("version", PROCESS_VERSION),
    {.name = NULL},
};

static const struct textfs_entry vm[] = {
    TEXTFS_FIXED("max_map_count", "65530"),
    TEXTFS_FILE("mmap_min_addr", show_mmap_min_addr),
    TEXTFS_FIXED("nr_hugepages", "0"),
    TEXTFS_FIXED("overcommit_memory", "0"),
    TEXTFS_FIXED("overcommit_ratio", "50"),
    TEXTFS_FIXED("swappiness", "0"),
    {.name = NULL},
};

static const struct textfs_entry fs[] = {
    TEXTFS_FILE("file-max", show_nr_open), TEXTFS_FILE("file-nr", show_file_nr),
    TEXTFS_FILE("nr_open", show_nr_open),  TEXTFS_FIXED("overflowgid", NOBODY),
    TEXTFS_FIXED("overflowuid", NOBODY),   TEXTFS_FILE("pipe-max-size", show_pipe_max),
    TEXTFS_FIXED("suid_dumpable", "0"),    {.name = NULL},
};

/* net/ has the same figures. */
static const struct textfs_entry net_core[] = {
    TEXTFS_FIXED("optmem_max", "131072"),
    TEXTFS_FIXED("rmem_default", "212992"),
    TEXTFS_FIXED("rmem_max", "4194304"),
    TEXTFS_FIXED("somaxconn", "4096"),
    TEXTFS_FIXED("wmem_default", "212992"),
    TEXTFS_FIXED("wmem_max", "4194304"),
    {.name = NULL},
};

static const struct textfs_entry net_unix[] = {
    TEXTFS_FIXED("max_dgram_qlen", "10"),
    {.name = NULL},
};

static const struct textfs_entry net[] = {
    TEXTFS_DIR("core", net_core),
    TEXTFS_DIR("unix", net_unix),
    {.name = NULL},
};

const struct textfs_entry procsys_table[] = {
    TEXTFS_DIR("fs", fs),   TEXTFS_DIR("kernel", kernel),
    TEXTFS_DIR("net", net), TEXTFS_DIR("vm", vm),
    {.name = NULL},
};
