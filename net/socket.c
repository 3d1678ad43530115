/* SPDX-License-Identifier: MIT */
/* The open file of a socket, and what calls of all families share. Source: socket(2), socket(7),
 * send(2), recv(2), signal(7). */
#include "net/socket.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/siginfo.h>
#include <asm/socket.h>
#include <asm/sockios.h>
#include <linux/sockios.h>
#include <linux/stat.h>
#include <linux/time.h>
#include <linux/time_types.h>

#include "kernel/base/string.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/thread.h"
#include "kernel/uaccess.h"
#include "net/ifreq.h"
#include "platform/clock.h"

#define DEV_SOCKFS 9 /* st_dev of sockets: an anonymous device */
#define SOCKET_MODE 0777
#define NSEC_PER_USEC 1000UL
#define BUFFER_DEFAULT 212992 /* bytes: /proc/sys/net/core/wmem_default */

static uint64_t next_ino = 1000000; /* other numbers than pipes */
static const struct file_ops socket_file_ops;

void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type)
{
    s->ops = ops;
    s->family = family;
    s->type = type;
    wait_queue_init(&s->changed);
    s->options.send_buffer = s->options.receive_buffer = BUFFER_DEFAULT;
    s->options.low_water = 1;
    s->peer_cred = (struct user_ucred){0, UINT32_MAX, UINT32_MAX}; /* nobody */
    s->ino = __atomic_fetch_add(&next_ino, 1, __ATOMIC_RELAXED);
    fileattr_init(&s->attr, SOCKET_MODE);
}

int socket_open(struct socket *s, unsigned flags, struct file **out)
{
    struct file *f = file_create(&socket_file_ops, s, O_RDWR | (flags & O_NONBLOCK));
    if (f == NULL) {
        return -ENOMEM;
    }
    __atomic_store_n(&s->file, f, __ATOMIC_RELEASE);
    *out = f;
    return 0;
}

struct socket *socket_of(const struct file *f)
{
    return f->ops == &socket_file_ops ? f->object : NULL;
}

uint64_t socket_deadline(const struct socket *s, bool send)
{
    uint64_t ns = send ? s->options.send_timeout_ns : s->options.receive_timeout_ns;
    uint64_t at;
    return ns != 0 && add_ok(clock_ns(), ns, &at) ? at : TIME_NEVER;
}

long socket_wait_error(int err, uint64_t deadline_ns)
{
    if (err == -ETIMEDOUT) {
        return -EAGAIN;
    }
    return deadline_ns == TIME_NEVER ? -ERESTARTSYS : -EINTR; /* what is left of it is not known */
}

int socket_error(struct socket *s)
{
    spin_lock(&s->lock);
    int error = s->error;
    spin_unlock(&s->lock);
    return error;
}

int socket_take_error(struct socket *s)
{
    spin_lock(&s->lock);
    int error = s->error;
    s->error = 0;
    spin_unlock(&s->lock);
    return error;
}

void socket_set_error(struct socket *s, int error)
{
    spin_lock(&s->lock);
    s->error = error;
    spin_unlock(&s->lock);
    wait_wake(&s->changed, WAIT_ALL);
}

void socket_put_time(const struct socket *s, struct message *m, uint64_t wall_ns)
{
    if (socket_flag(s, SO_TIMESTAMP_OLD)) {
        struct __kernel_old_timeval tv = {(long)(wall_ns / NSEC_PER_SEC),
                                          (long)(wall_ns % NSEC_PER_SEC / NSEC_PER_USEC)};
        message_put(m, SOL_SOCKET, SO_TIMESTAMP_OLD, &tv, sizeof(tv));
    } else if (socket_flag(s, SO_TIMESTAMPNS_OLD)) {
        struct __kernel_timespec ts = {(long)(wall_ns / NSEC_PER_SEC),
                                       (long)(wall_ns % NSEC_PER_SEC)};
        message_put(m, SOL_SOCKET, SO_TIMESTAMPNS_OLD, &ts, sizeof(ts));
    }
}

long socket_send(struct socket *s, struct message *m)
{
    long n = s->ops->send(s, m);
    if (n == -EPIPE && s->ops->pipe_signal && (m->flags & MSG_NOSIGNAL) == 0) {
        signal_send_self(SIGPIPE);
    }
    return n;
}

long socket_recv(struct socket *s, struct message *m)
{
    return s->ops->recv(s, m);
}

static unsigned io_flags(const struct file *f, const struct iov_iter *it)
{
    return (f->flags & O_NONBLOCK) != 0 || it->nowait ? MSG_DONTWAIT : 0;
}

static long socket_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct message m = {.it = it, .flags = io_flags(f, it)};
    (void)pos;
    return iov_left(it) != 0 ? socket_recv(f->object, &m) : 0;
}

static long socket_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct message m = {.it = it, .flags = io_flags(f, it)};
    (void)pos;
    return socket_send(f->object, &m);
}

static unsigned socket_poll(struct file *f, struct wait_queue **q)
{
    struct socket *s = f->object;
    *q = &s->changed;
    return s->ops->poll(s);
}

static long socket_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct socket *s = f->object;
    if (cmd != FIONREAD && cmd != SIOCOUTQ) {
        long err = s->ops->ioctl != NULL ? s->ops->ioctl(s, cmd, arg) : -ENOTTY;
        return err == -ENOTTY ? ifreq_ioctl(cmd, arg) : err;
    }
    long n = s->ops->queued(s, cmd == SIOCOUTQ);
    int bytes = (int)n;
    return n < 0 ? n : uaccess_write(uptr(void, arg), &bytes, sizeof(bytes));
}

static int socket_stat(struct file *f, struct stat *out)
{
    struct socket *s = f->object;
    memset(out, 0, sizeof(*out));
    out->st_dev = DEV_SOCKFS;
    out->st_ino = s->ino;
    out->st_mode = S_IFSOCK;
    out->st_nlink = 1;
    out->st_blksize = PAGE_SIZE;
    fileattr_stat(&s->attr, out);
    return 0;
}

static struct fileattr *socket_attr(struct file *f)
{
    struct socket *s = f->object;
    return &s->attr;
}

static void socket_release(struct file *f)
{
    struct socket *s = f->object;
    s->ops->release(s);
}

static const struct file_ops socket_file_ops = {
    .name = "socket",
    .read = socket_read,
    .write = socket_write,
    .poll = socket_poll,
    .ioctl = socket_ioctl,
    .stat = socket_stat,
    .attr = socket_attr,
    .release = socket_release,
};
