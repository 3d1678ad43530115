/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets as they are, and those of them that are on their way through one. */
#ifndef NET_UNIXFLIGHT_H
#define NET_UNIXFLIGHT_H

#include "kernel/mutex.h"
#include "net/scm.h"
#include "net/socket.h"

struct packet {
    struct list link;
    struct scm scm;
    size_t start, len; /* what is left: data[start, start + len) */
    size_t cost; /* charged to the sender */
    char data[];
};

struct unix_socket {
    struct socket socket;
    struct mutex reading;
    struct list packets; /* [socket.lock] only who reads takes some off */
    size_t charged; /* [socket.lock] sum of their cost */
    size_t bytes; /* [socket.lock] to be read */
    unsigned shut; /* [socket.lock] NO_* */
    bool dead; /* [socket.lock] closed */
    bool refused; /* [socket.lock] the peer was found closed: of datagrams */
    struct unix_socket *peer; /* [I] referenced until release */
    uint32_t refs; /* [A] the file's and the peer's */
    struct list all; /* [flight] of every open socket */
    unsigned in_flight; /* [flight] references of its file that packets hold */
    unsigned outside; /* [flight] of those, how many are not in garbage; while collecting */
    bool suspect; /* [flight] has no other references; while collecting */
};

/* unixflight_know: u is there. unixflight_forget: it is closed. */
void unixflight_know(struct unix_socket *u);
void unixflight_forget(struct unix_socket *u);

/* unixflight_enter: the files of s are about to be queued. unixflight_leave: what is left in s of
 * a packet is not queued any more. unixflight_take: move them on to a receiver's to, or copy them.
 * take returns 0 or -ENOMEM. Context: all may block. */
void unixflight_enter(const struct scm *s);
void unixflight_leave(const struct scm *s);
MUST_CHECK int unixflight_take(struct scm *s, struct scm *to, bool copy);

/* unixflight_collect: a socket was closed: throw away what is only in flight to sockets that are
 * themselves only in flight, as nobody can ever receive it. Context: no lock held; may block. */
void unixflight_collect(void);

#endif
