/* SPDX-License-Identifier: MIT */
/* Owns the tool's own messages. One write per line, so that lines of the guest, which share stderr,
 * cannot land in the middle of one.
 * Source: env(1) for 125, 126 and 127. */
#include "tools/elfin/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LINE_MAX_BYTES 8192

static bool verbose;

static void put_line(const char *format, va_list args)
{
    static const char prefix[] = "elfin: ";
    char line[LINE_MAX_BYTES];
    int start = snprintf(line, sizeof(line), "%s", prefix);
    size_t room = sizeof(line) - (size_t)start - 1;
    int len = vsnprintf(line + start, room, format, args);
    if (len < 0) {
        return;
    }
    size_t end = (size_t)start + ((size_t)len < room ? (size_t)len : room - 1);
    line[end++] = '\n';
    if (write(STDERR_FILENO, line, end) < 0) {
        return; /* nowhere left to complain */
    }
}

int report_error(int status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(format, args);
    va_end(args);
    return status;
}

void report_notice(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    put_line(format, args);
    va_end(args);
}

void report_detail(const char *format, ...)
{
    if (!verbose) {
        return;
    }
    va_list args;
    va_start(args, format);
    put_line(format, args);
    va_end(args);
}

void report_set_verbose(bool on)
{
    verbose = on;
}

bool report_verbose(void)
{
    return verbose;
}

void report_no_memory(void)
{
    exit(report_error(STATUS_OWN_ERROR, "the host is out of memory"));
}
