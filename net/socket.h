/* SPDX-License-Identifier: MIT */
/* Sockets: what all families share, and the open file of each. */
#ifndef NET_SOCKET_H
#define NET_SOCKET_H

#include "kernel/file.h"
#include "kernel/fileattr.h"
#include "net/abi.h"
#include "net/message.h"
#include "net/sigio.h"

struct socket;

/* An address family. All of them: net/family.c. */
struct socket_family {
    int family; /* AF_* */
    /* create: a socket of type (SOCK_*, without flags) and protocol, which both are only known to
     * be in range: -ESOCKTNOSUPPORT, -EPROTONOSUPPORT, -EPERM, -ENOMEM ... */
    int (*create)(int type, int protocol, struct socket **out);
    /* pair: two of them, connected with each other. NULL: -EOPNOTSUPP. */
    int (*pair)(int type, int protocol, struct socket *out[2]);
};

enum socket_name { SOCKET_SELF, SOCKET_PEER, SOCKET_ACCEPTED };

/* What a family and type can do. All but release and poll are called with the file held, by any
 * number of threads at once. NULL members: the call fails with the error named. Addresses are in
 * kernel memory, at least SOCKET_ADDRESS_MAX bytes of which those from len on are zero; 0 <= len
 * <= SOCKET_ADDRESS_MAX is all that was checked. Waiting is by socket_deadline, wait_until on
 * socket.changed and socket_wait_error. */
struct socket_ops {
    int (*bind)(struct socket *s, const void *addr, size_t len); /* NULL: -EOPNOTSUPP */
    /* connect: nonblock: -EINPROGRESS or -EAGAIN rather than wait. NULL: -EOPNOTSUPP. */
    int (*connect)(struct socket *s, const void *addr, size_t len, bool nonblock);
    /* listen: backlog in [0, SOCKET_BACKLOG_MAX]; sets s->listening. NULL: -EOPNOTSUPP. */
    int (*listen)(struct socket *s, int backlog);
    /* accept: *out is a socket without a file, the caller's. NULL: -EOPNOTSUPP. */
    int (*accept)(struct socket *s, bool nonblock, struct socket **out);
    /* send: bytes sent, or a negative errno; -EPIPE raises SIGPIPE if pipe_signal. m->flags,
     * control messages and address are the family's to check. */
    long (*send)(struct socket *s, struct message *m);
    long (*recv)(struct socket *s, struct message *m); /* MSG_OOB and MSG_ERRQUEUE, too */
    /* shutdown: how is SHUT_*, checked. NULL: -EOPNOTSUPP. */
    int (*shutdown)(struct socket *s, int how);
    unsigned (*poll)(struct socket *s);
    /* queued: bytes to read (out false: FIONREAD) or on their way (SIOCOUTQ); or an error. */
    long (*queued)(struct socket *s, bool out);
    /* name: an address of *len bytes, at most SOCKET_ADDRESS_MAX: the socket's, its peer's, or that
     * of an accepted socket's peer, which may be gone already. */
    int (*name)(struct socket *s, enum socket_name which, void *out, size_t *len);
    /* get_option, set_option: as socket_get_option and socket_set_option of every level;
     * SOL_SOCKET comes here first. -ENOPROTOOPT of SOL_SOCKET: all that net/sockopt.c does.
     * NULL: the same for SOL_SOCKET, -EOPNOTSUPP for others. */
    int (*get_option)(struct socket *s, int level, int option, void *value, size_t *len);
    int (*set_option)(struct socket *s, int level, int option, const void *value, size_t len);
    /* option_changed: net/sockopt.c has stored SOL_SOCKET's option. NULL: nothing to do. */
    void (*option_changed)(struct socket *s, int option);
    /* ioctl: what socket.c does not know; arg is raw. -ENOTTY: not known here. NULL: nothing is. */
    long (*ioctl)(struct socket *s, unsigned cmd, uint64_t arg);
    /* release: the file is closed (s->file is still set), or there never was one; drops the
     * reference that it had. May block. */
    void (*release)(struct socket *s);
    bool pipe_signal;
};

/* The values of SO_* that are kept; net/sockopt.c. */
struct socket_options {
    uint32_t send_buffer, receive_buffer; /* [A] bytes */
    uint64_t send_timeout_ns, receive_timeout_ns; /* [A] 0: none */
    uint64_t flags; /* [A] on-off options, see socket_flag: bit by SO_* */
    uint32_t priority, low_water, mark; /* [A] */
    uint32_t incoming_cpu; /* [A] 1 + number of a CPU; 0: any */
    uint32_t busy_poll; /* [A] us */
    int linger_on, linger_s; /* [A] */
};

struct socket {
    const struct socket_ops *ops; /* [I] */
    int family, type, protocol; /* [I] */
    struct spinlock lock;
    struct wait_queue changed; /* anything that poll shows */
    int error; /* [L] SO_ERROR, positive */
    int soft_error; /* [A] the same of a stream that goes on in spite of it */
    bool listening; /* [A] SO_ACCEPTCONN */
    struct socket_options options;
    struct sigio sigio; /* [L] */
    struct user_ucred peer_cred; /* [L] SO_PEERCRED */
    struct file *file; /* [A] not referenced; NULL before socket_open */
    uint64_t ino; /* [I] */
    struct fileattr attr; /* what fchmod and its like change */
};

/* socket_family_find: NULL: there is no such family. */
const struct socket_family *socket_family_find(int family);

/* socket_create, socket_create_pair: sockets without files; type without flags. Return 0,
 * -EAFNOSUPPORT, or what the family says. A socket without a file ends with ops->release. */
MUST_CHECK int socket_create(int family, int type, int protocol, struct socket **out);
MUST_CHECK int socket_create_pair(int family, int type, int protocol, struct socket *out[2]);

/* socket_init: a zeroed socket with default options. */
void socket_init(struct socket *s, const struct socket_ops *ops, int family, int type);

/* socket_open: the open file of s, which owns a reference of it. flags: O_NONBLOCK or 0. Returns 0
 * or -ENOMEM: nothing is taken over. */
MUST_CHECK int socket_open(struct socket *s, unsigned flags, struct file **out);

/* socket_file: the open file of s, not referenced; NULL: it never had one. */
static inline struct file *socket_file(const struct socket *s)
{
    return __atomic_load_n(&s->file, __ATOMIC_ACQUIRE); /* pairs with socket_open */
}

/* socket_of: the socket behind a file, NULL for others. */
struct socket *socket_of(const struct file *f);

/* socket_deadline: when a call of this direction and these flags gives up. socket_wait_error: what
 * the call returns for a wait_until that ended with err. */
uint64_t socket_deadline(const struct socket *s, bool send);
long socket_wait_error(int err, uint64_t deadline_ns);

/* socket_error: what the next call tells. socket_take_error: it is reset. socket_set_error: error,
 * positive, is told by the next call or SO_ERROR; waiters are woken. */
int socket_error(struct socket *s);
int socket_take_error(struct socket *s);
void socket_set_error(struct socket *s, int error);

/* socket_set_soft_error, socket_take_soft_error: what a stream has met with and goes on in spite
 * of; positive, 0: nothing. Nobody is woken. */
static inline void socket_set_soft_error(struct socket *s, int error)
{
    __atomic_store_n(&s->soft_error, error, __ATOMIC_RELAXED);
}

static inline int socket_take_soft_error(struct socket *s)
{
    return __atomic_exchange_n(&s->soft_error, 0, __ATOMIC_RELAXED);
}

/* socket_flag: an on-off option of SOL_SOCKET, SO_KEEPALIVE and the like. */
static inline bool socket_flag(const struct socket *s, int option)
{
    return (__atomic_load_n(&s->options.flags, __ATOMIC_RELAXED) >> option & 1) != 0;
}

/* socket_tell: by a signal, if the program wants that, for a reason of sigio_send. Families call it
 * where they wake who waits. */
static inline void socket_tell(struct socket *s, int reason)
{
    if (unlikely(__atomic_load_n(&s->sigio.on, __ATOMIC_RELAXED))) {
        sigio_send(s, reason);
    }
}

/* socket_put_time: the control message of SO_TIMESTAMP or SO_TIMESTAMPNS if one is on: m came in at
 * wall_ns. */
void socket_put_time(const struct socket *s, struct message *m, uint64_t wall_ns);

/* socket_send, socket_recv: as the ops, with what all families share (SIGPIPE). */
long socket_send(struct socket *s, struct message *m);
long socket_recv(struct socket *s, struct message *m);

#define SOCKET_BACKLOG_MAX 4096 /* /proc/sys/net/core/somaxconn */

/* socket_get_option, socket_set_option: value is a buffer of *len bytes, at most
 * SOCKET_OPTION_MAX; *len the value's length on return. Return 0, -ENOPROTOOPT, -EOPNOTSUPP,
 * -EINVAL, -EPERM, -EDOM, or what the family says. Source: socket(7). */
#define SOCKET_OPTION_MAX 512
MUST_CHECK int socket_get_option(struct socket *s, int level, int option, void *value, size_t *len);
MUST_CHECK int socket_set_option(struct socket *s, int level, int option, const void *value,
                                 size_t len);

/* socket_put_value, socket_put_int: an option's value of n bytes for the caller of get_option, cut
 * to its buffer of *len bytes; *len is what was put. Return 0. */
int socket_put_value(void *value, size_t *len, const void *from, size_t n);
int socket_put_int(void *value, size_t *len, int number);

#endif
