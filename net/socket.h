/* SPDX-License-Identifier: MIT */
/* Sockets: what all families share, and the open file of each. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "kernel/file.h"
#include "net/abi.h"
#include "net/scm.h"

struct socket;

/* A message on its way to or from the program. */
struct message {
    struct iov_iter *it;
    unsigned flags; /* MSG_* of the call; MSG_DONTWAIT also for O_NONBLOCK */
    bool named; /* send: an address was given */
    struct scm scm; /* send: taken over, or dropped by the caller; recv: for the caller */
    unsigned out_flags; /* recv: MSG_TRUNC */
};

/* What a family and type can do. All are called with the file held. NULL members: the call fails
 * with the error named. */
struct socket_ops {
    /* send: bytes sent, or a negative errno; -EPIPE raises SIGPIPE if pipe_signal. */
    long (*send)(struct socket *s, struct message *m);
    long (*recv)(struct socket *s, struct message *m);
    /* shutdown: how is SHUT_*, checked. */
    int (*shutdown)(struct socket *s, int how);
    unsigned (*poll)(struct socket *s);
    /* queued: bytes to read (out false) or not yet read by the peer. */
    size_t (*queued)(struct socket *s, bool out);
    /* name: the socket's address or its peer's, as a sockaddr of *len bytes. */
    int (*name)(struct socket *s, bool peer, void *out, size_t *len);
    /* release: the file is closed; drops the reference that it had. */
    void (*release)(struct socket *s);
    bool pipe_signal;
};

/* The values of SO_* that are kept; net/sockopt.c. */
struct socket_options {
    uint32_t send_buffer, receive_buffer; /* [A] bytes */
    uint64_t send_timeout_ns, receive_timeout_ns; /* [A] 0: none */
    bool pass_cred; /* [A] */
    uint32_t flags; /* [A] on-off options that only can be read back: bit by SO_* */
    uint32_t priority, low_water; /* [A] */
    int linger_on, linger_s; /* [A] */
};

struct socket {
    const struct socket_ops *ops; /* [I] */
    int family, type, protocol; /* [I] */
    struct spinlock lock;
    struct wait_queue changed; /* anything that poll shows */
    int error; /* [L] SO_ERROR, positive */
    struct socket_options options;
    struct user_ucred peer_cred; /* [I] */
    uint64_t ino; /* [I] */
    uint64_t created_ns; /* [I] wall time */
};

/* socket_init: a zeroed socket with default options. */
void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type);

/* socket_open: the open file of s, which owns a reference of it. flags: O_NONBLOCK or 0. Returns 0
 * or -ENOMEM: nothing is taken over. */
MUST_CHECK int socket_open(struct socket *s, unsigned flags, struct file **out);

/* socket_of: the socket behind a file, NULL for others. */
struct socket *socket_of(const struct file *f);

/* socket_deadline: when a call of this direction and these flags gives up. socket_wait_error: what
 * the call returns for a wait_until that ended with err. */
uint64_t socket_deadline(const struct socket *s, bool send);
long socket_wait_error(int err, uint64_t deadline_ns);

/* socket_take_error: SO_ERROR, which is reset. */
int socket_take_error(struct socket *s);

/* socket_send, socket_recv: as the ops, with what all families share (SIGPIPE). */
long socket_send(struct socket *s, struct message *m);
long socket_recv(struct socket *s, struct message *m);

/* socket_get_option, socket_set_option: level SOL_SOCKET. value: buffer of *len bytes, the value's
 * length on return. Return 0, -ENOPROTOOPT, -EINVAL, -EPERM, -EDOM. Source: socket(7). */
#define SOCKET_OPTION_MAX 16
MUST_CHECK int socket_get_option(struct socket *s, int option, void *value, size_t *len);
MUST_CHECK int socket_set_option(struct socket *s, int option, const void *value, size_t len);

#endif
