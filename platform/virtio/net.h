/* SPDX-License-Identifier: MIT */
/* Network device: frames in and out, without copies. The driver knows nothing of protocols.
 *
 * Queues are pairs of a receive and a send ring, numbered from 0. One caller at a time receives
 * from a queue; everything else may be called from any CPU at any time. No function blocks.
 * Callbacks run in the context of the function that is named with them, with the caller's locks and
 * none of the driver's, so that they may call the driver again.
 * The locks of the driver come after those of a network stack and before the frame allocator's. */
#ifndef PLATFORM_VIRTIO_NET_H
#define PLATFORM_VIRTIO_NET_H

#include <linux/if_ether.h>
#include <linux/virtio_net.h>

#include "kernel/base/base.h"

#define VIRTIO_NET_QUEUES 8 /* pairs, at most */
#define VIRTIO_NET_PIECES 63 /* of one frame that is sent */
#define VIRTIO_NET_FRAME_MAX (65535 + ETH_HLEN) /* bytes, both ways, with offloads */
#define VIRTIO_NET_ROOM 64 /* bytes of each part that are the receiver's */

struct virtio_net_info {
    uint8_t mac[ETH_ALEN];
    uint16_t mtu; /* what the device says, else 1500 */
    uint8_t queues; /* pairs that are in use */
    bool send_csum; /* VIRTIO_NET_HDR_F_NEEDS_CSUM may be sent */
    bool send_tso4, send_tso6; /* GSO_TCPV4, GSO_TCPV6 may be sent */
    bool receive_csum; /* frames may come with NEEDS_CSUM or DATA_VALID */
    bool receive_tso4, receive_tso6; /* frames of several segments may come */
};

/* A piece of a received frame. It is the receiver's until virtio_net_return; next, data and len are
 * the receiver's to change, too. */
struct virtio_net_part {
    struct virtio_net_part *next;
    uint8_t *data; /* in the direct map */
    uint32_t len;
    uint16_t queue; /* [I] */
    uint16_t index; /* [I] within its queue */
    uint8_t room[VIRTIO_NET_ROOM] __attribute__((aligned(16))); /* e.g. for a custom pbuf */
};

struct virtio_net_frame {
    struct virtio_net_part *first; /* chain of nparts, ends with NULL */
    uint32_t nparts;
    uint32_t len; /* sum over the parts, at least ETH_HLEN */
    uint32_t queue;
    /* Checked: only offloads that were agreed on; with NEEDS_CSUM the checksum's place and its
     * start lie within the frame; with a GSO type gso_size is not 0. hdr_len is only a hint. */
    struct virtio_net_hdr header;
};

struct virtio_net_piece {
    const void *data; /* direct map or the kernel's image: not a stack */
    uint32_t len;
};

struct virtio_net_send {
    struct virtio_net_hdr header; /* all 0: an ordinary frame with all its checksums */
    const struct virtio_net_piece *pieces; /* array[npieces], not needed after the call */
    uint32_t npieces; /* 1..VIRTIO_NET_PIECES; pieces of length 0 are skipped */
    /* The device has read it all; NULL: nobody wants to know. Context: virtio_net_send, _receive or
     * _reap. */
    void (*done)(void *arg);
    void *arg;
};

/* What the driver tells, from the interrupt handler. Members may be NULL. */
struct virtio_net_hooks {
    void (*arrived)(unsigned queue); /* there is something to receive */
    void (*room)(unsigned queue); /* see virtio_net_want_room */
    void (*link)(bool up); /* it changed */
};

struct virtio_net_stats {
    uint64_t receive_frames, receive_bytes;
    uint64_t receive_bad; /* dropped: the device said odd things of them */
    uint64_t receive_starved; /* times that the device was left without buffers */
    uint64_t send_frames, send_bytes;
    uint64_t send_full; /* times that the ring was full */
    uint64_t interrupts, notifications;
};

/* virtio_net_start: find and set up the first network device with up to queues pairs. Interrupts
 * are off. Returns 0, -ENODEV none or it does not agree, -ENOMEM. Context: boot, once. */
MUST_CHECK int virtio_net_start(unsigned queues, struct virtio_net_info *info);

/* virtio_net_set_hooks: before interrupts are switched on; stays the caller's. */
void virtio_net_set_hooks(const struct virtio_net_hooks *hooks);

/* virtio_net_link: the cable is in. As of start, or the last interrupt. */
bool virtio_net_link(void);

/* virtio_net_receive: pass up to budget frames that have arrived to input, which owns their parts
 * from then on (f itself is only lent); then give the device new buffers. Returns how many were
 * passed; fewer than budget: there were no more. */
unsigned virtio_net_receive(unsigned queue, unsigned budget,
                            void (*input)(const struct virtio_net_frame *f, void *arg), void *arg);

/* virtio_net_return: the receiver is done with one part (not the chain behind it). Legal under any
 * lock but the frame allocator's. */
void virtio_net_return(struct virtio_net_part *part);

/* virtio_net_scarce: few buffers are left for the queue: who keeps parts should rather copy what it
 * keeps. */
bool virtio_net_scarce(unsigned queue);

/* virtio_net_send: hand over one frame; the device learns of it at virtio_net_flush. The pieces'
 * memory must stay as it is until done. Returns 0, -EAGAIN: no room; -EINVAL: too many pieces or
 * bytes, too few bytes, or offloads that were not agreed on. */
MUST_CHECK int virtio_net_send(unsigned queue, const struct virtio_net_send *s);

/* virtio_net_flush: tell the device of what was sent, unless it is looking anyway. Once a batch. */
void virtio_net_flush(unsigned queue);

/* virtio_net_reap: call done for what the device has read. */
void virtio_net_reap(unsigned queue);

/* virtio_net_want_room: call hooks.room once when a quarter of the send ring is free. Returns true
 * when that is so already: no call comes then. */
bool virtio_net_want_room(unsigned queue);

/* virtio_net_interrupts: call hooks.arrived (once: the handler switches interrupts off) when
 * something arrives, or do not. Returns true, with interrupts off, when on and something has
 * arrived meanwhile: receive again. */
bool virtio_net_interrupts(unsigned queue, bool on);

void virtio_net_stats(struct virtio_net_stats *out);

#endif
