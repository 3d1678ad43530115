/* SPDX-License-Identifier: MIT */
/* The network as kernel/main.c sees it. */
#ifndef NET_NET_H
#define NET_NET_H

/* net_start: the TCP/IP stack with its loopback interface. Once at boot. */
void net_start(void);

#endif
