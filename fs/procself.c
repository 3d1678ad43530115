/* SPDX-License-Identifier: MIT */
/* /proc/<pid>: what the process looks like. Figures: procstat.c. Source: proc(5). */
#include <asm/errno.h>
#include <linux/auxvec.h>

#include "fs/procfs.h"
#include "fs/proctables.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/thread.h"

#define LINE_CAP (4096 + 128) /* a line of maps: numbers and a path */
#define PAGE_KIB (PAGE_SIZE / 1024)
#define EXEC_BIT 4 /* PROT_EXEC */

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
    if (p.vnode != NULL) {
        text_print(t, "%s", p.name);
        path_put(&p);
    }
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

static void show_auxv(struct text *t, uint64_t key)
{
    size_t n = 0;
    (void)key;
    while (n + 2 < ARRAY_LEN(process.auxv) && process.auxv[n] != AT_NULL) {
        n += 2;
    }
    text_bytes(t, process.auxv, (n + 2) * sizeof(process.auxv[0]));
}

struct thread *proc_thread(uint64_t key)
{
    struct thread *thread = thread_find((int)key);
    if (thread == NULL && key == PROCESS_PID) {
        thread = thread_this();
        thread_get(thread);
    }
    return thread;
}

static void show_comm(struct text *t, uint64_t key)
{
    struct thread *thread = proc_thread(key);
    if (thread != NULL) {
        text_print(t, "%s\n", thread->comm);
        thread_put(thread);
    }
}

static int store_comm(const char *text, size_t len, uint64_t key)
{
    struct thread *thread = proc_thread(key);
    if (thread == NULL) {
        return -ESRCH;
    }
    len -= len != 0 && text[len - 1] == '\n';
    len = min(len, sizeof(thread->comm) - 1);
    memset(thread->comm, 0, sizeof(thread->comm));
    memcpy(thread->comm, text, len);
    thread_put(thread);
    return 0;
}

static void show_maps(struct text *t, uint64_t key)
{
    char line[LINE_CAP];
    uint64_t next = 0;
    (void)key;
    while (mmap_describe(next, line, sizeof(line), &next) >= 0) {
        text_print(t, "%s\n", line);
    }
}

/* The figures of smaps. A page is either the process's own, then it counts as changed, or of a
 * file. */
static void show_figures(struct text *t, uint64_t resident, uint64_t own)
{
    text_print(t, "Rss:            %8lu kB\nPss:            %8lu kB\n", resident * PAGE_KIB,
               resident * PAGE_KIB);
    text_print(t, "Shared_Clean:          0 kB\nShared_Dirty:          0 kB\n");
    text_print(t, "Private_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n", (resident - own) * PAGE_KIB,
               own * PAGE_KIB);
    text_print(t, "Referenced:     %8lu kB\nAnonymous:      %8lu kB\n", resident * PAGE_KIB,
               own * PAGE_KIB);
    text_print(t, "Swap:                  0 kB\n");
}

static void show_smaps(struct text *t, uint64_t key)
{
    char line[LINE_CAP];
    struct mmap_region r;
    uint64_t next = 0;
    (void)key;
    while (mmap_region(next, &r) == 0 && mmap_describe(next, line, sizeof(line), &next) >= 0) {
        text_print(t, "%s\nSize:           %8lu kB\n", line, (r.end - r.start) / 1024);
        text_print(t, "KernelPageSize: %8lu kB\nMMUPageSize:    %8lu kB\n", PAGE_KIB, PAGE_KIB);
        show_figures(t, r.resident, r.anonymous);
        text_print(t, "Locked:         %8lu kB\n", r.locked ? r.resident * PAGE_KIB : 0);
        text_print(t, "VmFlags:%s%s%s%s%s%s%s\n", (r.prot & 1) != 0 ? " rd" : "",
                   (r.prot & 2) != 0 ? " wr" : "", (r.prot & EXEC_BIT) != 0 ? " ex" : "",
                   r.shared ? " sh" : "", r.grows ? " gd" : "", r.locked ? " lo" : "",
                   r.no_huge ? " nh" : "");
    }
}

static void show_rollup(struct text *t, uint64_t key)
{
    struct mmap_region r;
    uint64_t first = 0;
    uint64_t end = 0;
    uint64_t resident = 0;
    uint64_t own = 0;
    (void)key;
    for (uint64_t at = 0; mmap_region(at, &r) == 0; at = r.end) {
        first = at == 0 ? r.start : first;
        end = r.end;
        resident += r.resident;
        own += r.anonymous;
    }
    text_print(t, "%08lx-%08lx ---p 00000000 00:00 0                          [rollup]\n", first,
               end);
    show_figures(t, resident, own);
}

static int oom_score_adj; /* [A] */

static void show_oom_score_adj(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%d\n", oom_score_adj);
}

static int store_oom_score_adj(const char *text, size_t len, uint64_t key)
{
    char digits[8];
    uint64_t value;
    bool negative = text[0] == '-';
    (void)key;
    len -= len != 0 && text[len - 1] == '\n';
    if (len < 1U + negative || len - negative >= sizeof(digits)) {
        return -EINVAL;
    }
    memcpy(digits, text + negative, len - negative);
    digits[len - negative] = 0;
    if (string_to_u64(digits, &value) != 0 || value > 1000) {
        return -EINVAL;
    }
    oom_score_adj = negative ? -(int)value : (int)value;
    return 0;
}

static void show_timerslack(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "%lu\n", process.attrs.timer_slack_ns);
}

/* Where a thread sleeps is not told, as to everybody but root on Linux. */
static void show_wchan(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "0");
}

static long next_thread(uint64_t from)
{
    struct thread *thread = from <= INT32_MAX ? thread_next((int)from - 1) : NULL;
    if (thread == NULL) {
        return -ENOENT;
    }
    long tid = thread->tid;
    thread_put(thread);
    return tid;
}

#define OWN(n, permissions, fn)                                                   \
    {                                                                             \
        .name = (n), .mode = S_IFREG | (permissions), .show = (fn), .owned = true \
    }
#define OWN_FIXED(n, text)                                                  \
    {                                                                       \
        .name = (n), .mode = S_IFREG | 0444, .fixed = (text), .owned = true \
    }
#define PLACE(n, what)                                                                 \
    {                                                                                  \
        .name = (n), .mode = S_IFLNK | 0777, .show = show_##what, .jump = jump_##what, \
        .owned = true                                                                  \
    }

/* What the directories of the process and of each thread have alike. */
#define SHARED_ENTRIES                                                                           \
    {.name = "fd", .mode = S_IFDIR | 0500, .numbers = &procfd_links, .owned = true},             \
        {.name = "fdinfo", .mode = S_IFDIR | 0555, .numbers = &procfd_infos, .owned = true},     \
        PLACE("cwd", cwd), PLACE("root", root), PLACE("exe", exe), OWN("auxv", 0400, show_auxv), \
        OWN_FIXED("cgroup", "0::/"), OWN("cmdline", 0444, show_cmdline),                         \
        {.name = "comm",                                                                         \
         .mode = S_IFREG | 0644,                                                                 \
         .show = show_comm,                                                                      \
         .store = store_comm,                                                                    \
         .owned = true},                                                                         \
        OWN("environ", 0400, show_environ),                                                      \
        OWN_FIXED("gid_map", "         0          0 4294967295"),                                \
        OWN("limits", 0444, procstat_limits), OWN_FIXED("loginuid", "4294967295"),               \
        OWN("maps", 0444, show_maps), OWN("mountinfo", 0444, procmount_info),                    \
        OWN("mounts", 0444, procmount_mounts),                                                   \
        {.name = "net", .mode = S_IFDIR | 0555, .given = &procfs_net},                           \
        {.name = "oom_score_adj",                                                                \
         .mode = S_IFREG | 0644,                                                                 \
         .show = show_oom_score_adj,                                                             \
         .store = store_oom_score_adj,                                                           \
         .owned = true},                                                                         \
        OWN_FIXED("personality", "00000000"), OWN_FIXED("sessionid", "4294967295"),              \
        OWN_FIXED("setgroups", "allow"), OWN("smaps", 0444, show_smaps),                         \
        OWN("smaps_rollup", 0444, show_rollup), OWN("statm", 0444, procstat_statm),              \
        OWN("status", 0444, procstat_status), OWN("timerslack_ns", 0444, show_timerslack),       \
        OWN("schedstat", 0444, procstat_schedstat),                                              \
        OWN_FIXED("uid_map", "         0          0 4294967295"), OWN("wchan", 0444, show_wchan)

static const struct textfs_entry thread_table[] = {
    SHARED_ENTRIES,
    OWN("stat", 0444, procstat_thread_stat),
    {.name = NULL},
};
static const struct textfs_entry thread_entry = {
    .mode = S_IFDIR | 0555,
    .children = thread_table,
    .owned = true,
};
static const struct textfs_numbers threads = {next_thread, &thread_entry, NULL};

const struct textfs_entry procself_table[] = {
    {.name = "task", .mode = S_IFDIR | 0555, .numbers = &threads, .owned = true},
    SHARED_ENTRIES,
    OWN("stat", 0444, procstat_stat),
    {.name = NULL},
};
