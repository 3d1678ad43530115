/* SPDX-License-Identifier: MIT */
/* The table that /proc/net is made of. Owns nothing, no locks. Source: proc(5). */
#include "net/netproc.h"

#include "net/inetproc.h"
#include "net/unix.h"

const struct textfs_entry netproc_table[] = {
    TEXTFS_FILE("arp", ifaceproc_arp),
    TEXTFS_FILE("dev", ifaceproc_dev),
    TEXTFS_FILE("if_inet6", ifaceproc_addresses6),
    TEXTFS_FILE("netstat", snmpproc_netstat),
    TEXTFS_FILE("raw", inetproc_raw),
    TEXTFS_FILE("raw6", inetproc_raw6),
    TEXTFS_FILE("route", ifaceproc_route),
    TEXTFS_FILE("snmp", snmpproc_snmp),
    TEXTFS_FILE("sockstat", inetproc_sockstat),
    TEXTFS_FILE("tcp", inetproc_tcp),
    TEXTFS_FILE("tcp6", inetproc_tcp6),
    TEXTFS_FILE("udp", inetproc_udp),
    TEXTFS_FILE("udp6", inetproc_udp6),
    TEXTFS_FILE("unix", unixproc_show),
    {.name = NULL},
};
