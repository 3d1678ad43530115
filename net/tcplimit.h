/* SPDX-License-Identifier: MIT */
/* Bounds of what strangers can make TCP keep. */
#ifndef NET_TCPLIMIT_H
#define NET_TCPLIMIT_H

#include "net/core.h"

/* tcp_limit_time_wait_locked: forget the oldest connections in TIME_WAIT when there are many. */
void tcp_limit_time_wait_locked(void) NEEDS(net_core);

#endif
