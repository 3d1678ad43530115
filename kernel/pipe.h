/* SPDX-License-Identifier: MIT */
/* Pipes: a bounded stream of bytes (or of packets, O_DIRECT) between open files. FIFOs are pipes
 * with a name: fs/fifo.c. */
#ifndef KERNEL_PIPE_H
#define KERNEL_PIPE_H

#include "kernel/file.h"
#include "kernel/mutex.h"

#define PIPE_SLOTS_DEFAULT 16 /* pages: 64 KiB */
#define PIPE_SIZE_MAX 1048576 /* bytes, without CAP_SYS_RESOURCE: /proc/sys/fs/pipe-max-size */

struct pipe;

/* pipe_create: both ends of a new pipe, each with one reference. flags: O_NONBLOCK, O_DIRECT
 * (packets); others are ignored. Returns 0 or -ENOMEM. */
MUST_CHECK int pipe_create(unsigned flags, struct file **reader, struct file **writer);

/* pipe_alloc: a pipe without ends, with one reference of the caller's; NULL: out of memory.
 * pipe_put drops it; each open end holds another. */
struct pipe *pipe_alloc(void);
void pipe_put(struct pipe *p);

/* pipe_open: open an end of p (both for O_RDWR) as open(2) of a FIFO: an end waits for its peer
 * unless O_NONBLOCK. Returns 0; -ENXIO O_WRONLY | O_NONBLOCK without a reader; -ERESTARTSYS a
 * signal; -ENOMEM. Context: may block. */
MUST_CHECK int pipe_open(struct pipe *p, unsigned flags, struct file **out);

/* pipe_of: the pipe behind an open end, NULL for other files. */
struct pipe *pipe_of(const struct file *f);

/* pipe_set_owner: gone(ctx) is called once when the last reference goes. pipe_try_get: one more
 * reference, for an owner that keeps none; false when the last is gone already. */
void pipe_set_owner(struct pipe *p, void (*gone)(void *ctx), void *ctx);
MUST_CHECK bool pipe_try_get(struct pipe *p);

/* pipe_ino: inode number of the pipe, as fstat shows it and /proc/self/fd names it. */
uint64_t pipe_ino(const struct pipe *p);

/* pipe_peek: copy the oldest bytes, up to len, and leave them there. Returns their number. */
size_t pipe_peek(struct pipe *p, void *buf, size_t len);

/* pipe_move: hand up to len of the oldest bytes, copied to buf, to move, which returns how many of
 * them it took or an error; only those leave the pipe. Returns the same; 0: the pipe is empty.
 * Context: move runs with the pipe locked and must not wait for what may never come. */
typedef long (*pipe_move_fn)(void *ctx, void *buf, size_t len);
long pipe_move(struct pipe *p, void *buf, size_t len, pipe_move_fn move, void *ctx);

/* pipe_room: bytes that can be written now, whatever their pieces. */
size_t pipe_room(struct pipe *p);

/* pipe_size, pipe_set_size: F_GETPIPE_SZ, F_SETPIPE_SZ of fcntl(2): the capacity in bytes. Return
 * it; -EBADF not a pipe; -EINVAL; -EPERM above PIPE_SIZE_MAX; -EBUSY more is in the pipe;
 * -ENOMEM. */
long pipe_size(const struct file *f);
long pipe_set_size(struct file *f, uint64_t bytes);

#endif
