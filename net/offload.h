/* SPDX-License-Identifier: MIT */
/* What the network device does for TCP. */
#ifndef NET_OFFLOAD_H
#define NET_OFFLOAD_H

#include <linux/virtio_net.h>
#include <lwip/pbuf.h>

#include "kernel/base/base.h"

#define ETHERNET_LEN 14

/* offload_prepare_tcp: if the frame p is a TCP segment and checksum is set, the device completes
 * the sum over the pseudo header, which is put in, and cuts a segment longer than p->segment_size
 * into pieces of it: h, zeroed, says so. Returns true if it is one. */
bool offload_prepare_tcp(struct virtio_net_hdr_v1 *h, const struct pbuf *p, bool checksum);

/* offload_finish_ip4: the identification of an IPv4 packet gets the value that strangers see, and
 * the header its sum. Other frames stay as they are. */
void offload_finish_ip4(uint8_t *frame, bool whole);
#define OFFLOAD_WHOLE 0x40U /* a flag of pbufs that lwIP does not use: routers may not cut it */

#endif
