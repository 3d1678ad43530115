/* SPDX-License-Identifier: MIT */
/* TCP sockets over lwIP's raw API: what net/tcp*.c share.
 *
 * A socket has one reference of its file and one of lwIP's control block (pcb), which tells of
 * events. Data to send waits in chunks that lwIP's segments point into until the peer has
 * acknowledged it; data received waits in lwIP's own buffers until it is read. Both are copied from
 * and to the program without net_core: only the holder of send_lock appends chunks, only that of
 * recv_lock takes received buffers off. */
#ifndef NET_TCP_H
#define NET_TCP_H

#include <lwip/tcp.h>

#include "kernel/base/list.h"
#include "kernel/mutex.h"
#include "net/core.h"
#include "net/inetaddr.h"
#include "net/inetopt.h"
#include "net/socket.h"

enum tcp_phase {
    TCP_NEW, /* perhaps bound */
    TCP_LISTENING,
    TCP_CONNECTING,
    TCP_OPEN, /* connected; one side or both may have ended */
    TCP_DEAD, /* was connected, or failed to */
};

/* Values of options that are numbers; 0: as it is without. Times in the options' own units. */
struct tcp_values {
    uint32_t keep_idle, keep_interval, keep_count; /* s, s, probes */
    uint32_t user_timeout; /* ms */
    uint32_t max_segment, syn_count, linger2, defer_accept, window_clamp, thin;
    uint32_t notsent_low; /* bytes */
    uint32_t receive_limit; /* bytes of a window: SO_RCVBUF was set */
};

struct tcp_socket {
    struct socket s;
    uint32_t refs; /* [A] */
    uint32_t ready; /* [A] POLL* bits; written under net_core */
    struct mutex send_lock, recv_lock;

    struct tcp_pcb *pcb; /* [net_core, as all below] NULL: lwIP has forgotten it */
    enum tcp_phase phase; /* [A] */
    struct inet_address local, peer;
    struct tcp_socket *found_next; /* net/tcpfind.c's */
    bool findable;
    bool read_end; /* the peer has ended */
    bool shut_read, shut_write;
    bool fin_handed; /* lwIP knows that this side has ended */
    bool orphan; /* the file is closed */
    uint16_t wire_mss; /* longest segment on the wire */
    uint16_t lwip_mss; /* lwIP's: longer if the device cuts them */
    bool nodelay, cork, quickack;
    bool pour; /* what waits because of cork is sent */
    struct list corked; /* while something waits because of it: net/tcpcork.c */
    uint64_t corked_until_ns;
    bool keeps_address, keeps_port; /* what bind gave stays when a connection ends */
    struct inet_options inet;
    uint8_t quick; /* segments that are acknowledged at once, as Linux does at first */
    struct tcp_values values;
    uint64_t progress_ns; /* when the peer last acknowledged something */
    bool told_connect; /* connect has reported how the connection came about */

    struct pbuf *received, *received_tail; /* single pbufs, linked by next */
    struct pbuf *collector; /* of received: one with room for short pieces, NULL: none */
    size_t received_bytes; /* unread */
    size_t received_offset; /* read of the first */

    struct list chunks; /* struct chunk */
    size_t sent_bytes; /* in them, not yet released */
    size_t unhanded; /* of those: lwIP does not have them yet */
    struct chunk *hand; /* where unhanded bytes begin; NULL: none */
    struct chunk *filling; /* a sender copies into it: it stays */
    uint32_t released; /* sequence number of the first byte in chunks */
    uint32_t small_end; /* sequence number behind the last segment shorter than the largest */

    struct list accepted; /* listening: tcp_socket.queued, for accept */
    struct list deferred; /* listening: the same of those that wait for data: net/tcpdefer.c */
    struct list queued; /* in one of the listener's lists */
    unsigned naccepted, ndeferred, backlog;
    struct list half_open; /* listening: net/tcplimit.c */
    unsigned nhalf_open;
    struct tcp_socket *deferred_by; /* the listener in whose list it waits for data */
    uint64_t deferred_until_ns;
};

static inline struct tcp_socket *tcp_socket(struct socket *s)
{
    return container_of(s, struct tcp_socket, s);
}

/* tcp_socket_new: without a pcb; one reference. NULL: out of memory. tcp_put: drop one; the last
 * frees what is left. Context: any but under net_core, unless it is not the last. */
struct tcp_socket *tcp_socket_new(int family);
void tcp_get(struct tcp_socket *t);
void tcp_put(struct tcp_socket *t);

/* tcp_put_locked: as tcp_put, under net_core. */
void tcp_put_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_attach_locked: pcb is t's from now on, with a reference. tcp_detach_locked: it is not; what
 * becomes of it is the caller's. Drops the reference. */
void tcp_attach_locked(struct tcp_socket *t, struct tcp_pcb *pcb) NEEDS(net_core);
void tcp_detach_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_update_locked: compute ready anew; wakes whoever waits for a bit that is new or in always. */
void tcp_update_locked(struct tcp_socket *t, unsigned always) NEEDS(net_core);

/* tcp_push_locked: hand what may be sent to lwIP, and the end when it is due. */
void tcp_push_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_release_locked: free what no segment of lwIP points to any more. */
void tcp_release_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_drop_sent_locked, tcp_drop_received_locked: at the end. */
void tcp_drop_sent_locked(struct tcp_socket *t) NEEDS(net_core);
void tcp_drop_received_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_received_locked: p, a packet's data in order, is t's to be read. Returns false, and takes
 * nothing, when unread data holds too much memory. */
MUST_CHECK bool tcp_received_locked(struct tcp_socket *t, struct pbuf *p) NEEDS(net_core);

/* tcp_settle_locked: leave the control block to lwIP if t needs it no more. */
void tcp_settle_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_listen_locked: pcb, which listens, tells t of connections; takes a reference as
 * tcp_attach_locked. */
void tcp_listen_locked(struct tcp_socket *t, struct tcp_pcb *pcb) NEEDS(net_core);

/* tcp_stop_listening_locked: t is bound, and no more. */
void tcp_stop_listening_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_bind_locked: t gets a's address and port, or any that is free. Returns 0, -EINVAL,
 * -EADDRNOTAVAIL, -EADDRINUSE, -ENOBUFS. tcp_claim_locked: t has a control block, with its name. */
MUST_CHECK int tcp_bind_locked(struct tcp_socket *t, struct inet_address *a) NEEDS(net_core);
MUST_CHECK int tcp_claim_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_port_is_busy_locked: t may not have ip and port, or not listen there. */
bool tcp_port_is_busy_locked(const struct tcp_socket *t, const ip_addr_t *ip, uint16_t port)
    NEEDS(net_core);

/* SO_REUSEPORT among the options of a control block: a bit that lwIP does not use. */
#define TCP_SOF_REUSEPORT 0x40U

/* tcp_forget_locked: t's connection is over, and t new again. */
void tcp_forget_locked(struct tcp_socket *t) NEEDS(net_core);

/* tcp_connected: lwIP's callback of tcp_connect. */
err_t tcp_on_connected(void *arg, struct tcp_pcb *pcb, err_t err);

#define TCP_POLL_TICKS 10 /* slow ticks between lwIP's questions whether all is well */
#define TCP_QUICK 16 /* the first of a connection */

/* tcp_apply_locked: the control block follows the options. */
void tcp_apply_locked(struct tcp_socket *t) NEEDS(net_core);

/* The ops. */
int tcp_op_bind(struct socket *s, const void *addr, size_t len);
int tcp_op_connect(struct socket *s, const void *addr, size_t len, bool nonblock);
long tcp_op_send(struct socket *s, struct message *m);
long tcp_op_recv(struct socket *s, struct message *m);
int tcp_op_get_option(struct socket *s, int level, int option, void *value, size_t *len);
int tcp_op_set_option(struct socket *s, int level, int option, const void *value, size_t len);
void tcp_op_option_changed(struct socket *s, int option);

/* tcp_create: the create of socket_family, for SOCK_STREAM. */
int tcp_create(int family, int protocol, struct socket **out);

/* tcp_state_number: Linux's number of pcb's state; NULL: closed. */
uint8_t tcp_state_number(const struct tcp_pcb *pcb);

/* tcp_syn_count: how often a SYN is repeated. */
unsigned tcp_syn_count(const struct tcp_socket *t);

/* tcp_write_room: bytes that send would take now. */
size_t tcp_write_room(const struct tcp_socket *t);

#endif
