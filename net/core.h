/* SPDX-License-Identifier: MIT */
/* The one lock of the TCP/IP stack, its clock, and who runs it when.
 *
 * lwIP and everything that it calls back run under net_lock, which is a spinlock: no sleep and no
 * user access. A call of the program takes it for as long as it talks to lwIP. What was sent under
 * the lock goes to the device together, when the lock is released. */
#ifndef NET_CORE_H
#define NET_CORE_H

#include <lwip/opt.h> /* and net_random32 */

#include "kernel/base/lock.h"

extern struct spinlock net_core;

/* net_lock, net_unlock: net_unlock delivers what was sent to this machine itself, arms the stack's
 * timer and tells the device of packets to send. */
void net_lock(void) TAKES(net_core);
void net_unlock(void) DROPS(net_core);

#endif
