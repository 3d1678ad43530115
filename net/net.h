/* SPDX-License-Identifier: MIT */
/* The network as kernel/main.c sees it. */
#ifndef NET_NET_H
#define NET_NET_H

#include "kernel/base/base.h"

/* net_start: the TCP/IP stack with its loopback interface. Once at boot. */
void net_start(void);

/* net_add_address: eth0 will have this one: "10.0.2.15/24" or "fd00::5/64". Returns 0, -EINVAL (not
 * an address), -ENOSPC. Context: boot, before net_need_device. */
MUST_CHECK int net_add_address(const char *text);

/* net_set_gateway: where packets for other networks will go, IPv4 or IPv6. Returns 0, -EINVAL.
 * Context: as above. */
MUST_CHECK int net_set_gateway(const char *text);

/* net_need_device: eth0 is there with its addresses afterwards, if there is a network device.
 * Called by whatever lets the program see the network: setting the device up costs nearly as much
 * as the rest of the boot, and most programs never ask. May block. */
void net_need_device(void);

/* net_has_device: eth0 is there. */
bool net_has_device(void);

/* net_ask_dhcp: get an IPv4 address, gateway and name servers, waiting up to deadline_ns
 * (CLOCK_MONOTONIC). hostname: told to the server, stays the caller's. Returns 0, -ENODEV,
 * -ETIMEDOUT: it goes on in the background. */
MUST_CHECK int net_ask_dhcp(const char *hostname, uint64_t deadline_ns);

/* net_finish: the program has ended and its sockets are closed: wait until what it sent has
 * arrived, while there is progress, for some seconds at most. Context: other threads do not run any
 * more. */
void net_finish(void);

/* net_set_names_hook: fn is called after the network has named other servers, from net_need_device,
 * without locks; may block. net_names_changed: it has, since the last time this was asked. */
void net_set_names_hook(void (*fn)(void));
bool net_names_changed(void);

/* net_dns_server: the nth name server that the network named, as text. Returns its length, -ENOENT
 * when there are fewer. */
long net_dns_server(unsigned n, char *out, size_t cap);

#endif
