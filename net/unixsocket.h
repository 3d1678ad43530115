/* SPDX-License-Identifier: MIT */
/* AF_UNIX sockets, as the files net/unix*.c share them.
 *
 * References: the file's (or the listener's, of a connection that nobody has accepted yet), one by
 * each socket whose peer it is, one by each packet that it sent and nobody has read. A socket that
 * is closed is dead: it has no packets any more, and others find that out when they use it.
 *
 * Locks: changing, reading (mutexes of one socket) > burying (unixqueue.c) > flight
 * (unixflight.c) > names (unixname.c) > socket.lock of a listener > socket.lock of any other, never
 * of two > wait_queue.lock of room > any other wait_queue.lock. */
#ifndef NET_UNIXSOCKET_H
#define NET_UNIXSOCKET_H

#include <asm/poll.h>

#include "kernel/mutex.h"
#include "net/scm.h"
#include "net/socket.h"

#define NO_RECEIVE 1 /* shut, for this direction */
#define NO_SEND 2
#define NO_BOTH 3
#define READABLE (POLLIN | POLLRDNORM)
#define WRITABLE (POLLOUT | POLLWRNORM | POLLWRBAND)

struct unix_socket;
struct vnode;

/* A socket's name: an address. Those of accepted sockets are their listener's. */
struct unix_name {
    uint32_t refs; /* [A] */
    size_t len; /* [I] */
    char address[]; /* [I] array[len], a sockaddr_un */
};

struct packet {
    struct list link; /* [L of the socket in whose queue it is] */
    struct scm scm;
    struct unix_socket *from; /* [I] who sent it: referenced */
    uint64_t wall_ns; /* [I] when, 0: nobody asked for it */
    size_t start, len; /* what is left: data[start, start + len) */
    size_t cost; /* [I] charged to the sender */
    char data[];
};

enum unix_state { UNIX_CLOSED, UNIX_LISTENING, UNIX_CONNECTED };

struct unix_socket {
    struct socket socket;
    uint32_t refs; /* [A] */
    enum unix_state
        state; /* [L = socket.lock], [A] to read; never back from the last two of streams
                            */
    unsigned shut; /* [L] NO_* */
    bool dead; /* [L] closed */
    struct unix_socket *peer; /* [L] referenced; of streams: [A], stays once set, until release */
    /* what comes in */
    struct mutex reading; /* who reads; held while the program's memory is written */
    struct wait_queue readers; /* threads that wait for packets or connections */
    struct list packets; /* [L] only who reads takes some off */
    struct list pending; /* [L] of a listener: connections not accepted, by their waiting */
    struct list waiting; /* [L of the listener] */
    unsigned queued; /* [L] number of packets or pending connections */
    unsigned backlog; /* [L] there is room while queued is no more than this */
    size_t bytes; /* [L] of all packets */
    struct wait_queue room; /* who waits to send or connect to here */
    /* what goes out */
    size_t sent; /* [A] cost of the packets that it has sent and nobody has read */
    bool no_space; /* [A] somebody found no room to send */
    struct wait_entry peer_room; /* [changing] on the room of a peer of datagrams */
    bool wants_room; /* [A] poll has seen that peer full */
    /* name */
    struct mutex changing; /* bind and the connect of datagrams, one at a time */
    struct unix_name *name; /* [A] NULL: none; set once */
    struct vnode *vnode; /* [names] of a path name: referenced until release */
    struct list named; /* [names] */
    /* in flight: unixflight.c */
    struct list all; /* [flight] of every socket that is not dead */
    struct list flying; /* [flight] of those with in_flight */
    struct list reached; /* [flight] while collecting */
    unsigned in_flight; /* [flight] references of its file that packets hold */
    unsigned outside; /* [flight] of those, how many are not in garbage; while collecting */
    bool suspect; /* [flight] has no other references; while collecting */
};

static inline struct unix_socket *unix_of(struct socket *s)
{
    return container_of(s, struct unix_socket, socket);
}

/* unix.c */

/* unix_alloc: of a type, with one reference. NULL: out of memory. */
struct unix_socket *unix_alloc(int type);
void unix_get(struct unix_socket *u);
void unix_put(struct unix_socket *u);

/* unix_peer: the peer with a reference, NULL: none. */
struct unix_socket *unix_peer(struct unix_socket *u);

/* unix_own_cred: what SO_PEERCRED tells a peer. */
struct user_ucred unix_own_cred(void);

/* unix_wake: everybody who waits for anything of u. */
void unix_wake(struct unix_socket *u);

unsigned unix_shut(struct unix_socket *u);
enum unix_state unix_state(const struct unix_socket *u);

/* unix_close: end u, which has no file: one that nobody has accepted. */
void unix_close_pending(struct unix_socket *u);

/* unixname.c */

/* unixname_check: an address that bind and connect accept: 0 or -EINVAL. */
MUST_CHECK int unixname_check(const void *addr, size_t len);

/* unixname_bind: give u the name addr, of which only the family is meant when len says so.
 * unixname_auto: a name of the system's choice, if u has none. unixname_leave: u is closed.
 * unixname_put: one reference less, NULL: none. Context: may block; take u->changing. */
MUST_CHECK int unixname_bind(struct unix_socket *u, const void *addr, size_t len);
MUST_CHECK int unixname_auto(struct unix_socket *u);
void unixname_leave(struct unix_socket *u);
void unixname_put(struct unix_name *n);

/* unixname_find: the socket with a name and type, with a reference. Returns 0; -ECONNREFUSED,
 * -EPROTOTYPE, or why the path cannot be walked. */
MUST_CHECK int unixname_find(const void *addr, size_t len, int type, struct unix_socket **out);

/* unixname_write: the name of u, NULL or unnamed: just a family, as an address. */
void unixname_write(const struct unix_socket *u, void *out, size_t *len);

/* unixjoin.c: as socket_ops. */
int unixjoin_connect(struct socket *s, const void *addr, size_t len, bool nonblock);
int unixjoin_connect_datagram(struct socket *s, const void *addr, size_t len, bool nonblock);
int unixjoin_listen(struct socket *s, int backlog);
int unixjoin_accept(struct socket *s, bool nonblock, struct socket **out);

/* unixjoin_part: u, of datagrams, has no peer any more, if it still is peer. Takes u->changing. */
void unixjoin_part(struct unix_socket *u, struct unix_socket *peer);

/* unixqueue.c */

/* packet_create: n bytes of m and what scm has (if not NULL) from u, which is charged and must have
 * room: see packet_await_room. Returns 0, -ENOBUFS, -EFAULT. */
MUST_CHECK int packet_create(struct unix_socket *u, struct message *m, struct scm *scm, size_t n,
                             struct packet **out);
void packet_free(struct packet *p);

/* packet_bury: free what is in list. Closing the files in it closes sockets, which come here again:
 * does not recurse. */
void packet_bury(struct list *list);

/* packet_await_room: until u may send more. Returns 0, -EPIPE, -EAGAIN, u's error or why waiting
 * ended. */
MUST_CHECK long packet_await_room(struct unix_socket *u, unsigned flags, uint64_t deadline_ns);

/* packet_append_locked: p is the last for u now. packet_arrived: u's readers hear of it. */
void packet_append_locked(struct unix_socket *u, struct packet *p) NEEDS(u->socket.lock);
void packet_arrived(struct unix_socket *u);

struct packet *packet_first(struct unix_socket *u);
struct packet *packet_next(struct unix_socket *u, struct packet *p) NEEDS(u->reading);

/* packet_used: n bytes of p were read; all: it is over with it. */
void packet_used(struct unix_socket *u, struct packet *p, size_t n, bool all) NEEDS(u->reading);

/* packet_wait: until something comes in, with reading dropped meanwhile. Returns 0 or why waiting
 * ended. */
MUST_CHECK long packet_wait(struct unix_socket *u, uint64_t deadline_ns) NEEDS(u->reading);

/* packet_deliver: what came along with data; result is the call's. Drops scm. */
void packet_deliver(struct unix_socket *u, struct message *m, struct scm *scm, long result);

/* packet_name: m is told who sent p. */
void packet_name(struct message *m, const struct packet *p);

/* unixstream.c, unixpacket.c: as socket_ops. */
long unixstream_send(struct socket *s, struct message *m);
long unixstream_recv(struct socket *s, struct message *m);
long unixpacket_send(struct socket *s, struct message *m);
long unixpacket_recv(struct socket *s, struct message *m);

/* unixpacket_peer_full: poll may not say that u can send to the peer it has now; it will be woken
 * when it can. */
bool unixpacket_peer_full(struct unix_socket *u);

/* unixpacket_lost: u has lost its peer, old: what that sent is gone, and it is told if it had u as
 * its peer. */
void unixpacket_lost(struct unix_socket *u, struct unix_socket *old);

#endif
