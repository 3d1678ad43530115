/* SPDX-License-Identifier: MIT */
/* Owns the settings of the caller's terminal while a program runs: the first standard stream that
 * is one. In the background they are left alone, for a change would stop the tool. The kernel's own
 * struct and numbers are used, as the guest does. Source: tty_ioctl(4), ioctl_tty(2), stty(1). */
#include "tools/elfin/terminal.h"

#include <asm/termbits.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define NONE (-1)

static struct termios before, wanted;
static bool changed; /* before and wanted hold something */

static int find_terminal(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (isatty(fd)) {
            return fd;
        }
    }
    return NONE;
}

/* A terminal that is not the session's own knows no background. */
static bool may_change(int fd)
{
    pid_t group = tcgetpgrp(fd);
    return group == getpgrp() || (group < 0 && errno == ENOTTY);
}

void terminal_describe(struct text *options)
{
    struct termios t;
    struct winsize size;
    int terminal = find_terminal();
    for (int fd = terminal; fd >= 0 && fd <= 2; fd++) {
        if (isatty(fd)) {
            text_add_format(options, fd == terminal ? " tty=%d" : ",%d", fd);
        }
    }
    if (terminal != NONE && ioctl(terminal, TCGETS, &t) == 0) {
        text_add_format(options, " termios=%x:%x:%x:%x", t.c_iflag, t.c_oflag, t.c_cflag,
                        t.c_lflag);
        for (int i = 0; i < NCCS; i++) {
            text_add_format(options, ":%x", t.c_cc[i]);
        }
    }
    if (terminal != NONE && ioctl(terminal, TIOCGWINSZ, &size) == 0) {
        text_add_format(options, " winsize=%ux%u", size.ws_col, size.ws_row);
    }
}

bool terminal_size(struct text *line)
{
    struct winsize size;
    int fd = find_terminal();
    if (fd == NONE || ioctl(fd, TIOCGWINSZ, &size) != 0) {
        return false;
    }
    text_add_format(line, "winsize %u %u %u %u\n", size.ws_col, size.ws_row, size.ws_xpixel,
                    size.ws_ypixel);
    return true;
}

void terminal_restore(void)
{
    int fd = find_terminal();
    if (changed && may_change(fd)) {
        (void)ioctl(fd, TCSETSW, &before);
    }
}

void terminal_resume(void)
{
    int fd = find_terminal();
    if (changed && may_change(fd)) {
        (void)ioctl(fd, TCGETS, &before);
        (void)ioctl(fd, TCSETSW, &wanted);
    }
}

/* The number before the next separator. */
static unsigned next_number(const char **text, int base)
{
    char *end;
    unsigned long value = strtoul(*text, &end, base);
    *text = *end != '\0' ? end + 1 : end;
    return (unsigned)value;
}

bool terminal_set(const char *text)
{
    int fd = find_terminal();
    struct termios now;
    unsigned when = next_number(&text, 10);
    if (fd == NONE || when > TCSETSF - TCSETS || !may_change(fd) || ioctl(fd, TCGETS, &now) != 0) {
        return false;
    }
    before = changed ? before : now;
    wanted = before;
    wanted.c_iflag = next_number(&text, 16);
    wanted.c_oflag = next_number(&text, 16);
    (void)next_number(&text, 16); /* the line's speed and format are not the program's business */
    wanted.c_lflag = next_number(&text, 16);
    for (int i = 0; i < NCCS; i++) {
        wanted.c_cc[i] = (cc_t)next_number(&text, 16);
    }
    changed = ioctl(fd, TCSETS + when, &wanted) == 0 || changed;
    return when == TCSETSF - TCSETS;
}
