/* SPDX-License-Identifier: MIT */
/* A message on its way to or from the program: data, address, control messages. */
#ifndef NET_MESSAGE_H
#define NET_MESSAGE_H

#include "kernel/file.h"
#include "net/abi.h"

/* Room for any address: what families read from may be longer than the address and is zero there.
 */
#define SOCKET_ADDRESS_MAX 128

struct message {
    struct iov_iter *it;
    unsigned flags; /* MSG_* of the call; MSG_DONTWAIT also for O_NONBLOCK */
    /* sendto(2), sendmsg(2): the address in kernel memory, NULL: none was given. recv: a buffer of
     * SOCKET_ADDRESS_MAX bytes for the sender's, NULL: not wanted. */
    void *addr;
    size_t addrlen; /* send: of addr; recv: set by the family, 0: no address */
    /* send: control messages as the program gave them, in kernel memory, not yet checked. */
    const void *control;
    size_t controllen;
    /* recv: the program's buffer for them; 0: none. Written by message_put. */
    uint64_t put_at;
    size_t put_room, put_done; /* its size; bytes written */
    unsigned out_flags; /* recv: MSG_TRUNC, MSG_CTRUNC, MSG_EOR, MSG_ERRQUEUE */
};

/* One control message of a sender. Zeroed before the first message_next. */
struct control_item {
    int level, type;
    const void *data; /* array[len], 8-aligned */
    size_t len;
    size_t next; /* message_next's */
};

/* message_next: the next control message of m. Returns 1, 0 at the end, -EINVAL for a malformed
 * header. */
MUST_CHECK int message_next(const struct message *m, struct control_item *c);

/* message_put: a control message for a receiver; MSG_CTRUNC in out_flags when it is cut or left
 * out, also without a buffer. Writes to the program's memory: may block, no spinlock held. */
void message_put(struct message *m, int level, int type, const void *data, size_t len);

#endif
