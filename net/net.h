/* SPDX-License-Identifier: MIT */
/* The network as kernel/main.c sees it. */
#ifndef NET_NET_H
#define NET_NET_H

#include "kernel/base/base.h"

/* net_start: the TCP/IP stack with its loopback interface, and eth0 if there is a network device,
 * without an address. Once at boot. */
void net_start(void);

/* net_has_device: there is eth0. The calls below are for it and return -ENODEV without one.
 * Context: boot, after net_start. */
bool net_has_device(void);

/* net_add_address: "10.0.2.15/24" or "fd00::5/64". The first IPv4 address is eth0's, others are
 * those of eth0:1 and so on. Returns 0, -EINVAL (not an address), -ENOSPC. */
MUST_CHECK int net_add_address(const char *text);

/* net_set_gateway: where packets for other networks go, IPv4 or IPv6. Returns 0, -EINVAL. */
MUST_CHECK int net_set_gateway(const char *text);

/* net_ask_dhcp: get an IPv4 address, gateway and name servers, waiting up to deadline_ns
 * (CLOCK_MONOTONIC). hostname: told to the server, stays the caller's. Returns 0, -ETIMEDOUT: it
 * goes on in the background. */
MUST_CHECK int net_ask_dhcp(const char *hostname, uint64_t deadline_ns);

/* net_finish: the program has ended and its sockets are closed: wait until what it sent has
 * arrived, while there is progress, for some seconds at most. Context: other threads do not run any
 * more. */
void net_finish(void);

/* net_dns_server: the nth name server that the network named, as text. Returns its length, -ENOENT
 * when there are fewer. */
long net_dns_server(unsigned n, char *out, size_t cap);

#endif
