/* SPDX-License-Identifier: MIT */
/* Files of /proc about the machine. There is no swap, disk or module.
 * Source: proc(5). */
#include "fs/proctables.h"

#include "kernel/base/print.h"
#include "kernel/heap.h"
#include "kernel/kva.h"
#include "kernel/mmap.h"
#include "kernel/pmap.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "kernel/thread.h"
#include "platform/clock.h"
#include "platform/cpu.h"
#include "platform/cpumodel.h"
#include "platform/pages.h"

#define PAGE_KIB (PAGE_SIZE / 1024)
#define TICK_NS (NSEC_PER_SEC / PROCESS_USER_HZ)
#define SHIFT_MAX 33 /* a second in ns shifted by it fits 64 bits */
#define TICKS_PER_CENTISECOND (PROCESS_USER_HZ / 100)

static uint64_t ticks_per_second(void)
{
    const struct clock_scale *s = clock_scale();
    uint32_t shift = min(s->shift, (uint32_t)SHIFT_MAX);
    uint64_t mult = s->mult >> (s->shift - shift);
    return mult == 0 ? 0 : (NSEC_PER_SEC << shift) / mult;
}

static void show_flag(void *ctx, const char *name)
{
    text_print(ctx, " %s", name);
}

static void show_cpu(struct text *t, const struct cpu_model *m, unsigned cpu)
{
    uint64_t hz = ticks_per_second();
    text_print(t, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n", cpu,
               m->vendor, m->family, m->model);
    text_print(t, "model name\t: %s\nstepping\t: %u\n", m->name, m->stepping);
    text_print(t, "cpu MHz\t\t: %lu.%03lu\n", hz / 1000000, hz / 1000 % 1000);
    text_print(t, "cache size\t: %u KB\nphysical id\t: 0\nsiblings\t: %u\n", m->cache_kib,
               cpu_count());
    text_print(t, "core id\t\t: %u\ncpu cores\t: %u\napicid\t\t: %u\ninitial apicid\t: %u\n", cpu,
               cpu_count(), cpu, cpu);
    text_print(t, "fpu\t\t: yes\nfpu_exception\t: yes\ncpuid level\t: %u\nwp\t\t: yes\nflags\t\t:",
               m->levels);
    cpu_model_flags(show_flag, t);
    text_print(t, "\nbogomips\t: %lu.%02lu\nclflush size\t: %u\ncache_alignment\t: %u\n",
               hz / 500000, hz / 5000 % 100, m->clflush_size, m->clflush_size);
    text_print(t, "address sizes\t: %u bits physical, %u bits virtual\npower management:\n\n",
               m->physical_bits, m->virtual_bits);
}

void procinfo_cpuinfo(struct text *t, uint64_t key)
{
    struct cpu_model m;
    (void)key;
    cpu_model_read(&m);
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        show_cpu(t, &m, cpu);
    }
}

void procinfo_meminfo(struct text *t, uint64_t key)
{
    struct pages_stats p;
    struct heap_stats h;
    struct mmap_stats m;
    pages_stats(&p);
    heap_stats(&h);
    mmap_stats(&m);
    (void)key;
    uint64_t used = p.total - p.free;
    uint64_t known = h.pages + m.resident_pages + pmap_table_pages() + kva_pages();
    const struct {
        const char *name;
        uint64_t pages;
    } lines[] = {
        {"MemTotal:", p.total},
        {"MemFree:", p.free},
        {"MemAvailable:", p.free},
        {"Buffers:", 0},
        {"Cached:", used > known ? used - known : 0},
        {"SwapCached:", 0},
        {"SwapTotal:", 0},
        {"SwapFree:", 0},
        {"Dirty:", 0},
        {"Writeback:", 0},
        {"AnonPages:", m.resident_pages},
        {"Slab:", h.pages},
        {"KernelStack:", kva_pages()},
        {"PageTables:", pmap_table_pages()},
        {"CommitLimit:", p.total},
        {"Committed_AS:", m.virtual_pages},
        {"AnonHugePages:", m.huge_pages * (HUGE_SIZE / PAGE_SIZE)},
    };
    for (unsigned i = 0; i < ARRAY_LEN(lines); i++) {
        text_print(t, "%-16s%8lu kB\n", lines[i].name, lines[i].pages * PAGE_KIB);
    }
    text_print(t,
               "HugePages_Total:       0\nHugePages_Free:        0\nHugepagesize:       2048 kB\n");
}

/* The heap as one cache of objects of its average size. Source: slabinfo(5). */
void procinfo_slabinfo(struct text *t, uint64_t key)
{
    struct heap_stats h;
    heap_stats(&h);
    (void)key;
    uint64_t size = h.objects != 0 ? h.bytes / h.objects : 0;
    text_print(t, "slabinfo - version: 2.1\n"
                  "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>"
                  " : tunables <limit> <batchcount> <sharedfactor>"
                  " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
    text_print(t, "kmalloc           %6lu %6lu %6lu 1 1 : tunables 0 0 0 : slabdata %lu %lu 0\n",
               h.objects, h.objects, size, h.pages, h.pages);
}

/* Of all CPUs together. */
static uint64_t idle_ns(void)
{
    uint64_t sum = 0;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        sum += sched_idle_ns(cpu);
    }
    return sum;
}

/* had says how much of all busy time was the system's. */
static void show_ticks(struct text *t, uint64_t busy_ns, const struct cputime *had, uint64_t idle)
{
    uint64_t busy = busy_ns / TICK_NS;
    uint64_t all = had->total_ns / TICK_NS;
    uint64_t system = all != 0 ? busy * (had->system_ns / TICK_NS) / all : 0;
    text_print(t, " %lu 0 %lu %lu 0 0 0 0 0 0\n", busy - system, system, idle / TICK_NS);
}

void procinfo_stat(struct text *t, uint64_t key)
{
    uint64_t up = clock_ns();
    uint64_t waits;
    uint64_t preemptions;
    struct cputime had = thread_cputime();
    (void)key;
    thread_switches(&waits, &preemptions);
    text_print(t, "cpu ");
    show_ticks(t, had.total_ns, &had, idle_ns());
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        uint64_t idle = min(sched_idle_ns(cpu), up);
        text_print(t, "cpu%u", cpu);
        show_ticks(t, up - idle, &had, idle);
    }
    text_print(t, "intr 0\nctxt %lu\nbtime %lu\nprocesses %u\n", waits + preemptions,
               (clock_wall_ns() - up) / NSEC_PER_SEC, thread_count());
    text_print(t, "procs_running 1\nprocs_blocked 0\n");
}

static void show_seconds(struct text *t, uint64_t ns, const char *end)
{
    uint64_t ticks = ns / TICK_NS / TICKS_PER_CENTISECOND;
    text_print(t, "%lu.%02lu%s", ticks / 100, ticks % 100, end);
}

void procinfo_uptime(struct text *t, uint64_t key)
{
    (void)key;
    show_seconds(t, clock_ns(), " ");
    show_seconds(t, idle_ns(), "\n");
}

void procinfo_loadavg(struct text *t, uint64_t key)
{
    (void)key;
    text_print(t, "0.00 0.00 0.00 1/1 %d\n", PROCESS_PID);
}

void procinfo_vmstat(struct text *t, uint64_t key)
{
    struct pages_stats p;
    struct mmap_stats m;
    pages_stats(&p);
    mmap_stats(&m);
    (void)key;
    text_print(t, "nr_free_pages %lu\nnr_anon_pages %lu\npgfault %lu\npgmajfault 0\n", p.free,
               m.resident_pages, m.minor_faults);
}
