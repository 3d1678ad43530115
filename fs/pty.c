/* SPDX-License-Identifier: MIT */
/* Pseudo terminals. A terminal lives as long as one of its ends is open, its node in /dev/pts as
 * long as its master. The table's lock guards the table and comes before a terminal's, a mutex that
 * guards all of it and is held while the program's memory is touched; every change wakes its
 * changed. No process has a pseudo terminal as its controlling one: there is no second session.
 * Source: pty(7), pts(4), ioctl_tty(2), termios(3). */
#include "fs/pty.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/termios.h>

#include "fs/devfs.h"
#include "fs/ptyline.h"
#include "kernel/base/print.h"
#include "kernel/base/string.h"
#include "kernel/heap.h"
#include "kernel/mutex.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "platform/clock.h"

#define NODE_MODE (S_IFCHR | 0620)
#define CHUNK 512U
#define DECISECOND_NS (NSEC_PER_SEC / 10)

struct pty {
    struct mutex lock;
    struct wait_queue changed;
    uint32_t changes; /* [A] so far */
    unsigned number; /* [I] */
    unsigned ends; /* [table.lock] open files */
    unsigned slaves; /* [lock] of them, slaves */
    bool hung_up; /* [lock] the master is closed */
    bool left; /* [lock] all slaves are closed, and there was one */
    int locked; /* [lock] TIOCSPTLCK */
    struct winsize size; /* [lock] */
    struct ptyline line; /* [lock] */
};

static struct {
    struct mutex lock;
    struct vnode *dir; /* [I] */
    struct pty *ptys[PTY_MAX]; /* [lock] those with a master */
} table = {.lock = {.queue = {.waiters = LIST_INIT(table.lock.queue.waiters)}}};

static const struct file_ops master_ops, slave_ops;

void pty_init(struct vnode *dir)
{
    table.dir = dir;
}

static bool is_master(const struct file *f)
{
    return f->ops == &master_ops;
}

/* Something has changed, if changed: let go of the lock and wake who waits for it. */
static void look_end(struct pty *p, bool changed) DROPS(p->lock)
{
    if (changed) { /* release: pairs with slave_read's look before it takes the lock */
        __atomic_fetch_add(&p->changes, 1, __ATOMIC_RELEASE);
    }
    mutex_unlock(&p->lock);
    if (changed) {
        wait_wake(&p->changed, WAIT_ALL);
    }
}

/* Name p's node, in buf of 12 bytes. */
static size_t node_name(char *buf, const struct pty *p)
{
    return (size_t)print_buf(buf, 12, "%u", p->number);
}

static int enter_table(struct pty *p)
{
    char name[12];
    struct vnode *node;
    while (p->number < PTY_MAX && table.ptys[p->number] != NULL) {
        p->number++;
    }
    if (p->number == PTY_MAX) {
        return -ENOSPC;
    }
    size_t len = node_name(name, p);
    int err = table.dir->ops->create(table.dir, name, len, NODE_MODE,
                                     (uint64_t)PTY_MAJOR << 8 | p->number, &node);
    if (err == 0) {
        vnode_put(node);
        table.ptys[p->number] = p;
    }
    return err;
}

int pty_open_master(unsigned flags, struct file **out)
{
    struct pty *p = heap_zalloc(sizeof(*p));
    *out = p != NULL ? file_create(&master_ops, p, flags) : NULL;
    if (*out == NULL) {
        heap_free(p);
        return -ENOMEM;
    }
    mutex_init(&p->lock);
    wait_queue_init(&p->changed);
    ptyline_init(&p->line);
    p->locked = 1;
    p->ends = 1;
    mutex_lock(&table.lock);
    int err = enter_table(p);
    p->number = err == 0 ? p->number : PTY_MAX;
    mutex_unlock(&table.lock);
    if (err != 0) {
        file_put(*out);
    }
    return err;
}

/* One more slave, unless it is locked. */
static int add_slave(struct pty *p, unsigned flags, struct file **out)
{
    mutex_lock(&p->lock);
    int err = p->locked != 0 ? -EIO : 0;
    *out = err == 0 ? file_create(&slave_ops, p, flags) : NULL;
    err = err == 0 && *out == NULL ? -ENOMEM : err;
    if (err == 0) {
        p->slaves++;
        p->left = false;
    }
    look_end(p, err == 0);
    return err;
}

int pty_open_slave(unsigned number, unsigned flags, struct file **out)
{
    mutex_lock(&table.lock);
    struct pty *p = number < PTY_MAX ? table.ptys[number] : NULL;
    int err = p != NULL ? add_slave(p, flags, out) : -EIO;
    if (err == 0) {
        p->ends++;
    }
    mutex_unlock(&table.lock);
    return err;
}

static void pty_release(struct file *f)
{
    struct pty *p = f->object;
    char name[12];
    mutex_lock(&table.lock);
    mutex_lock(&p->lock);
    if (is_master(f)) {
        p->hung_up = true;
        ptyline_flush(&p->line);
    }
    p->slaves -= !is_master(f);
    p->left = p->slaves == 0 && !is_master(f);
    look_end(p, true);
    if (is_master(f) && p->number < PTY_MAX) {
        table.ptys[p->number] = NULL;
        (void)!table.dir->ops->unlink(table.dir, name, node_name(name, p), false);
    }
    bool last = --p->ends == 0;
    mutex_unlock(&table.lock);
    if (last) {
        heap_free(p);
    }
}

/* One look of a master's read: bytes, -EIO (nobody will write), 0: nothing yet. */
static long drain(struct pty *p, struct iov_iter *it)
{
    uint8_t buf[CHUNK];
    mutex_lock(&p->lock);
    unsigned n = ptyline_drain(&p->line, buf, (unsigned)min(iov_left(it), (size_t)CHUNK));
    long got = n == 0 && p->left ? -EIO : (long)n;
    look_end(p, n != 0);
    return n != 0 ? iov_copy_to(it, buf, n) : got;
}

static bool master_readable(struct pty *p)
{
    mutex_lock(&p->lock);
    bool ready = p->line.out_len != 0 || p->left;
    mutex_unlock(&p->lock);
    return ready;
}

static long master_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct pty *p = f->object;
    long n = 0;
    (void)pos;
    while (iov_left(it) != 0 && (n = drain(p, it)) == 0) {
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        if (wait_until(&p->changed, master_readable(p), TIME_NEVER) != 0) {
            return -ERESTARTSYS;
        }
    }
    return n;
}

/* How many bytes a slave's read waits for; *deadline_ns: until when. */
static unsigned wanted(const struct pty *p, size_t room, unsigned ready, uint64_t *deadline_ns)
{
    const cc_t *cc = p->line.settings.c_cc;
    bool timed = cc[VTIME] != 0 && (cc[VMIN] == 0 || ready != 0);
    if (timed && *deadline_ns == TIME_NEVER) {
        *deadline_ns = clock_ns() + cc[VTIME] * DECISECOND_NS;
    }
    return cc[VMIN] != 0 ? (unsigned)min((size_t)cc[VMIN], room) : timed;
}

/* One look of a slave's read. Returns whether it is over, with *got as its result. */
static bool take(struct pty *p, struct iov_iter *it, uint64_t *deadline_ns, long *got)
{
    uint8_t buf[CHUNK];
    bool line;
    mutex_lock(&p->lock);
    unsigned ready = ptyline_ready(&p->line, &line);
    bool lines = (p->line.settings.c_lflag & ICANON) != 0;
    unsigned want = lines ? 1 : wanted(p, iov_left(it), ready, deadline_ns);
    bool late = !lines && *deadline_ns != TIME_NEVER && clock_ns() >= *deadline_ns;
    bool over = line || (!lines && ready >= want) || late || p->hung_up;
    unsigned n = 0;
    if (over) {
        n = ptyline_take(&p->line, buf, (unsigned)min(iov_left(it), (size_t)CHUNK));
    }
    look_end(p, line || n != 0);
    *got = n != 0 ? iov_copy_to(it, buf, n) : 0;
    return over;
}

static uint32_t changes_of(const struct pty *p)
{
    return __atomic_load_n(&p->changes, __ATOMIC_ACQUIRE);
}

static long slave_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct pty *p = f->object;
    uint64_t deadline_ns = TIME_NEVER;
    uint32_t seen = changes_of(p);
    long got = 0;
    (void)pos;
    while (iov_left(it) != 0 && !take(p, it, &deadline_ns, &got)) {
        if ((f->flags & O_NONBLOCK) != 0) {
            return -EAGAIN;
        }
        int err = wait_until(&p->changed, changes_of(p) != seen, deadline_ns);
        seen = changes_of(p);
        if (err == -EINTR) {
            return -ERESTARTSYS;
        }
    }
    return got;
}

/* As much of buf[len] as has room. -EIO: nobody is there to read it. */
static long put(struct file *f, const uint8_t *buf, size_t len)
{
    struct pty *p = f->object;
    size_t n = 0;
    mutex_lock(&p->lock);
    bool gone = !is_master(f) && p->hung_up;
    while (!gone && n < len) {
        if (is_master(f) ? ptyline_room(&p->line) == 0 : !ptyline_print(&p->line, buf[n])) {
            break;
        }
        if (is_master(f)) {
            ptyline_put(&p->line, buf[n]);
        }
        n++;
    }
    look_end(p, n != 0);
    return gone ? -EIO : (long)n;
}

static bool writable(struct file *f)
{
    struct pty *p = f->object;
    mutex_lock(&p->lock);
    bool room = is_master(f)
                    ? ptyline_room(&p->line) != 0
                    : p->hung_up || (!p->line.stopped && p->line.out_len + 2 <= PTYLINE_CAP);
    mutex_unlock(&p->lock);
    return room;
}

static long pty_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct pty *p = f->object;
    uint8_t buf[CHUNK];
    long done = 0;
    (void)pos;
    while (iov_left(it) != 0) {
        long len = iov_copy_from(it, buf, min(iov_left(it), (size_t)CHUNK));
        for (long n, at = 0; at < len; at += n) {
            n = put(f, buf + at, (size_t)(len - at));
            done += max(n, 0L);
            if (n == 0 && (f->flags & O_NONBLOCK) != 0) {
                n = -EAGAIN;
            } else if (n == 0 && wait_until(&p->changed, writable(f), TIME_NEVER) != 0) {
                n = -ERESTARTSYS;
            }
            if (n < 0) {
                return done != 0 ? done : n;
            }
        }
        if (len <= 0) {
            return done != 0 ? done : len;
        }
    }
    return done;
}

static unsigned pty_poll(struct file *f, struct wait_queue **q)
{
    struct pty *p = f->object;
    bool line = false;
    *q = &p->changed;
    mutex_lock(&p->lock);
    unsigned ready = is_master(f) ? p->line.out_len : ptyline_ready(&p->line, &line);
    bool in = ready != 0 || (!is_master(f) && (line || p->hung_up));
    bool over = is_master(f) ? p->left : p->hung_up;
    unsigned hup = !over ? 0 : is_master(f) ? POLLHUP : POLLHUP | POLLERR;
    mutex_unlock(&p->lock);
    return (in ? POLLIN | POLLRDNORM : 0) | (writable(f) ? POLLOUT | POLLWRNORM : 0) | hup;
}

static long get(struct pty *p, const void *what, uint64_t arg, size_t len)
{
    mutex_lock(&p->lock);
    long err = uaccess_write(uptr(void, arg), what, len);
    mutex_unlock(&p->lock);
    return err;
}

static long set_size(struct pty *p, uint64_t arg)
{
    struct winsize size;
    long err = uaccess_read(&size, uptr(void, arg), sizeof(size));
    mutex_lock(&p->lock);
    p->size = err == 0 ? size : p->size;
    mutex_unlock(&p->lock);
    return err;
}

static long set_settings(struct pty *p, uint64_t arg, size_t len, bool forget)
{
    struct termios2 to;
    mutex_lock(&p->lock);
    to = p->line.settings;
    long err = uaccess_read(&to, uptr(void, arg), len);
    if (err == 0 && forget) {
        ptyline_flush(&p->line);
    }
    if (err == 0) {
        ptyline_set(&p->line, &to);
    }
    look_end(p, true);
    return err;
}

static long flush(struct pty *p, uint64_t which, bool master)
{
    bool in = which == TCIFLUSH || which == TCIOFLUSH;
    bool out = which == TCOFLUSH || which == TCIOFLUSH;
    mutex_lock(&p->lock);
    if (master ? out : in) {
        ptyline_flush(&p->line);
    }
    if (master ? in : out) {
        p->line.out_len = 0;
    }
    look_end(p, true);
    return in || out ? 0 : -EINVAL;
}

static long set_lock(struct pty *p, uint64_t arg)
{
    int value;
    long err = uaccess_read(&value, uptr(void, arg), sizeof(value));
    mutex_lock(&p->lock);
    p->locked = err == 0 ? value != 0 : p->locked;
    mutex_unlock(&p->lock);
    return err;
}

static int waiting_bytes(struct pty *p, bool master)
{
    bool line;
    mutex_lock(&p->lock);
    unsigned n = master ? p->line.out_len : ptyline_ready(&p->line, &line);
    mutex_unlock(&p->lock);
    return (int)n;
}

static long master_ioctl(struct pty *p, unsigned cmd, uint64_t arg)
{
    switch (cmd) {
    case TIOCGPTN: return uaccess_write(uptr(void, arg), &p->number, sizeof(p->number));
    case TIOCSPTLCK: return set_lock(p, arg);
    case TIOCGPTLCK: return get(p, &p->locked, arg, sizeof(p->locked));
    default: return -ENOTTY;
    }
}

static long pty_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct pty *p = f->object;
    int n;
    switch (cmd) {
    case TCGETS: return get(p, &p->line.settings, arg, sizeof(struct termios));
    case TCGETS2: return get(p, &p->line.settings, arg, sizeof(struct termios2));
    case TCSETS:
    case TCSETSW:
    case TCSETSF: return set_settings(p, arg, sizeof(struct termios), cmd == TCSETSF);
    case TCSETS2:
    case TCSETSW2:
    case TCSETSF2: return set_settings(p, arg, sizeof(struct termios2), cmd == TCSETSF2);
    case TIOCGWINSZ: return get(p, &p->size, arg, sizeof(p->size));
    case TIOCSWINSZ: return set_size(p, arg);
    case TCFLSH: return flush(p, arg, is_master(f));
    case TCSBRK:
    case TCSBRKP:
    case TCXONC: return 0;
    case FIONREAD:
    case TIOCOUTQ:
        n = waiting_bytes(p, (cmd == FIONREAD) == is_master(f));
        n = cmd == TIOCOUTQ ? 0 : n; /* what is written is with the other end at once */
        return uaccess_write(uptr(void, arg), &n, sizeof(n));
    default: return is_master(f) ? master_ioctl(p, cmd, arg) : -ENOTTY;
    }
}

static const struct file_ops master_ops = {
    .read = master_read,
    .write = pty_write,
    .poll = pty_poll,
    .ioctl = pty_ioctl,
    .stat = devfs_stat_node,
    .release = pty_release,
};

static const struct file_ops slave_ops = {
    .read = slave_read,
    .write = pty_write,
    .poll = pty_poll,
    .ioctl = pty_ioctl,
    .stat = devfs_stat_node,
    .release = pty_release,
};
