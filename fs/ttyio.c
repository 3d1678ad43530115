/* SPDX-License-Identifier: MIT */
/* Settings of the one terminal. Lines are edited and echoed, and keys become signals, in the host's
 * terminal: it tells its settings at the start (boot option termios) and is told each change. Both
 * ways they are written as stty -g does: IFLAG:OFLAG:CFLAG:LFLAG:CC:CC... in hexadecimal. lock
 * guards them and is not held over user access. Source: tty_ioctl(4), ioctl_tty(2), termios(3). */
#include "fs/ttyio.h"

#include <asm/errno.h>

#include "fs/ttyfresh.h"
#include "fs/ttyhost.h"
#include "kernel/base/lock.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "platform/boot.h"
#include "platform/console.h"

#define DEFAULT_ROWS 24
#define DEFAULT_COLUMNS 80
#define SETTINGS_LEN 128 /* of their text */

enum when { NOW, AFTER_OUTPUT, AND_FORGET_INPUT }; /* the numbers of tcsetattr(3) */

static struct spinlock lock;
static struct termios2 settings; /* [lock] the first members are those of struct termios */
static struct winsize size; /* [lock] */
static_assert(offsetof(struct termios2, c_ispeed) >= sizeof(struct termios), "a prefix");

/* The hexadecimal number before the next colon; false at the end and for what is none. */
static bool next_number(const char **text, uint32_t *out)
{
    char digits[11] = "0x";
    uint64_t value;
    size_t n = 0;
    while ((*text)[n] != 0 && (*text)[n] != ':' && n < 8) {
        digits[2 + n] = (*text)[n];
        n++;
    }
    digits[2 + n] = 0;
    *text += n + ((*text)[n] == ':');
    bool ok = n != 0 && string_to_u64(digits, &value) == 0;
    *out = ok ? (uint32_t)value : 0;
    return ok;
}

static void read_settings(const char *text)
{
    struct termios2 s = settings;
    uint32_t cc;
    if (!next_number(&text, &s.c_iflag) || !next_number(&text, &s.c_oflag) ||
        !next_number(&text, &s.c_cflag) || !next_number(&text, &s.c_lflag)) {
        return;
    }
    for (unsigned i = 0; i < NCCS && next_number(&text, &cc); i++) {
        s.c_cc[i] = (cc_t)cc;
    }
    settings = s;
}

void ttyio_init(void)
{
    char text[SETTINGS_LEN];
    ttyfresh_settings(&settings);
    size = (struct winsize){.ws_row = DEFAULT_ROWS, .ws_col = DEFAULT_COLUMNS};
    if (boot_option("termios", text, sizeof(text)) > 0) {
        read_settings(text);
    }
    if (boot_option("winsize", text, sizeof(text)) <= 0) {
        return;
    }
    uint64_t columns;
    uint64_t rows;
    char *x = strchr(text, 'x');
    if (x == NULL) {
        return;
    }
    *x = 0;
    if (string_to_u64(text, &columns) == 0 && string_to_u64(x + 1, &rows) == 0) {
        size.ws_col = (unsigned short)min(columns, (uint64_t)UINT16_MAX);
        size.ws_row = (unsigned short)min(rows, (uint64_t)UINT16_MAX);
    }
}

static long get(const void *what, uint64_t arg, size_t len)
{
    char copy[sizeof(struct termios2)];
    spin_lock(&lock);
    memcpy(copy, what, len);
    spin_unlock(&lock);
    return uaccess_write(uptr(void, arg), copy, len);
}

static long set(void *what, uint64_t arg, size_t len)
{
    char copy[sizeof(struct termios2)];
    if (uaccess_read(copy, uptr(void, arg), len) != 0) {
        return -EFAULT;
    }
    spin_lock(&lock);
    memcpy(what, copy, len);
    spin_unlock(&lock);
    return 0;
}

/* Tell the host tool, whose terminal does the work: output before it meets the old settings, output
 * after it the new ones. */
static void pass_on(enum when when)
{
    char line[SETTINGS_LEN];
    spin_lock(&lock);
    struct termios2 s = settings;
    spin_unlock(&lock);
    int len = print_buf(line, sizeof(line), "\001tty %d %x:%x:%x:%x", when, s.c_iflag, s.c_oflag,
                        s.c_cflag, s.c_lflag);
    for (unsigned i = 0; i < NCCS; i++) {
        len += print_buf(line + len, sizeof(line) - (size_t)len, ":%x", s.c_cc[i]);
    }
    line[len++] = '\n';
    ttyhost_ask(line, (size_t)len);
}

static long set_settings(enum when when, uint64_t arg, size_t len)
{
    long err = set(&settings, arg, len);
    if (err == 0) {
        pass_on(when);
    }
    return err;
}

void ttyio_set_size(const struct winsize *to)
{
    spin_lock(&lock);
    size = *to;
    spin_unlock(&lock);
}

/* As the window's size, the program may set it, and hears of that. */
static long change_size(uint64_t arg)
{
    struct winsize before;
    struct winsize now;
    if (uaccess_read(&now, uptr(void, arg), sizeof(now)) != 0) {
        return -EFAULT;
    }
    spin_lock(&lock);
    before = size;
    size = now;
    spin_unlock(&lock);
    siginfo_t info = {.si_signo = SIGWINCH};
    info.si_code = SI_KERNEL;
    return memcmp(&before, &now, sizeof(now)) == 0 ? 0 : signal_send(SIGWINCH, &info);
}

static long set_group(uint64_t arg)
{
    int group;
    if (uaccess_read(&group, uptr(void, arg), sizeof(group)) != 0) {
        return -EFAULT;
    }
    if (group < 0) {
        return -EINVAL;
    }
    return group == process.pgid ? 0 : -EPERM;
}

long ttyio_control(unsigned cmd, uint64_t arg)
{
    int zero = 0;
    switch (cmd) {
    case TCGETS: return get(&settings, arg, sizeof(struct termios));
    case TCGETS2: return get(&settings, arg, sizeof(settings));
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return set_settings((enum when)(cmd - TCSETS), arg, sizeof(struct termios));
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2: return set_settings((enum when)(cmd - TCSETS2), arg, sizeof(settings));
    case TIOCGWINSZ: return get(&size, arg, sizeof(size));
    case TIOCSWINSZ: return change_size(arg);
    case TIOCGPGRP: return uaccess_write(uptr(void, arg), &process.pgid, sizeof(process.pgid));
    case TIOCSPGRP: return set_group(arg);
    case TIOCGSID: return uaccess_write(uptr(void, arg), &process.sid, sizeof(process.sid));
    case TIOCOUTQ: return uaccess_write(uptr(void, arg), &zero, sizeof(zero));
    case TCSBRK: /* output is with the host when write returns */
    case TCSBRKP:
    case TCXONC:
    case TCFLSH: return 0;
    default: return -ENOTTY;
    }
}
