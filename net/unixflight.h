/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets as they are, and those of them that are on their way through one. */
#ifndef NET_UNIXFLIGHT_H
#define NET_UNIXFLIGHT_H

#include "net/unixsocket.h"

/* unixflight_know: u is there. unixflight_forget: it is closed. */
void unixflight_know(struct unix_socket *u);
void unixflight_forget(struct unix_socket *u);

/* unixflight_each: call fn for each socket that is not dead. Context: fn may block. */
void unixflight_each(void (*fn)(struct unix_socket *u, void *ctx), void *ctx);

/* unixflight_enter: the files of s are about to be queued. unixflight_leave: what is left in s of
 * a packet is not queued any more. unixflight_take: move them on to a receiver's to, which has
 * none, or copy them. take returns 0 or -ENOMEM. Context: all may block. */
void unixflight_enter(const struct scm *s);
void unixflight_leave(const struct scm *s);
MUST_CHECK int unixflight_take(struct scm *s, struct scm *to, bool copy);

/* unixflight_collect: a socket was closed: throw away what is only in flight to sockets that are
 * themselves only in flight, as nobody can ever receive it. Context: no lock held; may block. */
void unixflight_collect(void);

#endif
