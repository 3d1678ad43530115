/* SPDX-License-Identifier: MIT */
/* Owns the settings of the caller's terminal while a program runs. Only a foreground tool touches
 * them: in the background tcsetattr would stop it. Source: termios(3), tty_ioctl(4). */
#include "tools/elfin/terminal.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool known, changed;

void terminal_describe(struct text *options)
{
    struct winsize size;
    bool any = false;
    for (int fd = 0; fd <= 2; fd++) {
        if (isatty(fd)) {
            text_add_format(options, any ? ",%d" : " tty=%d", fd);
            any = true;
        }
    }
    for (int fd = 0; any && fd <= 2; fd++) {
        if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) {
            text_add_format(options, " winsize=%ux%u", size.ws_col, size.ws_row);
            return;
        }
    }
}

void terminal_start(void)
{
    known = tcgetattr(STDIN_FILENO, &before) == 0 && tcgetpgrp(STDIN_FILENO) == getpgrp();
}

void terminal_restore(void)
{
    if (changed) {
        (void)tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
        changed = false;
    }
}

void terminal_set(const char *text)
{
    struct termios t = before;
    unsigned long word[5];
    for (unsigned i = 0; i < 5; i++) {
        char *end;
        word[i] = strtoul(text, &end, 16);
        if (!known || end == text) {
            return;
        }
        text = end;
    }
    t.c_iflag = (tcflag_t)word[0];
    t.c_oflag = (tcflag_t)word[1];
    t.c_lflag = (tcflag_t)word[2];
    t.c_cc[VMIN] = (cc_t)word[3];
    t.c_cc[VTIME] = (cc_t)word[4];
    changed = tcsetattr(STDIN_FILENO, TCSADRAIN, &t) == 0 || changed;
}
