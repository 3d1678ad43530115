/* SPDX-License-Identifier: MIT */
/* The report of `elfin run --stats`.
 *
 * Owns the hook of the layers above. Lines go straight to the log stream: asking for them overrides
 * any level of the log. Written at boot, read once at exit; no locks.
 * Source: the command line of the host tool (--stats). */
#include "kernel/stats.h"

#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/mmap.h"
#include "kernel/process.h"
#include "kernel/sched.h"
#include "platform/clock.h"
#include "platform/console.h"
#include "platform/cpu.h"
#include "platform/pages.h"

#define LINE_LEN 256
#define PAGE_KIB (PAGE_SIZE / 1024)
#define NSEC_PER_USEC 1000UL

static bool wanted;
static void (*report_above)(void (*emit)(const char *line));

void stats_init(bool enabled, void (*reporter)(void (*emit)(const char *line)))
{
    wanted = enabled;
    report_above = reporter;
}

static void emit_line(const char *line)
{
    char text[LINE_LEN];
    int len = print_buf(text, sizeof(text), "elfin: %s\n", line);
    if (len >= (int)sizeof(text)) {
        len = (int)sizeof(text) - 1;
        text[len - 1] = '\n';
    }
    (void)console_write(CONSOLE_LOG, text, (size_t)len);
}

static void PRINTF_LIKE(1, 2) emit(const char *fmt, ...)
{
    char line[LINE_LEN];
    va_list args;
    va_start(args, fmt);
    (void)print_vbuf(line, sizeof(line), fmt, args);
    va_end(args);
    emit_line(line);
}

/* Which monitor calls were made: on a paravirtual host each costs about 40 us. */
static void print_moncalls(void)
{
    static const char *const names[MON_NCALLS] = {
        [MON_MAP] = "map",
        [MON_UNMAP] = "unmap",
        [MON_PROTECT] = "protect",
        [MON_WAIT] = "wait",
        [MON_TIMER] = "timer",
        [MON_MAP_RUN] = "map run",
        [MON_UNMAP_RUN] = "unmap run",
        [MON_REPLACE_RUN] = "replace run",
        [MON_IPI] = "interrupt",
        [MON_SERIALIZE] = "serialize",
        [MON_FLUSH] = "flush",
    };
    char line[LINE_LEN];
    int len = print_buf(line, sizeof(line), "stats: monitor calls");
    for (unsigned nr = 0; nr < MON_NCALLS; nr++) {
        uint64_t n = 0;
        for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
            n += cpu_of(cpu)->moncalls[nr];
        }
        if (n != 0 && names[nr] != NULL && len < LINE_LEN) {
            size_t room = LINE_LEN - (size_t)len;
            len += print_buf(line + len, room, "%s %lu %s", nr != 0 ? "," : "", n, names[nr]);
        }
    }
    emit_line(line);
}

static void print_kernel(void)
{
    uint64_t calls = 0;
    uint64_t raw_calls = 0;
    uint64_t idle_ns = 0;
    for (unsigned cpu = 0; cpu < cpu_count(); cpu++) {
        calls += cpu_of(cpu)->calls;
        raw_calls += cpu_of(cpu)->raw_calls;
        idle_ns += sched_idle_ns(cpu);
    }
    uint64_t run_us = (clock_ns() - process.start_ns) / NSEC_PER_USEC;
    struct mmap_stats mm;
    struct pages_stats frames;
    struct heap_stats heap;

    mmap_stats(&mm);
    pages_stats(&frames);
    heap_stats(&heap);
    emit("stats: program ran %lu.%03lu ms, of them %lu us idle", run_us / 1000, run_us % 1000,
         idle_ns / NSEC_PER_USEC);
    emit("stats: system calls %lu, by trap %lu", calls, raw_calls);
    emit("stats: page faults %lu, 2 MiB pages %lu, pages writable and executable %lu",
         mm.minor_faults, mm.huge_pages, mm.jit_pages);
    emit("stats: peak memory %lu KiB of the program, %lu KiB in all of %lu KiB",
         mm.peak_resident_pages * PAGE_KIB, frames.peak_used * PAGE_KIB, frames.total * PAGE_KIB);
    emit("stats: kernel heap %lu objects, %lu KiB", heap.objects, heap.pages * PAGE_KIB);
}

void stats_print(void)
{
    if (!wanted) {
        return;
    }
    wanted = false;
    print_kernel();
    print_moncalls();
    if (report_above != NULL) {
        report_above(emit_line);
    }
}
