/* SPDX-License-Identifier: MIT */
/* The console's open files: input from the machine's console, output to its streams.
 *
 * The boot option tty=0,1,2 names the standard streams that are terminals on the host. Those are
 * character devices that answer the terminal ioctls; the others are pipes to the program, so that a
 * program buffers and colours as it would there. lock, a mutex, guards the input buffer and the
 * terminal's settings and is held while the program's memory is touched. Output of one call goes
 * out as one piece. Source: tty_ioctl(4), ioctl_tty(2), termios(3). */
#include "fs/tty.h"

#include <asm/errno.h>
#include <asm/poll.h>

#include "fs/ttyio.h"
#include "fs/vnode.h"
#include "kernel/base/string.h"
#include "kernel/fileattr.h"
#include "kernel/heap.h"
#include "kernel/mutex.h"
#include "kernel/signal.h"
#include "kernel/timer.h"
#include "kernel/uaccess.h"
#include "platform/boot.h"
#include "platform/clock.h"

#define FEW_BYTES 512 /* output that needs no buffer from the heap */
#define CHUNK 32768UL /* output handed over at once: the device's ring holds as much */
#define INPUT_CAP 4096
#define DEV_ANONYMOUS 12 /* st_dev of streams that are no terminal */
#define ROLES 4
#define POLL_INTERVAL_NS 20000000UL /* of a console without interrupts */

static struct {
    struct mutex lock;
    struct wait_queue arrived;
    char buf[INPUT_CAP]; /* [lock] */
    size_t start, len; /* [lock] */
    bool ended; /* [lock] */
    struct timer poll; /* looks again where no interrupt tells */
    bool set_up; /* [I] when the standard streams are opened, before the program runs */
    unsigned terminals; /* [I] bit per role */
    struct fileattr attr[ROLES];
} console = {
    .lock = {.queue = {.waiters = LIST_INIT(console.lock.queue.waiters)}},
    .arrived = {.waiters = LIST_INIT(console.arrived.waiters)},
};

static const enum tty_role roles[ROLES] = {TTY_STDIN, TTY_STDOUT, TTY_STDERR, TTY_CONSOLE};

static void input_ready(void)
{
    wait_wake(&console.arrived, WAIT_ALL);
}

static void poll_fired(struct timer *t)
{
    (void)t;
    input_ready();
}

static void set_up(void)
{
    char option[16];
    if (console.set_up) {
        return;
    }
    console.set_up = true;
    timer_init(&console.poll, poll_fired);
    console_set_notify(input_ready);
    long len = boot_option("tty", option, sizeof(option));
    for (long i = 0; i < len; i++) {
        if (option[i] >= '0' && option[i] <= '2') {
            console.terminals |= 1U << (option[i] - '0');
        }
    }
    if (console.terminals != 0) {
        console.terminals |= 1U << TTY_CONSOLE;
        ttyio_init();
    }
    for (unsigned i = 0; i < ROLES; i++) {
        fileattr_init(&console.attr[i], (console.terminals >> i & 1) != 0 ? 0620 : 0600);
    }
}

static enum tty_role role_of(const struct file *f)
{
    return *(const enum tty_role *)f->object;
}

static bool is_terminal(const struct file *f)
{
    return (console.terminals >> role_of(f) & 1) != 0;
}

bool tty_exists(void)
{
    set_up();
    return console.terminals != 0;
}

/* Take over what has arrived. Returns true when a read need not wait: data or the end of input. */
static bool input_look_locked(void)
{
    if (console.len != 0 || console.ended) {
        return true;
    }
    long n = console_read(console.buf, INPUT_CAP);
    if (n == -EAGAIN) {
        if (!console_interrupts()) {
            timer_set(&console.poll, clock_ns() + POLL_INTERVAL_NS);
        }
        return false;
    }
    console.start = 0;
    console.len = n > 0 ? (size_t)n : 0;
    console.ended = n <= 0;
    return true;
}

/* As input_look_locked; *len is how many bytes are there. */
static bool input_look(size_t *len)
{
    mutex_lock(&console.lock);
    bool ready = input_look_locked();
    *len = console.len;
    mutex_unlock(&console.lock);
    return ready;
}

static long input_take(struct iov_iter *it)
{
    mutex_lock(&console.lock);
    long n = input_look_locked() ? 0 : -EAGAIN;
    if (console.len != 0) {
        n = iov_copy_to(it, console.buf + console.start, console.len);
        console.start += (size_t)max(n, 0L);
        console.len -= (size_t)max(n, 0L);
    }
    mutex_unlock(&console.lock);
    return n;
}

static long tty_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    size_t len;
    (void)pos;
    if (iov_left(it) == 0) {
        return 0;
    }
    for (;;) {
        long n = input_take(it);
        if (n != -EAGAIN || (f->flags & O_NONBLOCK) != 0) {
            return n;
        }
        if (wait_until(&console.arrived, input_look(&len), TIME_NEVER) != 0) {
            return -ERESTARTSYS;
        }
    }
}

/* Returns how much of data[len] went out: all, unless a signal came or the file does not wait. */
static long put(const struct file *f, const char *data, size_t len)
{
    enum console_stream stream = role_of(f) == TTY_STDERR ? CONSOLE_ERR : CONSOLE_OUT;
    size_t done = 0;
    while (done < len) {
        long n = console_offer(stream, data + done, len - done);
        if (n == -EAGAIN && (f->flags & O_NONBLOCK) == 0) {
            int err = wait_until(&console.arrived,
                                 (n = console_offer(stream, data + done, len - done)) != -EAGAIN,
                                 TIME_NEVER);
            n = err != 0 ? -ERESTARTSYS : n;
        }
        if (n < 0) {
            return done != 0 ? (long)done : n;
        }
        done += (size_t)n;
    }
    return (long)done;
}

static long tty_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    char few[FEW_BYTES];
    size_t cap = min(iov_left(it), CHUNK);
    char *buf = cap > sizeof(few) ? heap_alloc(cap) : few;
    long done = 0;
    (void)pos;
    if (buf == NULL) { /* no memory: in small pieces */
        buf = few;
        cap = sizeof(few);
    }
    while (iov_left(it) != 0) {
        long n = iov_copy_from(it, buf, min(cap, iov_left(it)));
        if (n <= 0) {
            done = done != 0 ? done : n;
            break;
        }
        long out = put(f, buf, (size_t)n);
        done = out > 0 ? done + out : done != 0 ? done : out;
        if (out != n) {
            break;
        }
    }
    if (buf != few) {
        heap_free(buf);
    }
    return done;
}

static unsigned tty_poll(struct file *f, struct wait_queue **q)
{
    unsigned events = 0;
    *q = &console.arrived;
    size_t len;
    if (file_readable(f) && input_look(&len)) {
        bool hung_up = len == 0;
        events |= !hung_up ? POLLIN | POLLRDNORM : is_terminal(f) ? POLLIN | POLLHUP : POLLHUP;
    }
    return events | (file_writable(f) ? POLLOUT | POLLWRNORM : 0);
}

static long tty_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    bool forget = cmd == TCSETSF || cmd == TCSETSF2 ||
                  (cmd == TCFLSH && (arg == TCIFLUSH || arg == TCIOFLUSH));
    if (forget && is_terminal(f)) {
        mutex_lock(&console.lock);
        console.len = 0;
        mutex_unlock(&console.lock);
    }
    if (cmd == FIONREAD) {
        size_t len;
        int n = input_look(&len) ? (int)len : 0;
        return uaccess_write(uptr(void, arg), &n, sizeof(n));
    }
    return is_terminal(f) ? ttyio_control(cmd, arg) : -ENOTTY;
}

static int tty_stat(struct file *f, struct stat *out)
{
    memset(out, 0, sizeof(*out));
    out->st_dev = DEV_ANONYMOUS;
    out->st_ino = (unsigned long)role_of(f) + 1;
    out->st_mode = is_terminal(f) ? S_IFCHR : S_IFIFO;
    out->st_nlink = 1;
    out->st_rdev = is_terminal(f) ? TTYIO_RDEV : 0;
    out->st_blksize = is_terminal(f) ? 1024 : PAGE_SIZE;
    fileattr_stat(&console.attr[role_of(f)], out);
    return 0;
}

static struct fileattr *tty_attr(struct file *f)
{
    return &console.attr[role_of(f)];
}

static int tty_reopen(struct file *f, unsigned flags, struct file **out)
{
    return tty_open(role_of(f), flags, out);
}

static const struct file_ops tty_ops = {
    .name = "console",
    .read = tty_read,
    .write = tty_write,
    .poll = tty_poll,
    .ioctl = tty_ioctl,
    .stat = tty_stat,
    .attr = tty_attr,
    .reopen = tty_reopen,
};

int tty_open(enum tty_role role, unsigned flags, struct file **out)
{
    set_up();
    struct file *f = file_create(&tty_ops, (void *)(uintptr_t)&roles[role], flags);
    *out = f;
    return f != NULL ? 0 : -ENOMEM;
}
