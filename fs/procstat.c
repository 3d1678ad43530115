/* SPDX-License-Identifier: MIT */
/* /proc/<pid>/stat, statm, status, limits: figures of the process. What cannot be measured here is
 * 0 where a format has fixed fields, and left out where it names them. Source: proc(5). */
#include <linux/auxvec.h>
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sched.h>

#include "fs/proctables.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "platform/cpu.h"

#define PAGE_KIB (PAGE_SIZE / 1024)
#define TICK_NS (NSEC_PER_SEC / PROCESS_USER_HZ)
#define PRIORITY_BASE 20
#define PROT_BITS (1 | 2 | 4) /* PROT_READ, PROT_WRITE, PROT_EXEC */
#define WRITE_BIT 2
#define EXEC_BIT 4

/* Sizes in pages by kind of region. */
struct sizes {
    uint64_t data, stack, text, lib, locked; /* text: the program's, lib: all other code */
    uint64_t anonymous, of_files, shared; /* resident */
    uint64_t stack_top, text_start, text_end;
};

/* An address of the program's own code. */
static uint64_t program_entry(void)
{
    size_t n = 0;
    while (n + 2 < ARRAY_LEN(process.auxv) && process.auxv[n] != AT_ENTRY &&
           process.auxv[n] != AT_NULL) {
        n += 2;
    }
    return process.auxv[n] == AT_ENTRY ? process.auxv[n + 1] : 0;
}

static void measure(struct sizes *s)
{
    struct mmap_region r;
    uint64_t entry = program_entry();
    *s = (struct sizes){.data = 0};
    for (uint64_t at = 0; mmap_region(at, &r) == 0; at = r.end) {
        uint64_t pages = (r.end - r.start) / PAGE_SIZE;
        s->locked += r.locked ? pages : 0;
        if (r.grows) {
            s->stack += pages;
            s->stack_top = r.end;
        } else if ((r.prot & EXEC_BIT) != 0) {
            bool own = entry >= r.start && entry < r.end;
            *(own ? &s->text : &s->lib) += pages;
            s->text_start = own ? r.start : s->text_start;
            s->text_end = own ? r.end : s->text_end;
        } else if ((r.prot & WRITE_BIT) != 0 && !r.shared) {
            s->data += pages;
        }
        s->anonymous += r.anonymous;
        uint64_t others = r.resident - r.anonymous;
        *(r.of_file ? &s->of_files : &s->shared) += others;
    }
}

/* R while it runs or could run, S while it sleeps. */
static char state_of(const struct thread *thread)
{
    return __atomic_load_n(&thread->state, __ATOMIC_RELAXED) == THREAD_BLOCKED ? 'S' : 'R';
}

/* As the scheduler of Linux counts: 20 + nice, or below 0 by real-time priority. */
static int shown_priority(const struct thread_parameters *p)
{
    bool real_time = p->policy == SCHED_FIFO || p->policy == SCHED_RR;
    return real_time ? -1 - p->priority : PRIORITY_BASE + p->nice;
}

/* had: of the thread, or of the whole process. */
static void show_stat(struct text *t, const struct thread *thread, uint64_t key, struct cputime had,
                      int exit_signal)
{
    struct sizes s;
    struct mmap_stats m;
    struct signal_sets sig;
    const struct thread_parameters *p = &thread->parameters;
    measure(&s);
    mmap_stats(&m);
    signal_sets(&sig, thread);
    text_print(t, "%lu (%s) %c %d %d %d 0 -1 0 ", key, thread->comm, state_of(thread), PROCESS_PPID,
               process.pgid, process.sid);
    text_print(t, "%lu 0 0 0 %lu %lu 0 0 ", m.minor_faults, cputime_user_ns(had) / TICK_NS,
               had.system_ns / TICK_NS);
    text_print(t, "%d %d %u 0 %lu ", shown_priority(p), p->nice, thread_count(),
               max(thread->start_ns, process.start_ns) / TICK_NS);
    text_print(t, "%lu %lu %llu ", m.virtual_pages * PAGE_SIZE, m.resident_pages,
               (unsigned long long)process.limits[RLIMIT_RSS].rlim_cur);
    text_print(t, "%lu %lu %lu 0 0 ", s.text_start, s.text_end, s.stack_top);
    text_print(t, "%lu %lu %lu %lu ", sig.pending, sig.blocked, sig.ignored, sig.caught);
    text_print(t, "0 0 0 %d %u %d %d ", exit_signal, thread->cpu, p->priority, p->policy);
    text_print(t, "0 0 0 0 0 0 0 0 0 0 0\n");
}

void procstat_stat(struct text *t, uint64_t key)
{
    struct thread *thread = proc_thread(key);
    if (thread != NULL) {
        show_stat(t, thread, key, thread_cputime(), SIGCHLD);
        thread_put(thread);
    }
}

void procstat_thread_stat(struct text *t, uint64_t key)
{
    struct thread *thread = proc_thread(key);
    if (thread != NULL) {
        show_stat(t, thread, key, cputime_of(thread), -1);
        thread_put(thread);
    }
}

/* Time on a CPU, time waited for one (not measured), and how often it came to run. */
void procstat_schedstat(struct text *t, uint64_t key)
{
    struct thread *thread = proc_thread(key);
    if (thread != NULL) {
        text_print(t, "%lu 0 %lu\n", sched_cpu_ns(thread), thread->waits + thread->preemptions);
        thread_put(thread);
    }
}

void procstat_statm(struct text *t, uint64_t key)
{
    struct sizes s;
    struct mmap_stats m;
    measure(&s);
    mmap_stats(&m);
    (void)key;
    text_print(t, "%lu %lu %lu %lu 0 %lu 0\n", m.virtual_pages, m.resident_pages,
               s.of_files + s.shared, s.text, s.data + s.stack);
}

static void show_ids(struct text *t)
{
    text_print(t, "Uid:\t%u\t%u\t%u\t%u\n", process.uid, process.euid, process.suid, process.fsuid);
    text_print(t, "Gid:\t%u\t%u\t%u\t%u\n", process.gid, process.egid, process.sgid, process.fsgid);
    text_print(t, "FDSize:\t%u\nGroups:\t", fd_table.size);
    for (uint32_t i = 0; i < process.ngroups; i++) {
        text_print(t, "%u ", process.groups[i]);
    }
    text_print(t, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", PROCESS_PID, PROCESS_PID,
               process.pgid, process.sid);
}

static void show_memory(struct text *t)
{
    struct sizes s;
    struct mmap_stats m;
    measure(&s);
    mmap_stats(&m);
    const struct {
        const char *name;
        uint64_t pages;
    } lines[] = {
        {"VmPeak", m.virtual_pages},
        {"VmSize", m.virtual_pages},
        {"VmLck", s.locked},
        {"VmHWM", m.peak_resident_pages},
        {"VmRSS", m.resident_pages},
        {"RssAnon", s.anonymous},
        {"RssFile", s.of_files},
        {"RssShmem", s.shared},
        {"VmData", s.data},
        {"VmStk", s.stack},
        {"VmExe", s.text},
        {"VmLib", s.lib},
        {"VmSwap", 0},
    };
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        text_print(t, "%s:\t%8lu kB\n", lines[i].name, lines[i].pages * PAGE_KIB);
    }
}

static void show_signals(struct text *t, const struct thread *thread)
{
    struct signal_sets s;
    signal_sets(&s, thread);
    text_print(t, "SigQ:\t%u/%llu\n", s.queued,
               (unsigned long long)process.limits[RLIMIT_SIGPENDING].rlim_cur);
    text_print(t, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\n", s.pending, s.shared,
               s.blocked);
    text_print(t, "SigIgn:\t%016lx\nSigCgt:\t%016lx\n", s.ignored, s.caught);
}

/* The mask, and the same as a list of ranges. */
static void show_affinity(struct text *t, const struct thread *thread)
{
    uint64_t cpus = __atomic_load_n(&thread->affinity, __ATOMIC_RELAXED);
    const char *separator = "";
    text_print(t, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", cpus);
    for (unsigned first = 0; first < cpu_count(); first++) {
        unsigned last = first;
        if ((cpus >> first & 1) == 0) {
            continue;
        }
        while (last + 1 < cpu_count() && (cpus >> (last + 1) & 1) != 0) {
            last++;
        }
        text_print(t, last == first ? "%s%u" : "%s%u-%u", separator, first, last);
        separator = ",";
        first = last;
    }
    text_print(t, "\n");
}

void procstat_status(struct text *t, uint64_t key)
{
    const struct process_caps *c = &process.caps;
    struct thread *thread = proc_thread(key);
    if (thread == NULL) {
        return;
    }
    text_print(t, "Name:\t%s\nUmask:\t%04o\nState:\t%s\n", thread->comm, namei_umask,
               state_of(thread) == 'R' ? "R (running)" : "S (sleeping)");
    text_print(t, "Tgid:\t%d\nNgid:\t0\nPid:\t%lu\nPPid:\t%d\nTracerPid:\t0\n", PROCESS_PID, key,
               PROCESS_PPID);
    show_ids(t);
    show_memory(t);
    text_print(t, "CoreDumping:\t0\nTHP_enabled:\t%d\nThreads:\t%u\n", !process.attrs.thp_disable,
               thread_count());
    show_signals(t, thread);
    text_print(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\n", c->inheritable,
               c->permitted, c->effective);
    text_print(t, "CapBnd:\t%016lx\nCapAmb:\t%016lx\n", c->bounding, c->ambient);
    text_print(t, "NoNewPrivs:\t%d\nSeccomp:\t0\nSeccomp_filters:\t0\n",
               process.attrs.no_new_privs);
    show_affinity(t, thread);
    text_print(t, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
    text_print(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
               thread->waits, thread->preemptions);
    thread_put(thread);
}

static void show_limit(struct text *t, uint64_t value)
{
    if (value == RLIM64_INFINITY) {
        text_print(t, "%-20s ", "unlimited");
    } else {
        text_print(t, "%-20lu ", value);
    }
}

void procstat_limits(struct text *t, uint64_t key)
{
    static const struct {
        const char *name, *unit;
        unsigned which;
    } lines[] = {
        {"Max cpu time", "seconds", RLIMIT_CPU},
        {"Max file size", "bytes", RLIMIT_FSIZE},
        {"Max data size", "bytes", RLIMIT_DATA},
        {"Max stack size", "bytes", RLIMIT_STACK},
        {"Max core file size", "bytes", RLIMIT_CORE},
        {"Max resident set", "bytes", RLIMIT_RSS},
        {"Max processes", "processes", RLIMIT_NPROC},
        {"Max open files", "files", RLIMIT_NOFILE},
        {"Max locked memory", "bytes", RLIMIT_MEMLOCK},
        {"Max address space", "bytes", RLIMIT_AS},
        {"Max file locks", "locks", RLIMIT_LOCKS},
        {"Max pending signals", "signals", RLIMIT_SIGPENDING},
        {"Max msgqueue size", "bytes", RLIMIT_MSGQUEUE},
        {"Max nice priority", "", RLIMIT_NICE},
        {"Max realtime priority", "", RLIMIT_RTPRIO},
        {"Max realtime timeout", "us", RLIMIT_RTTIME},
    };
    (void)key;
    text_print(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        text_print(t, "%-25s ", lines[i].name);
        show_limit(t, process.limits[lines[i].which].rlim_cur);
        show_limit(t, process.limits[lines[i].which].rlim_max);
        text_print(t, "%-10s\n", lines[i].unit);
    }
}
