/* SPDX-License-Identifier: MIT */
/* The one process: ids, limits, names, exit, usage. */
#ifndef KERNEL_PROCESS_H
#define KERNEL_PROCESS_H

#include <linux/resource.h>

#include "kernel/base/base.h"

#define PROCESS_PID 2 /* not 1: programs treat pid 1 as init */

struct process {
    uint32_t uid, euid, suid, fsuid, gid, egid, sgid, fsgid;
    uint32_t ngroups, groups[32];
    struct rlimit64 limits[RLIM_NLIMITS];
    int pgid, sid;
    char exe[4096]; /* absolute path of the program in the image */
    char *cmdline; /* argv, NUL-separated; heap */
    size_t cmdline_len;
    char *environ; /* NUL-separated; heap */
    size_t environ_len;
    char hostname[65], domainname[65];
    uint64_t start_ns; /* CLOCK_MONOTONIC at program start */
    uint64_t auxv[64]; /* for /proc/self/auxv, ends with AT_NULL */
};
extern struct process process;

void process_init(void);

/* process_exit: close files, print statistics if asked, tell the host tool, power off. status is the
 * exit status 0..255, or 128 + signal. */
NORETURN void process_exit(int status);

#endif
