/* SPDX-License-Identifier: MIT */
/* The one process.
 *
 * Owns struct process and the order in which the machine ends. process.lock is the outermost lock.
 *
 * Source: credentials(7), capabilities(7), getrlimit(2), exit(3). */
#include "kernel/process.h"

#include <linux/capability.h>
#include <linux/fs.h>
#include <linux/limits.h>

#include "kernel/base/string.h"
#include "kernel/file.h"
#include "kernel/sched.h"
#include "kernel/stats.h"
#include "kernel/thread.h"
#include "platform/clock.h"
#include "platform/console.h"
#include "platform/moncall.h"

#define ALL_CAPS ((1UL << (CAP_LAST_CAP + 1)) - 1)
#define DEFAULT_STACK (8UL << 20)
#define DEFAULT_MEMLOCK (8UL << 20)
#define DEFAULT_FILES 1024 /* soft: select(2) cannot name more; the hard one is the table's */
#define DEFAULT_MQ_BYTES 819200
#define DEFAULT_SIGNALS 4096 /* queued; Linux derives it from the size of memory */

struct process process;

static void init_limits(void)
{
    for (unsigned i = 0; i < RLIM_NLIMITS; i++) {
        process.limits[i] = (struct rlimit64){RLIM64_INFINITY, RLIM64_INFINITY};
    }
    process.limits[RLIMIT_CORE].rlim_cur = 0;
    process.limits[RLIMIT_NOFILE] = (struct rlimit64){DEFAULT_FILES, FD_MAX};
    process.limits[RLIMIT_MEMLOCK] = (struct rlimit64){DEFAULT_MEMLOCK, DEFAULT_MEMLOCK};
    process.limits[RLIMIT_SIGPENDING] = (struct rlimit64){DEFAULT_SIGNALS, DEFAULT_SIGNALS};
    process.limits[RLIMIT_NPROC] = (struct rlimit64){DEFAULT_SIGNALS, DEFAULT_SIGNALS};
    process.limits[RLIMIT_MSGQUEUE] = (struct rlimit64){DEFAULT_MQ_BYTES, DEFAULT_MQ_BYTES};
    process.limits[RLIMIT_NICE] = (struct rlimit64){0, 0};
    process.limits[RLIMIT_RTPRIO] = (struct rlimit64){0, 0};
    fd_set_limit(DEFAULT_FILES);
}

void process_init(void)
{
    process.pgid = PROCESS_PID;
    process.sid = PROCESS_PPID;
    process.caps.bounding = ALL_CAPS;
    process.attrs.dumpable = PROCESS_DUMPABLE;
    process.attrs.timer_slack_ns = PROCESS_TIMER_SLACK_NS;
    (void)string_copy(process.domainname, sizeof(process.domainname), "(none)");
    init_limits();
    process_configure("elfin", 0, 0, DEFAULT_STACK);
}

void process_configure(const char *hostname, uint32_t uid, uint32_t gid, uint64_t stack_limit)
{
    spin_lock(&process.lock);
    (void)string_copy(process.hostname, sizeof(process.hostname), hostname);
    process.limits[RLIMIT_STACK].rlim_cur = stack_limit;
    process.uid = process.euid = process.suid = process.fsuid = uid;
    process.gid = process.egid = process.sgid = process.fsgid = gid;
    process.ngroups = 0;
    process.caps.permitted = uid == 0 ? process.caps.bounding : 0;
    process.caps.effective = process.caps.permitted;
    spin_unlock(&process.lock);
}

bool process_capable(int cap)
{
    return (process.caps.effective >> cap & 1) != 0;
}

uint64_t process_cpu_ns(void)
{
    return thread_cputime().total_ns;
}

static void (*end_hook)(void); /* [I] once installed */

void process_set_end_hook(void (*hook)(void))
{
    end_hook = hook;
}

void process_exit(int status)
{
    static bool ending;
    if (__atomic_exchange_n(&ending, true, __ATOMIC_SEQ_CST)) {
        sched_park(); /* another thread was first */
    }
    sched_stop();
    fd_close_all();
    if (end_hook != NULL) {
        end_hook();
    }
    stats_print();
    console_flush();
    console_send_status(status);
    moncall_poweroff(status);
}
