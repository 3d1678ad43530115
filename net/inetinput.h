/* SPDX-License-Identifier: MIT */
/* Packets from the network on their way to datagram sockets. */
#ifndef NET_INETINPUT_H
#define NET_INETINPUT_H

#include "net/core.h"

/* inetinput_start: lwIP shows us UDP packets and ICMP messages. Once at boot. */
void inetinput_start_locked(void) NEEDS(net_core);

#endif
