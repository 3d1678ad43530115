/* SPDX-License-Identifier: MIT */
/* Pipes: open ends, waiting, and what happens when one side is gone.
 *
 * p->lock, a mutex, guards the ring and the counters of ends and is held while the program's memory
 * is touched; poll reads them without it. Every change wakes p->changed, after the mutex. Source:
 * pipe(7), pipe(2), fifo(7), read(2), write(2), fcntl(2). */
#include "kernel/pipe.h"

#include <asm/errno.h>
#include <asm/ioctls.h>
#include <asm/poll.h>
#include <asm/siginfo.h>
#include <linux/capability.h>
#include <linux/stat.h>

#include "kernel/base/string.h"
#include "kernel/fileattr.h"
#include "kernel/heap.h"
#include "kernel/pipering.h"
#include "kernel/process.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"

#define DEV_PIPEFS 12 /* st_dev of pipes: an anonymous device */
#define SIZE_LIMIT (1UL << 31)

struct pipe {
    struct mutex lock;
    struct wait_queue changed; /* readers, writers, openers, pollers */
    uint32_t refs; /* [A] open ends and holders */
    uint32_t readers, writers; /* [A] open ends */
    uint32_t readers_ever, writers_ever; /* [A] openings so far, for openers that wait */
    struct pipe_ring ring; /* [lock] */
    uint64_t ino; /* [I] */
    struct fileattr attr;
    void (*gone)(void *ctx); /* [I] NULL: nobody */
    void *gone_ctx; /* [I] */
};

/* What an open file has besides the pipe. */
struct pipe_end {
    struct pipe *pipe;
    uint32_t writers_seen; /* writers_ever at open: end of input is news only after another */
};

static uint64_t next_ino = 1;

struct pipe *pipe_alloc(void)
{
    struct pipe *p = heap_zalloc(sizeof(*p));
    if (p == NULL) {
        return NULL;
    }
    if (pipe_ring_init(&p->ring, PIPE_SLOTS_DEFAULT) != 0) {
        heap_free(p);
        return NULL;
    }
    mutex_init(&p->lock);
    wait_queue_init(&p->changed);
    p->refs = 1;
    p->ino = __atomic_fetch_add(&next_ino, 1, __ATOMIC_RELAXED);
    fileattr_init(&p->attr, 0600);
    return p;
}

void pipe_put(struct pipe *p)
{
    /* release and acquire: other holders are done before it is freed */
    if (__atomic_sub_fetch(&p->refs, 1, __ATOMIC_ACQ_REL) == 0) {
        if (p->gone != NULL) {
            p->gone(p->gone_ctx);
        }
        pipe_ring_fini(&p->ring);
        heap_free(p);
    }
}

bool pipe_try_get(struct pipe *p)
{
    uint32_t refs = __atomic_load_n(&p->refs, __ATOMIC_RELAXED);
    while (refs != 0 && !__atomic_compare_exchange_n(&p->refs, &refs, refs + 1, true,
                                                     __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
    }
    return refs != 0;
}

void pipe_set_owner(struct pipe *p, void (*gone)(void *ctx), void *ctx)
{
    p->gone = gone;
    p->gone_ctx = ctx;
}

uint64_t pipe_ino(const struct pipe *p)
{
    return p->ino;
}

static struct pipe_end *end_of(const struct file *f)
{
    return f->object;
}

/* Openings and closings change everything; bytes that come and go wake one side's pollers. */
static void changed(struct pipe *p)
{
    wait_wake(&p->changed, WAIT_ALL);
}

static void changed_events(struct pipe *p, unsigned events)
{
    wait_wake_events(&p->changed, WAIT_ALL, events);
}

static uint32_t count(const uint32_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static long pipe_read(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct pipe *p = end_of(f)->pipe;
    (void)pos;
    if (iov_left(it) == 0) {
        return 0;
    }
    for (;;) {
        mutex_lock(&p->lock);
        bool any = !pipe_ring_empty(&p->ring);
        bool was_full = pipe_ring_full(&p->ring);
        long n = any ? pipe_ring_take(&p->ring, it) : 0;
        bool room = was_full && !pipe_ring_full(&p->ring);
        mutex_unlock(&p->lock);
        if (room) { /* only then is writing news: edge-triggered watchers count on it */
            changed_events(p, POLLOUT | POLLWRNORM);
        }
        if (any) {
            return n;
        }
        if (count(&p->writers) == 0) {
            return 0;
        }
        if ((f->flags & O_NONBLOCK) != 0 || it->nowait) {
            return -EAGAIN;
        }
        if (wait_until(&p->changed, !pipe_ring_empty(&p->ring) || count(&p->writers) == 0,
                       TIME_NEVER) != 0) {
            return -ERESTARTSYS;
        }
    }
}

/* One round of a write: what is to be returned, or 0 to wait for room. */
static long write_round(struct file *f, struct iov_iter *it, size_t *done)
{
    struct pipe *p = end_of(f)->pipe;
    mutex_lock(&p->lock);
    if (count(&p->readers) == 0) {
        mutex_unlock(&p->lock);
        signal_send_self(SIGPIPE);
        return *done != 0 ? (long)*done : -EPIPE;
    }
    long n = pipe_ring_give(&p->ring, it, (f->flags & O_DIRECT) != 0, *done == 0);
    mutex_unlock(&p->lock);
    if (n > 0) {
        *done += (size_t)n;
        changed_events(p, POLLIN | POLLRDNORM);
    }
    if (iov_left(it) == 0 || n < 0) {
        return *done != 0 ? (long)*done : n;
    }
    return 0;
}

static long pipe_write(struct file *f, struct iov_iter *it, uint64_t *pos)
{
    struct pipe *p = end_of(f)->pipe;
    size_t done = 0;
    (void)pos;
    if (iov_left(it) == 0) {
        return 0;
    }
    for (;;) {
        long result = write_round(f, it, &done);
        if (result != 0) {
            return result;
        }
        if ((f->flags & O_NONBLOCK) != 0 || it->nowait) {
            return done != 0 ? (long)done : -EAGAIN;
        }
        if (wait_until(&p->changed, !pipe_ring_full(&p->ring) || count(&p->readers) == 0,
                       TIME_NEVER) != 0) {
            return done != 0 ? (long)done : -ERESTARTSYS;
        }
    }
}

static unsigned pipe_poll(struct file *f, struct wait_queue **q)
{
    const struct pipe_end *end = end_of(f);
    struct pipe *p = end->pipe;
    unsigned mode = f->flags & O_ACCMODE;
    unsigned events = 0;
    *q = &p->changed;
    if (mode != O_WRONLY) {
        events |= !pipe_ring_empty(&p->ring) ? POLLIN | POLLRDNORM : 0;
        bool ended = count(&p->writers) == 0 && count(&p->writers_ever) != end->writers_seen;
        events |= ended ? POLLHUP : 0;
    }
    if (mode != O_RDONLY) {
        events |= !pipe_ring_full(&p->ring) ? POLLOUT | POLLWRNORM : 0;
        events |= count(&p->readers) == 0 ? POLLERR : 0;
    }
    return events;
}

static long pipe_ioctl(struct file *f, unsigned cmd, uint64_t arg)
{
    struct pipe *p = end_of(f)->pipe;
    int bytes;
    if (cmd != FIONREAD) {
        return -ENOTTY;
    }
    mutex_lock(&p->lock);
    bytes = (int)pipe_ring_bytes(&p->ring);
    mutex_unlock(&p->lock);
    return uaccess_write(uptr(void, arg), &bytes, sizeof(bytes));
}

static int pipe_stat(struct file *f, struct stat *out)
{
    struct pipe *p = end_of(f)->pipe;
    memset(out, 0, sizeof(*out));
    out->st_dev = DEV_PIPEFS;
    out->st_ino = p->ino;
    out->st_mode = S_IFIFO;
    out->st_nlink = 1;
    out->st_blksize = PAGE_SIZE;
    fileattr_stat(&p->attr, out);
    return 0;
}

static struct fileattr *pipe_attr(struct file *f)
{
    return &end_of(f)->pipe->attr;
}

static int pipe_reopen(struct file *f, unsigned flags, struct file **out)
{
    return pipe_open(end_of(f)->pipe, flags, out);
}

static void close_counts(struct pipe *p, unsigned mode)
{
    mutex_lock(&p->lock);
    if (mode != O_WRONLY) {
        __atomic_fetch_sub(&p->readers, 1, __ATOMIC_RELAXED);
    }
    if (mode != O_RDONLY) {
        __atomic_fetch_sub(&p->writers, 1, __ATOMIC_RELAXED);
    }
    uint32_t left = p->readers + p->writers;
    if (left == 0) { /* what nobody read is lost with the last end */
        pipe_ring_clear(&p->ring);
    }
    mutex_unlock(&p->lock);
    changed(p);
}

static void pipe_release(struct file *f)
{
    struct pipe_end *end = end_of(f);
    close_counts(end->pipe, f->flags & O_ACCMODE);
    pipe_put(end->pipe);
    heap_free(end);
}

static const struct file_ops pipe_ops = {
    .name = "pipe",
    .read = pipe_read,
    .write = pipe_write,
    .poll = pipe_poll,
    .ioctl = pipe_ioctl,
    .stat = pipe_stat,
    .attr = pipe_attr,
    .reopen = pipe_reopen,
    .release = pipe_release,
};

struct pipe *pipe_of(const struct file *f)
{
    return f->ops == &pipe_ops ? end_of(f)->pipe : NULL;
}

/* An open file for one end, counted but not waited for. NULL: out of memory. */
static struct file *attach(struct pipe *p, unsigned flags)
{
    struct pipe_end *end = heap_alloc(sizeof(*end));
    struct file *f = end != NULL ? file_create(&pipe_ops, end, flags) : NULL;
    if (f == NULL) {
        heap_free(end);
        return NULL;
    }
    *end = (struct pipe_end){p, count(&p->writers_ever)};
    __atomic_fetch_add(&p->refs, 1, __ATOMIC_RELAXED);
    mutex_lock(&p->lock);
    if ((flags & O_ACCMODE) != O_WRONLY) {
        __atomic_fetch_add(&p->readers, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&p->readers_ever, 1, __ATOMIC_RELAXED);
    }
    if ((flags & O_ACCMODE) != O_RDONLY) {
        __atomic_fetch_add(&p->writers, 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&p->writers_ever, 1, __ATOMIC_RELAXED);
    }
    mutex_unlock(&p->lock);
    changed(p);
    return f;
}

int pipe_create(unsigned flags, struct file **reader, struct file **writer)
{
    struct pipe *p = pipe_alloc();
    if (p == NULL) {
        return -ENOMEM;
    }
    flags &= O_NONBLOCK | O_DIRECT;
    *reader = attach(p, O_RDONLY | (flags & O_NONBLOCK));
    *writer = *reader != NULL ? attach(p, O_WRONLY | flags) : NULL;
    pipe_put(p);
    if (*writer != NULL) {
        return 0;
    }
    if (*reader != NULL) {
        file_put(*reader);
    }
    return -ENOMEM;
}

/* Wait until an opening of the other kind has happened: it may be over again by the time we
 * wake. */
static int wait_for_peer(struct pipe *p, const uint32_t *peers, const uint32_t *peers_ever)
{
    uint32_t before = count(peers_ever);
    if (count(peers) != 0) {
        return 0;
    }
    return wait_until(&p->changed, count(peers_ever) != before, TIME_NEVER) != 0 ? -ERESTARTSYS : 0;
}

int pipe_open(struct pipe *p, unsigned flags, struct file **out)
{
    unsigned mode = flags & O_ACCMODE;
    bool nonblock = (flags & O_NONBLOCK) != 0;
    if (mode == O_WRONLY && nonblock && count(&p->readers) == 0) {
        return -ENXIO;
    }
    struct file *f =
        attach(p, flags & (O_ACCMODE | O_NONBLOCK | O_DIRECT | O_APPEND | O_LARGEFILE));
    if (f == NULL) {
        return -ENOMEM;
    }
    int err = 0;
    if (mode == O_RDONLY && !nonblock) {
        err = wait_for_peer(p, &p->writers, &p->writers_ever);
        end_of(f)->writers_seen = 0; /* a writer was there: its end is news */
    } else if (mode == O_WRONLY && !nonblock) {
        err = wait_for_peer(p, &p->readers, &p->readers_ever);
    }
    if (err != 0) {
        file_put(f);
        return err;
    }
    *out = f;
    return 0;
}

long pipe_move(struct pipe *p, void *buf, size_t len, pipe_move_fn move, void *ctx)
{
    mutex_lock(&p->lock);
    size_t n = pipe_ring_peek(&p->ring, buf, len);
    bool was_full = pipe_ring_full(&p->ring);
    long moved = n != 0 ? move(ctx, buf, n) : 0;
    if (moved > 0) {
        struct iov v;
        struct iov_iter it = iov_iter_one(&v, buf, (size_t)moved, false);
        while (iov_left(&it) != 0 && pipe_ring_take(&p->ring, &it) > 0) {
        }
    }
    bool room = was_full && !pipe_ring_full(&p->ring);
    mutex_unlock(&p->lock);
    if (room) {
        changed_events(p, POLLOUT | POLLWRNORM);
    }
    return moved;
}

size_t pipe_room(struct pipe *p)
{
    mutex_lock(&p->lock);
    size_t slots = p->ring.nslots - p->ring.used;
    mutex_unlock(&p->lock);
    return slots * PAGE_SIZE;
}

size_t pipe_peek(struct pipe *p, void *buf, size_t len)
{
    mutex_lock(&p->lock);
    size_t n = pipe_ring_peek(&p->ring, buf, len);
    mutex_unlock(&p->lock);
    return n;
}

long pipe_size(const struct file *f)
{
    const struct pipe *p = pipe_of(f);
    return p != NULL ? (long)(p->ring.nslots * PAGE_SIZE) : -EBADF;
}

long pipe_set_size(struct file *f, uint64_t bytes)
{
    struct pipe *p = pipe_of(f);
    if (p == NULL) {
        return -EBADF;
    }
    if (bytes > SIZE_LIMIT) {
        return -EINVAL;
    }
    uint64_t size = PAGE_SIZE;
    while (size < bytes) {
        size *= 2;
    }
    mutex_lock(&p->lock);
    bool grows = size / PAGE_SIZE > p->ring.nslots;
    int err = grows && size > PIPE_SIZE_MAX && !process_capable(CAP_SYS_RESOURCE) ? -EPERM : 0;
    err = err != 0 ? err : pipe_ring_resize(&p->ring, (uint32_t)(size / PAGE_SIZE));
    mutex_unlock(&p->lock);
    changed(p);
    return err != 0 ? err : (long)size;
}
