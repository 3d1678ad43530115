/* SPDX-License-Identifier: MIT */
/* The one process: ids, capabilities, limits, names, exit, usage. */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <linux/resource.h>

#include "kernel/base/base.h"
#include "kernel/base/lock.h"

#define PROCESS_PID 2 /* not 1: programs treat pid 1 as init */
#define PROCESS_PPID 1 /* also the session's leader: the process leads its own group within it */
#define PROCESS_MAX_GROUPS 32
#define PROCESS_RELEASE "6.1.0-elfin" /* uname(2): whose calls these are; glibc wants >= 3.2 */
#define PROCESS_VERSION "#1 Elfin"
#define PROCESS_USER_HZ 100 /* unit of times(2) and /proc/self/stat */
#define PROCESS_DUMPABLE 1 /* SUID_DUMP_USER of prctl(2) */
#define PROCESS_TIMER_SLACK_NS 50000 /* default of PR_SET_TIMERSLACK */

/* Capability sets, bit n for CAP_n (capabilities(7)). */
struct process_caps {
    uint64_t effective, permitted, inheritable, bounding, ambient;
};

/* Attributes of prctl(2) that change nothing here but can be read back. */
struct process_attrs {
    int dumpable, pdeath_signal;
    uint32_t securebits; /* SECBIT_KEEP_CAPS and SECBIT_NO_SETUID_FIXUP have effect */
    bool no_new_privs, child_subreaper, thp_disable;
    uint64_t timer_slack_ns;
};

struct process {
    struct spinlock lock; /* ids, caps, limits, attrs change under it */
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid; /* [L] */
    uint32_t ngroups, groups[PROCESS_MAX_GROUPS]; /* [L] supplementary groups */
    struct process_caps caps; /* [L] */
    struct process_attrs attrs; /* [L] */
    struct rlimit64 limits[RLIM_NLIMITS]; /* [L] */
    int pgid, sid; /* [I] in effect: neither setsid nor setpgid can change them */
    char exe[4096]; /* [I] absolute path of the program in the image */
    char *cmdline; /* [I] argv, NUL-separated; heap */
    size_t cmdline_len;
    char *environ; /* [I] NUL-separated; heap */
    size_t environ_len;
    char hostname[65], domainname[65]; /* [L] NUL-ended */
    uint64_t start_ns; /* [I] CLOCK_MONOTONIC at program start */
    uint64_t auxv[64]; /* [I] for /proc/self/auxv, ends with AT_NULL */
};
extern struct process process;

/* process_init: root with all capabilities, default limits and names. After heap, before vfs. */
void process_init(void);

/* process_configure: take over the boot configuration: host name (cut at 64 bytes), the user and
 * group that start the program (all ids of each kind; capabilities as that user has them), and the
 * soft RLIMIT_STACK in bytes. */
void process_configure(const char *hostname, uint32_t uid, uint32_t gid, uint64_t stack_limit);

/* process_capable: capability cap (CAP_*) is effective. */
bool process_capable(int cap);

/* process_cpu_ns: CPU time used since the program started, in ns. Time in the library OS counts. */
uint64_t process_cpu_ns(void);

/* process_set_end_hook: what is to be done between the closing of files and the end of the machine.
 * Context: boot. */
void process_set_end_hook(void (*hook)(void));

/* process_exit: close files, print statistics if asked, tell the host tool, power off. status is
 * the exit status 0..255, or 128 + signal. */
NORETURN void process_exit(int status);

#endif
