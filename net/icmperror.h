/* SPDX-License-Identifier: MIT */
/* ICMP messages about packets that this machine has sent. */
#ifndef NET_ICMPERROR_H
#define NET_ICMPERROR_H

#include "net/core.h"

/* icmperror_input_locked: icmp[len] is (the beginning of) a message that lwIP is looking at, of
 * either family: whoever sent the packet that it quotes gets to know. Others are ignored. */
void icmperror_input_locked(const uint8_t *icmp, size_t len) NEEDS(net_core);

#endif
