/* SPDX-License-Identifier: MIT */
/* When the network device is looked at. */
#ifndef NET_NETPOLL_H
#define NET_NETPOLL_H

#include "kernel/base/base.h"

/* netpoll_start: once there is a device. */
void netpoll_start(void);

/* netpoll_arrived: the device's interrupt. Context: irq_poll. */
void netpoll_arrived(void);

/* netpoll_look: take in what is there, unless another CPU does. Context: no lock held. */
void netpoll_look(void);

/* netpoll_is_looking: somebody will look soon, and then tell the device of what was sent. */
bool netpoll_is_looking(void);

#endif
