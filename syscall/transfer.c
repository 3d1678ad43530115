/* SPDX-License-Identifier: MIT */
/* From one file to another without the program's memory: sendfile, copy_file_range.
 *
 * Data goes through a kernel buffer; the source's position moves only by what the target took.
 * Source: sendfile(2), copy_file_range(2). */
#include <asm/errno.h>

#include "fs/vnode.h"
#include "kernel/heap.h"
#include "kernel/signal.h"
#include "kernel/uaccess.h"
#include "syscall/calls.h"
#include "syscall/iovec.h"

#define CHUNK (4 * PAGE_SIZE)

struct transfer {
    struct file *in, *out;
    uint64_t in_pos;
    uint64_t out_pos; /* with out_placed */
    bool out_placed; /* write at out_pos, not at the file's own position */
};

static long write_chunk(struct transfer *t, char *buf, size_t len)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, buf, len, false);
    return t->out_placed ? file_write_at(t->out, &it, t->out_pos) : file_write(t->out, &it);
}

/* One chunk of at most len bytes. Returns bytes, 0 at the end, a negative errno. */
static long move_chunk(struct transfer *t, char *buf, size_t len)
{
    struct iov v;
    struct iov_iter it = iov_iter_one(&v, buf, min(len, CHUNK), false);
    long n = file_read_at(t->in, &it, t->in_pos);
    if (n <= 0) {
        return n;
    }
    long written = write_chunk(t, buf, (size_t)n);
    if (written > 0) {
        t->in_pos += (uint64_t)written;
        t->out_pos += (uint64_t)written;
    }
    return written;
}

static long transfer_run(struct transfer *t, size_t len)
{
    size_t done = 0;
    char *buf = heap_alloc(CHUNK);
    if (buf == NULL) {
        return -ENOMEM;
    }
    long n = 0;
    len = min(len, IOVEC_MAX_BYTES);
    while (done < len) {
        n = move_chunk(t, buf, len - done);
        if (n <= 0) {
            break;
        }
        done += (size_t)n;
        if (signal_pending()) {
            break;
        }
    }
    heap_free(buf);
    return done != 0 ? (long)done : n;
}

static int check_sendfile(const struct file *in, const struct file *out)
{
    if (!file_readable(in) || !file_writable(out)) {
        return -EBADF;
    }
    bool usable = in->ops->seek != NULL && in->ops->read != NULL;
    return usable && (out->flags & O_APPEND) == 0 ? 0 : -EINVAL;
}

/* Where to start in the source: the program's *offset, or the file's own position. */
static int start_position(struct file *f, const long USER *offset, uint64_t *pos)
{
    if (offset != NULL) {
        return uaccess_read(pos, offset, sizeof(*pos));
    }
    *pos = file_pos(f);
    return 0;
}

static int end_position(struct file *f, long USER *offset, uint64_t pos)
{
    if (offset != NULL) {
        return uaccess_write(offset, &pos, sizeof(pos));
    }
    file_set_pos(f, pos);
    return 0;
}

long sys_sendfile(int out, int in, long USER *offset, size_t n)
{
    struct fd_ref from = fd_borrow(in);
    struct fd_ref to = fd_borrow(out);
    struct transfer t = {.in = from.file, .out = to.file};
    long result = t.in == NULL || t.out == NULL ? -EBADF : 0;
    if (result == 0) {
        result = start_position(t.in, offset, &t.in_pos);
    }
    if (result == 0) {
        result = (int64_t)t.in_pos < 0 ? -EINVAL : check_sendfile(t.in, t.out);
    }
    if (result == 0) {
        result = transfer_run(&t, n);
    }
    if (result > 0) {
        int err = end_position(t.in, offset, t.in_pos);
        result = err != 0 ? err : result;
    }
    fd_return(from);
    fd_return(to);
    return result;
}

static bool is_kind(const struct file *f, uint32_t kind)
{
    return f->vnode != NULL && (f->vnode->mode & S_IFMT) == kind;
}

static int check_copy(const struct transfer *t, size_t n)
{
    if (is_kind(t->in, S_IFDIR) || is_kind(t->out, S_IFDIR)) {
        return -EISDIR;
    }
    if (!is_kind(t->in, S_IFREG) || !is_kind(t->out, S_IFREG)) {
        return -EINVAL;
    }
    if (!file_readable(t->in) || !file_writable(t->out) || (t->out->flags & O_APPEND) != 0) {
        return -EBADF;
    }
    uint64_t in_end;
    uint64_t out_end;
    if (!add_ok(t->in_pos, n, &in_end) || !add_ok(t->out_pos, n, &out_end)) {
        return -EOVERFLOW;
    }
    if ((int64_t)t->in_pos < 0 || (int64_t)t->out_pos < 0) {
        return -EINVAL;
    }
    bool overlap = t->in->vnode == t->out->vnode && t->in_pos < out_end && t->out_pos < in_end;
    return overlap ? -EINVAL : 0;
}

static long copy_range(struct transfer *t, long USER *in_pos, long USER *out_pos, size_t n)
{
    long result = start_position(t->in, in_pos, &t->in_pos);
    result = result != 0 ? result : start_position(t->out, out_pos, &t->out_pos);
    result = result != 0 ? result : check_copy(t, n);
    result = result != 0 ? result : transfer_run(t, n);
    if (result <= 0) {
        return result;
    }
    int err = end_position(t->in, in_pos, t->in_pos);
    err = err != 0 ? err : end_position(t->out, out_pos, t->out_pos);
    return err != 0 ? err : result;
}

long sys_copy_file_range(int in, long USER *in_pos, int out, long USER *out_pos, size_t n,
                         unsigned flags)
{
    struct fd_ref from = fd_borrow(in);
    struct fd_ref to = fd_borrow(out);
    struct transfer t = {.in = from.file, .out = to.file, .out_placed = true};
    long result = t.in == NULL || t.out == NULL ? -EBADF : flags != 0 ? -EINVAL : 0;
    if (result == 0) {
        result = copy_range(&t, in_pos, out_pos, n);
    }
    fd_return(from);
    fd_return(to);
    return result;
}
