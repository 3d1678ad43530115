/* SPDX-License-Identifier: MIT */
/* What /proc/net/snmp and /proc/net/netstat tell beyond what lwIP counts itself. */
#ifndef NET_COUNTERS_H
#define NET_COUNTERS_H

#include "kernel/base/base.h"

struct net_counters {
    uint64_t udp_full; /* packets for which a socket had no room */
    uint64_t listen_full; /* connections for which a listener had none */
};
extern struct net_counters net_counters; /* [net_core] */

#endif
