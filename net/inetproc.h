/* SPDX-License-Identifier: MIT */
/* What /proc/net says of the Internet families. */
#ifndef NET_INETPROC_H
#define NET_INETPROC_H

#include "fs/textfs.h"

void inetproc_tcp(struct text *t, uint64_t key);
void inetproc_tcp6(struct text *t, uint64_t key);
void inetproc_udp(struct text *t, uint64_t key);
void inetproc_udp6(struct text *t, uint64_t key);
void inetproc_raw(struct text *t, uint64_t key);
void inetproc_raw6(struct text *t, uint64_t key);
void inetproc_sockstat(struct text *t, uint64_t key);

/* Counters: net/snmpproc.c. */
void snmpproc_snmp(struct text *t, uint64_t key);
void snmpproc_netstat(struct text *t, uint64_t key);

/* Of interfaces: net/ifaceproc.c. */
void ifaceproc_dev(struct text *t, uint64_t key);
void ifaceproc_route(struct text *t, uint64_t key);
void ifaceproc_addresses6(struct text *t, uint64_t key);
void ifaceproc_arp(struct text *t, uint64_t key);

#endif
