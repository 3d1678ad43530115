/* SPDX-License-Identifier: MIT */
/* What the tool itself says: always on stderr, always one line that starts with "elfin: ". */
#ifndef TOOLS_ELFIN_REPORT_H
#define TOOLS_ELFIN_REPORT_H

#include <stdbool.h>

/* Exit statuses of the tool's own, as in docker-run(1) and env(1). */
#define STATUS_OWN_ERROR 125 /* bad usage, something missing here, guest died without a word */
#define STATUS_NOT_EXECUTABLE 126 /* found, but not a program that this machine can run */
#define STATUS_NOT_FOUND 127 /* the program, its interpreter or one of its libraries */
#define STATUS_SIGNAL 128 /* plus the number of the signal */

/* report_error: print a line. Returns status, so that a caller can report and return at once. */
int report_error(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* report_notice: print a line that the user needs, though nothing is wrong. */
void report_notice(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* report_detail: print a line if report_set_verbose(true) was called. */
void report_detail(const char *format, ...) __attribute__((format(printf, 1, 2)));
void report_set_verbose(bool on);
bool report_verbose(void);

/* report_no_memory: the host is out of memory: say so and leave with status 125. */
void report_no_memory(void) __attribute__((noreturn));

#endif
