/* SPDX-License-Identifier: MIT */
/* Formatted text, the log with levels per subsystem, assertions and panic. */
#ifndef KERNEL_BASE_PRINT_H
#define KERNEL_BASE_PRINT_H

#include <stdarg.h>

#include "kernel/base/base.h"

/* Subsystems of the log; the level of each is chosen at run time (boot option
 * log=sub:level,...). */
enum log_sub {
    LOG_BOOT,
    LOG_MM,
    LOG_FS,
    LOG_LOAD,
    LOG_SYSCALL,
    LOG_SIGNAL,
    LOG_DEV,
    LOG_SCHED,
    LOG_NSUB
};
enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* print_buf: snprintf with %d %i %u %o %x %X %p %s %c %% and the flags - 0 +, width, precision,
 * '*', and length h hh l ll z. Returns the length of the whole text (which may exceed cap - 1); buf
 * is NUL-ended when cap > 0. */
int print_buf(char *buf, size_t cap, const char *fmt, ...) PRINTF_LIKE(3, 4);
int print_vbuf(char *buf, size_t cap, const char *fmt, va_list given);

/* log_set_sink: where finished log text goes; kernel/main.c installs the console's log stream. */
void log_set_sink(void (*sink)(const char *text, size_t len));

/* log_configure: "sub:level,sub:level" or "level" for all; level is error, warn, info or debug.
 * Returns 0 or -EINVAL (nothing changed). */
int log_configure(const char *spec);

/* log_write: one line "elfin: text\n" to the sink if the level of sub allows it. */
void log_write(enum log_sub sub, enum log_level level, const char *fmt, ...) PRINTF_LIKE(3, 4);
#define log(sub, level, ...) log_write(LOG_##sub, LOG_##level, __VA_ARGS__)

/* panic: report a bug of ours or a fatal condition, with a backtrace, and stop the machine with the
 * status of Elfin's own errors. The stop is a hook so that base stays pure. */
NORETURN void panic(const char *fmt, ...) PRINTF_LIKE(1, 2);
void panic_set_stop(void (*stop)(void));

#define assert(cond)                                                         \
    do {                                                                     \
        if (unlikely(!(cond))) {                                             \
            panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #cond); \
        }                                                                    \
    } while (0)

#endif
