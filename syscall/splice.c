/* SPDX-License-Identifier: MIT */
/* Data between a pipe and another file: splice, tee, vmsplice.
 *
 * Data goes through a kernel buffer. What was taken from a pipe is always written, if need be by
 * waiting, so that none is lost; SPLICE_F_NONBLOCK holds for waiting before that. SPLICE_F_MOVE,
 * _MORE and _GIFT are hints. Source: splice(2), tee(2), vmsplice(2). */
#include <asm/errno.h>
#include <asm/poll.h>
#include <linux/limits.h>

#include "fs/vnode.h"
#include "kernel/heap.h"
#include "kernel/pipe.h"
#include "kernel/poll.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "net/socket.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"

/* No uapi header has them. */
#define SPLICE_F_NONBLOCK 2
#define SPLICE_F_ALL 15

#define CHUNK (4 * PAGE_SIZE)

struct splice {
    struct file *in, *out;
    struct pipe *in_pipe, *out_pipe; /* NULL: not a pipe */
    uint64_t in_pos, out_pos;
    bool in_placed, out_placed; /* at in_pos, out_pos; else the file's own position */
    bool nowait;
};

/* Wait until an event of f holds. */
static long wait_for(struct file *f, unsigned events, bool nowait)
{
    struct poll_item item = {.file = f, .events = events};
    long n = poll_wait(&item, 1, nowait || (f->flags & O_NONBLOCK) != 0 ? 0 : TIME_NEVER);
    return n > 0 ? 0 : n == 0 ? -EAGAIN : -ERESTARTSYS;
}

static long take(struct splice *s, struct iov_iter *it)
{
    return s->in_placed ? file_read_at(s->in, it, s->in_pos) : file_read(s->in, it);
}

static long give(struct splice *s, struct iov_iter *it)
{
    return s->out_placed ? file_write_at(s->out, it, s->out_pos) : file_write(s->out, it);
}

/* From a file: what the pipe does not take stays unread, so no more is read than it takes from who
 * cannot read it again. */
static long fill_pipe(struct splice *s, char *buf, size_t len)
{
    struct iov v;
    uint64_t at = s->in_placed ? s->in_pos : file_pos(s->in);
    bool seekable = s->in->ops->seek != NULL;
    size_t most = seekable ? CHUNK : min(CHUNK, pipe_room(s->out_pipe));
    struct iov_iter it = iov_iter_one(&v, buf, min(len, most), false);
    it.nowait = s->nowait;
    long n = seekable ? file_read_at(s->in, &it, at) : file_read(s->in, &it);
    if (n <= 0) {
        return n;
    }
    it = iov_iter_one(&v, buf, (size_t)n, false);
    it.nowait = seekable; /* the rest can be read again */
    n = file_write(s->out, &it);
    if (n > 0) {
        s->in_pos = at + (uint64_t)n;
        if (seekable && !s->in_placed) {
            file_set_pos(s->in, s->in_pos);
        }
    }
    return n;
}

/* From a pipe: no more than a pipe at the other end has room for, which is a page at least. */
static long drain_pipe(struct splice *s, char *buf, size_t len)
{
    struct iov v;
    size_t most = s->out_pipe != NULL ? PIPE_BUF : CHUNK;
    struct iov_iter it = iov_iter_one(&v, buf, min(len, most), false);
    it.nowait = true; /* wait_for has said that there is something, or the end */
    long n = take(s, &it);
    if (n <= 0) {
        return n;
    }
    it = iov_iter_one(&v, buf, (size_t)n, false);
    long written = give(s, &it);
    if (written > 0) {
        s->out_pos += (uint64_t)written;
    }
    return written;
}

static long send_bytes(void *ctx, void *buf, size_t len)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, buf, len, false);
    it.nowait = true;
    return file_write(ctx, &it);
}

/* From a pipe to a socket, which may take less than it is given: the rest stays in the pipe. */
static long drain_to_socket(struct splice *s, char *buf, size_t len)
{
    for (;;) {
        long n = pipe_move(s->in_pipe, buf, min(len, CHUNK), send_bytes, s->out);
        if (n != -EAGAIN || s->nowait) {
            return n;
        }
        n = wait_for(s->out, POLLOUT, false);
        if (n != 0) {
            return n;
        }
    }
}

static long move_data(struct splice *s, char *buf, size_t len)
{
    if (s->in_pipe == NULL) {
        return fill_pipe(s, buf, len);
    }
    bool socket = socket_of(s->out) != NULL;
    return socket ? drain_to_socket(s, buf, len) : drain_pipe(s, buf, len);
}

/* Is there more to take, and room for it, without waiting? What cannot seek may block in its read:
 * that is asked for once. */
static bool goes_on(struct splice *s)
{
    if (s->in_pipe == NULL && s->in->ops->seek == NULL) {
        return false;
    }
    return (s->in_pipe == NULL || wait_for(s->in, POLLIN, true) == 0) &&
           wait_for(s->out, POLLOUT, true) == 0;
}

static long splice_run(struct splice *s, size_t len)
{
    long err = 0;
    if (s->in_pipe != NULL) {
        err = wait_for(s->in, POLLIN | POLLHUP, s->nowait);
    }
    if (err == 0 && s->out_pipe != NULL) {
        err = wait_for(s->out, POLLOUT, s->nowait);
    }
    char *buf = err == 0 ? heap_alloc(CHUNK) : NULL;
    if (buf == NULL) {
        return err != 0 ? err : -ENOMEM;
    }
    size_t done = 0;
    do {
        err = move_data(s, buf, len - done);
        done += err > 0 ? (size_t)err : 0;
    } while (err > 0 && done < len && goes_on(s));
    heap_free(buf);
    return done > 0 ? (long)done : err;
}

static int check_ends(const struct splice *s, bool in_offset, bool out_offset)
{
    if (!file_readable(s->in) || !file_writable(s->out)) {
        return -EBADF;
    }
    if ((s->in_pipe != NULL && in_offset) || (s->out_pipe != NULL && out_offset)) {
        return -ESPIPE;
    }
    if (s->in_pipe == s->out_pipe) { /* the same one, or none at all */
        return -EINVAL;
    }
    bool misplaced =
        (in_offset && s->in->ops->seek == NULL) || (out_offset && s->out->ops->seek == NULL);
    bool appends = s->out_pipe == NULL && (s->out->flags & O_APPEND) != 0;
    return misplaced || appends ? -EINVAL : 0;
}

static int read_offset(const long USER *from, uint64_t *pos, bool *placed)
{
    *placed = from != NULL;
    if (from == NULL) {
        return 0;
    }
    int err = uaccess_read(pos, from, sizeof(*pos));
    return err == 0 && (int64_t)*pos < 0 ? -EINVAL : err;
}

static long splice_files(struct splice *s, long USER *in_pos, long USER *out_pos, size_t len)
{
    s->in_pipe = pipe_of(s->in);
    s->out_pipe = pipe_of(s->out);
    long result = check_ends(s, in_pos != NULL, out_pos != NULL);
    result = result != 0 ? result : read_offset(in_pos, &s->in_pos, &s->in_placed);
    result = result != 0 ? result : read_offset(out_pos, &s->out_pos, &s->out_placed);
    result = result != 0 ? result : splice_run(s, len);
    if (result > 0 && in_pos != NULL && uaccess_write(in_pos, &s->in_pos, sizeof(*in_pos)) != 0) {
        return -EFAULT;
    }
    if (result > 0 && out_pos != NULL &&
        uaccess_write(out_pos, &s->out_pos, sizeof(*out_pos)) != 0) {
        return -EFAULT;
    }
    return result;
}

long sys_splice(int in, long USER *in_pos, int out, long USER *out_pos, size_t len, unsigned flags)
{
    if ((flags & ~(unsigned)SPLICE_F_ALL) != 0) {
        return -EINVAL;
    }
    if (len == 0) {
        return 0;
    }
    struct fd_ref from = fd_borrow(in);
    struct fd_ref to = fd_borrow(out);
    struct splice s = {.in = from.file, .out = to.file};
    s.nowait = (flags & SPLICE_F_NONBLOCK) != 0;
    long result = s.in == NULL || s.out == NULL ? -EBADF : splice_files(&s, in_pos, out_pos, len);
    fd_return(from);
    fd_return(to);
    return result;
}

/* What is in the one pipe, up to len bytes of it, as far as the other has room. */
static long tee_pipes(struct file *in, struct file *out, size_t len, bool nowait)
{
    struct iov v;
    long err = wait_for(in, POLLIN | POLLHUP, nowait);
    err = err != 0 ? err : wait_for(out, POLLOUT, nowait);
    if (err != 0) {
        return err;
    }
    size_t most = min(len, (size_t)pipe_size(in));
    char *buf = heap_alloc(most);
    if (buf == NULL) {
        return -ENOMEM;
    }
    size_t n = pipe_peek(pipe_of(in), buf, most);
    struct iov_iter it = iov_iter_one(&v, buf, n, false);
    it.nowait = true; /* what does not fit is still where it was */
    long result = n != 0 ? file_write(out, &it) : 0;
    heap_free(buf);
    return result;
}

long sys_tee(int in, int out, size_t len, unsigned flags)
{
    long result = 0;
    if ((flags & ~(unsigned)SPLICE_F_ALL) != 0) {
        return -EINVAL;
    }
    if (len == 0) {
        return 0;
    }
    struct fd_ref from = fd_borrow(in);
    struct fd_ref to = fd_borrow(out);
    if (from.file == NULL || to.file == NULL || !file_readable(from.file) ||
        !file_writable(to.file)) {
        result = -EBADF;
    } else if (pipe_of(from.file) == NULL || pipe_of(to.file) == NULL ||
               pipe_of(from.file) == pipe_of(to.file)) {
        result = -EINVAL;
    } else {
        result = tee_pipes(from.file, to.file, len, (flags & SPLICE_F_NONBLOCK) != 0);
    }
    fd_return(from);
    fd_return(to);
    return result;
}

/* The program's pages are copied: nobody can see the difference. */
long sys_vmsplice(int fd, const struct iovec USER *vec, unsigned long n, unsigned flags)
{
    struct iovec_list l;
    if ((flags & ~(unsigned)SPLICE_F_ALL) != 0) {
        return -EINVAL;
    }
    struct fd_ref r = fd_borrow(fd);
    if (r.file == NULL || pipe_of(r.file) == NULL) {
        fd_return(r);
        return -EBADF;
    }
    long result = iovec_take(&l, vec, n);
    if (result == 0) {
        l.it.nowait = (flags & SPLICE_F_NONBLOCK) != 0;
        result = file_writable(r.file) ? file_write(r.file, &l.it) : file_read(r.file, &l.it);
        iovec_drop(&l);
    }
    fd_return(r);
    return result;
}
