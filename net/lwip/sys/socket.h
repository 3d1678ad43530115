/* SPDX-License-Identifier: MIT */
/* Of the C library's <sys/socket.h>, what <linux/if.h> needs. */
#ifndef NET_LWIP_SYS_SOCKET_H
#define NET_LWIP_SYS_SOCKET_H

struct sockaddr {
    unsigned short sa_family;
    char sa_data[14];
};

#endif
